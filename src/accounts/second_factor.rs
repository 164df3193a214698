//! The second factor: codes of an app, as RFC 6238 has them, and recovery codes for when it is lost.
//!
//! The secret is made from the server's and a salt, so whoever reads the database alone makes no codes.

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use totp_rs::{Builder, Secret, Totp};

use super::{Accounts, secret_hash};
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, Identity, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::UserId,
        mail::Notice,
        session::{Client, SecondFactor},
        user::User,
    },
};

/// In bytes, as RFC 4226 recommends.
const SECRET: usize = 20;
const RECOVERY_CODES: usize = 10;
/// How long a factor has to be there before it outlasts a password that is set by a link or by the operator.
const YOUNG: TimeDelta = TimeDelta::days(7);
/// In bytes: none has more.
const MAX_CODE: usize = 64;

/// What an app makes codes from.
#[derive(Debug, Clone)]
pub struct NewTotp {
    /// In base 32, to be typed.
    pub secret: String,
    /// For a QR code.
    pub url: String,
}

impl Accounts {
    /// Begins a second factor, which `confirm_totp` makes one.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` for a wrong password; `INVALID_STATE` where there is one; `RateLimited` after too many tries.
    pub async fn begin_totp(
        &self,
        caller: &Caller,
        password: Option<String>,
        client: &Client,
    ) -> ServiceResult<NewTotp> {
        let user = &self.confirm(caller, password, client).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
        self.check_may_add_factor(&transaction, caller).await?;
        if db::second_factors::find(&transaction, user.id).await?.is_some_and(|factor| factor.is_confirmed) {
            return Err(Refusal::of(UserErrorCode::InvalidState, "You have a second factor: disable it first.").into());
        }
        let salt = hex::encode(self.inner.clock.random_bytes::<16>());
        db::second_factors::begin(&transaction, user.id, salt.clone()).await?;
        transaction.commit().await?;
        let totp = self.totp(user, &salt)?;
        let url = totp.to_url().map_err(|error| internal(&error))?;
        Ok(NewTotp { secret: self.totp_secret(user, &salt).to_base32(), url })
    }

    /// Makes the second factor that was begun one, by a code of it. Gives recovery codes, each of which is good once.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` for a wrong code; `INVALID_STATE` where none was begun; `RateLimited` after too many tries.
    pub async fn confirm_totp(&self, caller: &Caller, code: &str, client: &Client) -> ServiceResult<Vec<String>> {
        let Identity { user, standing, .. } = caller.acting(TokenScope::Account)?;
        let begun = db::second_factors::find(self.inner.db.conn(), user.id).await?;
        let not_begun = || Refusal::of(UserErrorCode::InvalidState, "No second factor was begun.");
        let begun = begun.filter(|factor| !factor.is_confirmed).ok_or_else(not_begun)?;
        let tries = self.begin_try(user, client)?;
        let step = self.step_of(user, &begun, code)?.ok_or_else(wrong_code)?;
        self.inner.code_limits.succeeded(&tries, client.address);
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let hashes: Vec<String> = codes.iter().map(|code| secret_hash(code)).collect();
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
        self.check_may_add_factor(&transaction, caller).await?;
        if !db::second_factors::confirm(&transaction, &begun, &hashes, self.inner.clock.now()).await? {
            return Err(not_begun().into());
        }
        db::second_factors::take_step(&transaction, user.id, step).await?;
        db::identities::note_second_factor(&transaction, standing.credential).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::SecondFactorEnabled, by, Some(user.id.0))).await?;
        self.notify(&transaction, user, Notice::SecondFactorEnabled).await?;
        self.commit(transaction).await?;
        Ok(codes)
    }

    /// Removes the caller's codes, by the password and one of them.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where one of them is wrong; `RateLimited` after too many tries.
    pub async fn disable_totp(
        &self,
        caller: &Caller,
        password: Option<String>,
        code: &str,
        client: &Client,
    ) -> ServiceResult<User> {
        let user = self.confirm(caller, password, client).await?;
        self.check_second_factor(&user, Some(code), client).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
        db::second_factors::remove(&transaction, user.id).await?;
        self.forget_second_factor_if_none(&transaction, user.id).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::SecondFactorDisabled, by, Some(user.id.0))).await?;
        self.notify(&transaction, &user, Notice::SecondFactorDisabled).await?;
        self.commit(transaction).await?;
        Ok(User { second_factor_at: None, ..user })
    }

    /// Removes the codes and the passkeys of a user who lost them, for the operator.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`.
    pub async fn reset_second_factor(&self, email: &str) -> ServiceResult<()> {
        let user = self.user_of_address(email).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
        db::second_factors::remove(&transaction, user.id).await?;
        db::passkeys::remove_all(&transaction, user.id).await?;
        self.forget_second_factor_if_none(&transaction, user.id).await?;
        let disabled = Audited::new(AuditAction::SecondFactorDisabled, Actor::System, Some(user.id.0));
        self.audit(&transaction, disabled).await?;
        self.notify(&transaction, &user, Notice::SecondFactorDisabled).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    /// Removes what was added a moment before somebody showed otherwise that the account is theirs: whoever had stolen the
    /// password may have added it.
    pub(super) async fn remove_young_factors(&self, transaction: &db::Transaction, user: &User) -> ServiceResult<()> {
        let since = self.inner.clock.now() - YOUNG;
        db::users::hold(transaction, user.id).await?;
        // As it is now that nobody else changes it.
        let confirmed_at = db::users::find(transaction, user.id).await?.and_then(|user| user.second_factor_at);
        let has_young_codes = confirmed_at.is_some_and(|at| at > since);
        if has_young_codes || confirmed_at.is_none() {
            db::second_factors::remove(transaction, user.id).await?;
        }
        let mut young = db::passkeys::of_user(transaction, user.id).await?;
        young.retain(|passkey| passkey.created_at > since);
        for passkey in &young {
            db::passkeys::remove(transaction, user.id, passkey.id).await?;
        }
        if !has_young_codes && young.is_empty() {
            return Ok(());
        }
        self.forget_second_factor_if_none(transaction, user.id).await?;
        let disabled = Audited::new(AuditAction::SecondFactorDisabled, Actor::System, Some(user.id.0));
        self.audit(transaction, disabled).await?;
        self.notify(transaction, user, Notice::SecondFactorDisabled).await
    }

    /// Whoever has a second factor adds another one only in a session that began with it: not with a password that was
    /// stolen. The user is held.
    ///
    /// # Errors
    /// `SECOND_FACTOR_REQUIRED`; `Unauthenticated` where the caller's log-in has ended.
    pub(super) async fn check_may_add_factor(
        &self,
        transaction: &db::Transaction,
        caller: &Caller,
    ) -> ServiceResult<()> {
        let identity = caller.acting(TokenScope::Account)?;
        // A log-in may have ended since the request began: by a new password, for example.
        if !db::identities::stands(transaction, identity.standing, self.inner.clock.now()).await? {
            return Err(ServiceError::Unauthenticated);
        }
        if identity.has_second_factor || !has_factor(transaction, identity.id()).await? {
            return Ok(());
        }
        let why = "The account has a second factor: sign in with it first.";
        Err(Refusal::of(UserErrorCode::SecondFactorRequired, why).into())
    }

    /// Has nothing of a user count as more than a password any more, where they have nothing more.
    pub(super) async fn forget_second_factor_if_none(
        &self,
        transaction: &db::Transaction,
        user: UserId,
    ) -> ServiceResult<()> {
        if has_factor(transaction, user).await? {
            return Ok(());
        }
        db::identities::forget_second_factor(transaction, user).await?;
        Ok(db::users::touch_rights(transaction, user).await?)
    }

    /// Checks the second factor of somebody who gave the right password, if they have one. Says whether they have.
    ///
    /// # Errors
    /// `SECOND_FACTOR_REQUIRED` without a code, `INVALID_CREDENTIALS` for a wrong one or one that was used; `RateLimited`
    /// after too many tries.
    pub(super) async fn check_second_factor(
        &self,
        user: &User,
        code: Option<&str>,
        client: &Client,
    ) -> ServiceResult<bool> {
        let conn = self.inner.db.conn();
        let factor = db::second_factors::find(conn, user.id).await?.filter(|factor| factor.is_confirmed);
        let Some(factor) = factor else { return Ok(false) };
        let Some(code) = code else {
            // The first step of every such log-in; the last one of somebody who has stolen the password.
            self.note_failure(&user.email, "SECOND_FACTOR_REQUIRED", client).await?;
            let why = "The account has a second factor: send its code, too.";
            return Err(Refusal::on("code", UserErrorCode::SecondFactorRequired, why).into());
        };
        let tries = self.begin_try(user, client)?;
        let is_right = match self.step_of(user, &factor, code)? {
            Some(step) => db::second_factors::take_step(conn, user.id, step).await?,
            None => db::second_factors::take_recovery_code(conn, &factor, &secret_hash(&canonical(code))).await?,
        };
        if !is_right {
            self.note_failure(&user.email, "WRONG_CODE", client).await?;
            return Err(wrong_code().into());
        }
        self.inner.code_limits.succeeded(&tries, client.address);
        Ok(true)
    }

    /// Counts a try. Whoever has the password guesses codes no faster than others do passwords.
    fn begin_try(&self, user: &User, client: &Client) -> ServiceResult<String> {
        let tried = format!("code of {}", user.id);
        self.inner.code_limits.begin(&tried, client.address, self.inner.clock.now())?;
        Ok(tried)
    }

    /// The step that a code is of, if it is one of now, a little earlier or a little later.
    fn step_of(&self, user: &User, factor: &SecondFactor, code: &str) -> ServiceResult<Option<u64>> {
        let code = canonical(code);
        let now = self.inner.clock.now().timestamp().unsigned_abs();
        Ok(self.totp(user, &factor.salt)?.check(&code, now).filter(|step| *step > factor.last_step))
    }

    fn totp(&self, user: &User, salt: &str) -> ServiceResult<Totp> {
        let site = self.inner.rules.pages.host_str().unwrap_or("Darkroom").replace(':', " ");
        let account = user.email.replace(':', " ");
        let builder = Builder::new().with_secret(self.totp_secret(user, salt)).with_account_name(account);
        builder.with_issuer(Some(site)).build().map_err(|error| internal(&error))
    }

    fn totp_secret(&self, user: &User, salt: &str) -> Secret {
        let mut secret = [0; SECRET];
        // HMAC takes keys of every length.
        if let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.inner.totp_key) {
            let made = mac.chain_update(user.id.0.as_bytes()).chain_update(salt).finalize().into_bytes();
            secret.copy_from_slice(&made[..SECRET]);
        }
        Secret::new_stack(secret)
    }

    /// Such as `3f9a-07c1-d2be-8845`.
    fn recovery_code(&self) -> String {
        let code = hex::encode(self.inner.clock.random_bytes::<8>());
        let parts: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|at| code.get(*at..at + 4)).collect();
        parts.join("-")
    }
}

/// Whether a user has codes or a passkey.
async fn has_factor(conn: &impl db::Connection, user: UserId) -> ServiceResult<bool> {
    let codes = db::second_factors::find(conn, user).await?.filter(|factor| factor.is_confirmed);
    Ok(codes.is_some() || !db::passkeys::of_user(conn, user).await?.is_empty())
}

/// As it was given out, however it was typed.
fn canonical(code: &str) -> String {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(MAX_CODE).collect();
    code.to_lowercase()
}

fn wrong_code() -> Refusal {
    Refusal::on("code", UserErrorCode::InvalidCredentials, "The code is wrong or was used: wait for the next one.")
}

fn internal(error: &totp_rs::TotpError) -> ServiceError {
    ServiceError::Internal(anyhow::anyhow!("a second factor could not be made: {error}"))
}
