//! Signing in with a password, and changing it.

use chrono::TimeDelta;
use serde_json::json;

use super::{Accounts, SignedIn, password_rules, sessions::Shown};
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, Credential, Identity, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        event::Actor,
        mail::Notice,
        session::Client,
        user::{LastLogIn, User},
    },
    mail::is_address,
    passwords::{MAX_PASSWORD_BYTES, Verdict},
};

/// RFC 5321 has room for no more.
pub(super) const MAX_EMAIL_BYTES: usize = 254;

/// How long after a log-in it is known who acts.
const RECENTLY: TimeDelta = TimeDelta::minutes(10);

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct LogIn {
    pub email: String,
    pub password: String,
    /// Of the second factor, where the account has one.
    pub code: Option<String>,
    /// Whether the log-in is to outlast the browser.
    pub remember_me: bool,
}

/// A user, and the hash that their password was checked by.
pub(super) struct Checked {
    pub(super) user: User,
    hash: String,
}

impl Accounts {
    /// Checks a password and begins a log-in.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, and not which of the two is wrong, nor that the account is deactivated;
    /// `SECOND_FACTOR_REQUIRED` where the password is right and the account has one; `RateLimited` after
    /// too many of them, whatever the password.
    pub async fn log_in(&self, input: LogIn, client: &Client) -> ServiceResult<SignedIn> {
        let email = input.email.trim().to_lowercase();
        let Checked { mut user, hash } = self.check_password(&email, input.password, client).await?;
        let has_second_factor = self.check_second_factor(&user, input.code.as_deref(), client).await?;
        let now = self.inner.clock.now();
        let last_login = LastLogIn { at: now, address: Some(client.address.to_string()) };
        let transaction = self.inner.db.begin().await?;
        // Hashing took a while, in which the password may have been changed, and every log-in ended.
        db::users::hold(&transaction, user.id).await?;
        let still = db::users::find_by_email(&transaction, &email).await?;
        if !still.is_some_and(|(user, kept)| user.deactivated_at.is_none() && kept == Some(hash)) {
            return Err(wrong_credentials().into());
        }
        let factor = db::second_factors::find(&transaction, user.id).await?;
        if factor.is_some_and(|factor| factor.is_confirmed) != has_second_factor {
            let why = "The second factor was changed meanwhile: sign in again.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        db::users::note_login(&transaction, user.id, &last_login).await?;
        user.last_login = Some(last_login);
        let by = Actor::User(user.id, Some(client.address));
        let logged_in = Audited::new(AuditAction::LoggedIn, by, Some(user.id.0));
        self.audit(&transaction, logged_in.with(json!({"hasSecondFactor": has_second_factor}))).await?;
        let shown = Shown { is_remembered: input.remember_me, has_second_factor };
        let signed_in = self.begin_session(&transaction, user, shown, client).await?;
        transaction.commit().await?;
        Ok(signed_in)
    }

    /// Sets another password, if the present one is known. All other log-ins of the user end.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where the present one is wrong or there is none, `WEAK_PASSWORD`; `RateLimited` after too
    /// many wrong ones.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: String,
        new: String,
        client: &Client,
    ) -> ServiceResult<User> {
        let identity = caller.acting(TokenScope::Account)?;
        let user = &identity.user;
        password_rules::check("newPassword", &new, &user.email, &user.display_name)?;
        self.check_password(&user.email, current, client).await?;
        let kept = match identity.standing.credential {
            Credential::Session(id) => Some(id),
            Credential::ApiToken(_) | Credential::External(_) => None,
        };
        let hash = self.inner.passwords.hash(new).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::set_password(&transaction, user.id, hash).await?;
        db::sessions::remove_all(&transaction, user.id, kept).await?;
        self.end_reset_links(&transaction, user).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::PasswordChanged, by, Some(user.id.0))).await?;
        self.notify(&transaction, user, Notice::PasswordChanged).await?;
        self.commit(transaction).await?;
        Ok(user.clone())
    }

    /// Checks that whoever acts is the caller, before what a stolen token must not do: by the password, or where the account
    /// has none by a log-in of a moment ago.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where neither is so; `RateLimited` after too many wrong passwords.
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        password: Option<String>,
        client: &Client,
    ) -> ServiceResult<User> {
        let Identity { user, standing, .. } = caller.acting(TokenScope::Account)?;
        if let Some(password) = password {
            return Ok(self.check_password(&user.email, password, client).await?.user);
        }
        let conn = self.inner.db.conn();
        let has_password = db::users::find_by_email(conn, &user.email).await?.is_none_or(|(_, hash)| hash.is_some());
        let since = self.inner.clock.now() - RECENTLY;
        let is_recent = match standing.credential {
            Credential::Session(id) => db::sessions::began_after(conn, id, since).await?,
            Credential::ApiToken(_) | Credential::External(_) => false,
        };
        if has_password || !is_recent {
            let why = "Send the password; an account without one signs in again right before.";
            return Err(Refusal::on("password", UserErrorCode::InvalidCredentials, why).into());
        }
        Ok(user.clone())
    }

    /// Keeps that somebody failed to sign in. Those who are put off unread are not kept.
    pub(super) async fn note_failure(&self, email: &str, why: &str, client: &Client) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        // What is no address may be a password in the wrong field.
        let tried = Some(email).filter(|email| email.len() <= MAX_EMAIL_BYTES && is_address(email));
        let known = db::users::find_by_email(conn, tried.unwrap_or_default()).await?.map(|(user, _)| user.id.0);
        let failed = Audited::new(AuditAction::LogInFailed, Actor::Anonymous(client.address), known);
        self.audit(conn, failed.with(json!({"email": tried, "reason": why}))).await
    }

    /// The user of an address, if the password is theirs.
    pub(super) async fn check_password(
        &self,
        email: &str,
        password: String,
        client: &Client,
    ) -> ServiceResult<Checked> {
        // What is longer than any address is remembered as nothing.
        let account = if email.len() > MAX_EMAIL_BYTES { "" } else { email };
        self.inner.log_in_limits.begin(account, client.address, self.inner.clock.now())?;
        let found = if email.contains('\0') || password.len() > MAX_PASSWORD_BYTES {
            None
        } else {
            db::users::find_by_email(self.inner.db.conn(), email).await?
        };
        let (user, kept) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
        let password = if password.len() > MAX_PASSWORD_BYTES { String::new() } else { password };
        let verdict = self.inner.passwords.verify(password.clone(), kept.clone()).await?;
        let Some(user) = user.filter(|user| user.deactivated_at.is_none() && verdict != Verdict::Wrong) else {
            self.note_failure(email, "WRONG_PASSWORD", client).await?;
            return Err(wrong_credentials().into());
        };
        self.inner.log_in_limits.succeeded(account, client.address);
        let mut hash = kept.unwrap_or_default();
        if verdict == Verdict::RightByOldParameters {
            let anew = self.inner.passwords.hash(password).await?;
            if db::users::rehash(self.inner.db.conn(), user.id, &hash, anew.clone()).await? {
                hash = anew;
            }
        }
        Ok(Checked { user, hash })
    }
}

fn wrong_credentials() -> Refusal {
    Refusal::of(UserErrorCode::InvalidCredentials, "The email address or the password is wrong.")
}
