//! Log-ins that last: each has one refresh token at a time, kept as a hash, good for one use.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Accounts, SignedIn, access_token::SESSION_TOKEN_LIFE};
use crate::{
    db::{self, sessions::SessionRow},
    domain::{
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::SessionId,
        user::{Caller, User},
    },
};

const SESSION_LIFE: TimeDelta = TimeDelta::days(1);
const REMEMBERED_LIFE: TimeDelta = TimeDelta::days(30);

impl Accounts {
    pub(super) async fn begin_session(&self, user: User, remember_me: bool) -> ServiceResult<SignedIn> {
        let now = self.inner.clock.now();
        let id = SessionId(self.inner.clock.new_id());
        let refresh_token = self.new_refresh_token(id);
        let life = if remember_me { REMEMBERED_LIFE } else { SESSION_LIFE };
        let session = SessionRow { id, user: user.id, refresh_hash: hash(&refresh_token), expires_at: now + life };
        db::sessions::insert(self.inner.db.conn(), &session, now).await?;
        self.signed_in(user, &session, refresh_token)
    }

    /// Exchanges a refresh token for the next one and a fresh access token. One that was used before is in the hands of
    /// two, so its whole log-in ends.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for one that is unknown, used, or expired.
    pub async fn refresh(&self, refresh_token: &str) -> ServiceResult<SignedIn> {
        let log_in = self.session_of(refresh_token);
        let next = self.new_refresh_token(log_in.unwrap_or_else(|| SessionId(self.inner.clock.new_id())));
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let rotated = db::sessions::rotate(&transaction, &hash(refresh_token), &hash(&next), now).await?;
        let user = match &rotated {
            Some(session) => db::users::find(&transaction, session.user).await?,
            None => None,
        };
        let (Some(session), Some(user)) = (rotated, user) else {
            if let Some(log_in) = log_in {
                db::sessions::remove(&transaction, log_in).await?;
                transaction.commit().await?;
                self.inner.callers.clear();
            }
            let why = "The refresh token is unknown, used or expired: log in again.";
            return Err(Refusal::on("refreshToken", UserErrorCode::InvalidToken, why).into());
        };
        transaction.commit().await?;
        self.signed_in(user, &session, next)
    }

    /// Ends the log-in that the caller's token came from; the token is worth nothing from then on.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn log_out(&self, caller: &Caller) -> ServiceResult<()> {
        caller.user()?;
        if let Caller::User { session: Some(session), .. } = caller {
            db::sessions::remove(self.inner.db.conn(), *session).await?;
            self.inner.callers.clear();
        }
        Ok(())
    }

    /// Those of these log-ins that have ended.
    pub async fn ended_of(&self, sessions: &[SessionId]) -> ServiceResult<Vec<SessionId>> {
        let now = self.inner.clock.now();
        let alive = db::sessions::alive_of(self.inner.db.conn(), sessions, now).await?;
        Ok(sessions.iter().copied().filter(|session| !alive.contains(session)).collect())
    }

    fn signed_in(&self, user: User, session: &SessionRow, refresh_token: String) -> ServiceResult<SignedIn> {
        let access = self.issue_access_token(user.id, Some(session.id), SESSION_TOKEN_LIFE)?;
        Ok(SignedIn { user, access, refresh_token, refresh_expires_at: session.expires_at })
    }

    /// The log-in that it belongs to, and a secret.
    fn new_refresh_token(&self, session: SessionId) -> String {
        let secret = URL_SAFE_NO_PAD.encode(self.inner.clock.random_bytes::<32>());
        let said = format!("{}.{secret}", session.0.simple());
        format!("{said}.{}", self.tag(&said))
    }

    /// The log-in that a token of ours belongs to: whoever knows its id alone cannot end it. Tokens from before this was
    /// said have none.
    fn session_of(&self, refresh_token: &str) -> Option<SessionId> {
        let (said, tag) = refresh_token.rsplit_once('.')?;
        let (session, _) = said.split_once('.')?;
        let is_ours = bool::from(self.tag(said).as_bytes().ct_eq(tag.as_bytes()));
        session.parse().ok().filter(|_| is_ours)
    }

    fn tag(&self, said: &str) -> String {
        // HMAC takes keys of every length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.inner.refresh_key) else { return String::new() };
        mac.update(said.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
