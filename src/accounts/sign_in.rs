//! Signing in with a password.

use std::net::IpAddr;

use super::{Accounts, SignedIn};
use crate::{
    db,
    domain::error::{Refusal, ServiceResult, UserErrorCode},
};

/// RFC 5321 has room for no more.
const MAX_EMAIL_BYTES: usize = 254;
/// Longer ones are refused unread: hashing takes time.
const MAX_PASSWORD_BYTES: usize = 1024;

impl Accounts {
    /// Checks a password and begins a log-in.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, and not which of the two is wrong; `RateLimited` after too many of them, whatever the
    /// password.
    pub async fn log_in(
        &self,
        email: &str,
        password: String,
        remember_me: bool,
        address: IpAddr,
    ) -> ServiceResult<SignedIn> {
        let email = email.trim().to_lowercase();
        // What is longer than any address is remembered as nothing.
        let account = if email.len() > MAX_EMAIL_BYTES { "" } else { &email };
        self.inner.log_in_limits.begin(account, address, self.inner.clock.now())?;
        let found = if email.contains('\0') || password.len() > MAX_PASSWORD_BYTES {
            None
        } else {
            db::users::find_by_email(self.inner.db.conn(), &email).await?
        };
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
        let password = if password.len() > MAX_PASSWORD_BYTES { String::new() } else { password };
        let is_right = self.inner.passwords.verify(password, hash).await?;
        let Some(mut user) = user.filter(|_| is_right) else {
            let why = "The email address or the password is wrong.";
            return Err(Refusal::of(UserErrorCode::InvalidCredentials, why).into());
        };
        self.inner.log_in_limits.succeeded(account, address);
        let now = self.inner.clock.now();
        db::users::note_login(self.inner.db.conn(), user.id, now).await?;
        user.last_login_at = Some(now);
        self.begin_session(user, remember_me).await
    }
}
