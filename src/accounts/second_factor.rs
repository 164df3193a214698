//! The second factor: codes of an app, as RFC 6238 has them, and recovery codes for when it is lost.
//!
//! The secret is made from the server's and a salt, so whoever reads the database alone makes no codes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use totp_rs::{Builder, Secret, Totp};

use super::{Accounts, secret_hash};
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        session::{Client, SecondFactor},
        user::User,
    },
};

/// In bytes, as RFC 4226 recommends.
const SECRET: usize = 20;
const RECOVERY_CODES: usize = 10;
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
    pub async fn begin_totp(&self, caller: &Caller, password: String, client: &Client) -> ServiceResult<NewTotp> {
        let user = &caller.acting(TokenScope::Account)?.user;
        self.check_password(&user.email, password, client).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
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
        let user = &caller.acting(TokenScope::Account)?.user;
        let begun = db::second_factors::find(self.inner.db.conn(), user.id).await?;
        let not_begun = || Refusal::of(UserErrorCode::InvalidState, "No second factor was begun.");
        let begun = begun.filter(|factor| !factor.is_confirmed).ok_or_else(not_begun)?;
        let tries = self.begin_try(user, client)?;
        let step = self.step_of(user, &begun, code)?.ok_or_else(wrong_code)?;
        self.inner.log_in_limits.succeeded(&tries, client.address);
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let hashes: Vec<String> = codes.iter().map(|code| secret_hash(code)).collect();
        let transaction = self.inner.db.begin().await?;
        if !db::second_factors::confirm(&transaction, user.id, &hashes, self.inner.clock.now()).await? {
            return Err(not_begun().into());
        }
        db::second_factors::take_step(&transaction, user.id, step).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::SecondFactorEnabled, by, Some(user.id.0))).await?;
        transaction.commit().await?;
        self.inner.callers.clear();
        Ok(codes)
    }

    /// Removes the caller's second factor, by the password and a code of it.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where one of them is wrong; `RateLimited` after too many tries.
    pub async fn disable_totp(
        &self,
        caller: &Caller,
        password: String,
        code: &str,
        client: &Client,
    ) -> ServiceResult<User> {
        let user = &caller.acting(TokenScope::Account)?.user;
        let user = self.check_password(&user.email, password, client).await?.user;
        self.check_second_factor(&user, Some(code), client).await?;
        let transaction = self.inner.db.begin().await?;
        db::second_factors::remove(&transaction, user.id).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::SecondFactorDisabled, by, Some(user.id.0))).await?;
        transaction.commit().await?;
        self.inner.callers.clear();
        Ok(User { second_factor_at: None, ..user })
    }

    /// Removes the second factor of a user who lost it, for the operator.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`.
    pub async fn reset_second_factor(&self, email: &str) -> ServiceResult<()> {
        let user = self.user_of_address(email).await?;
        let transaction = self.inner.db.begin().await?;
        db::second_factors::remove(&transaction, user.id).await?;
        let disabled = Audited::new(AuditAction::SecondFactorDisabled, Actor::System, Some(user.id.0));
        self.audit(&transaction, disabled).await?;
        Ok(transaction.commit().await?)
    }

    /// Checks the second factor of somebody who gave the right password, if they have one.
    ///
    /// # Errors
    /// `SECOND_FACTOR_REQUIRED` without a code, `INVALID_CREDENTIALS` for a wrong one or one that was used; `RateLimited`
    /// after too many tries.
    pub(super) async fn check_second_factor(
        &self,
        user: &User,
        code: Option<&str>,
        client: &Client,
    ) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        let factor = db::second_factors::find(conn, user.id).await?.filter(|factor| factor.is_confirmed);
        let Some(factor) = factor else { return Ok(()) };
        let Some(code) = code else {
            let why = "The account has a second factor: send its code, too.";
            return Err(Refusal::on("code", UserErrorCode::SecondFactorRequired, why).into());
        };
        let tries = self.begin_try(user, client)?;
        let is_right = match self.step_of(user, &factor, code)? {
            Some(step) => db::second_factors::take_step(conn, user.id, step).await?,
            None => db::second_factors::take_recovery_code(conn, &factor, &secret_hash(&canonical(code))).await?,
        };
        if !is_right {
            self.note_failure(&user.email, client).await?;
            return Err(wrong_code().into());
        }
        self.inner.log_in_limits.succeeded(&tries, client.address);
        Ok(())
    }

    /// Counts a try. Whoever has the password guesses codes no faster than others do passwords.
    fn begin_try(&self, user: &User, client: &Client) -> ServiceResult<String> {
        let tried = format!("code of {}", user.id);
        self.inner.log_in_limits.begin(&tried, client.address, self.inner.clock.now())?;
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
