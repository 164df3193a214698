//! Log-ins that last: each has one refresh token at a time, kept as a hash, good for one exchange.
//!
//! The next token is made from the one before and the server's key. So whoever lost an answer and asks again gets the
//! same one, and of two who ask at once neither is taken for a thief.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Accounts, SignedIn, secret_hash};
use crate::{
    db::{
        self,
        sessions::{Exchange, Rotation},
    },
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, Credential, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::SessionId,
        session::{Client, Session},
        user::User,
    },
};

/// Of a log-in that ends with the browser.
const LIFE: TimeDelta = TimeDelta::days(1);
const REMEMBERED_LIFE: TimeDelta = TimeDelta::days(14);
/// How long an exchanged refresh token is taken as the same request once more.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// How somebody signed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) is_remembered: bool,
    /// Whether they showed more than a password.
    pub(super) has_second_factor: bool,
}

impl Accounts {
    pub(super) async fn begin_session(
        &self,
        transaction: &db::Transaction,
        user: User,
        Shown { is_remembered, has_second_factor }: Shown,
        client: &Client,
    ) -> ServiceResult<SignedIn> {
        let now = self.inner.clock.now();
        let session = Session {
            id: SessionId(self.inner.clock.new_id()),
            user: user.id,
            is_remembered,
            user_agent: client.user_agent.clone(),
            address: Some(client.address.to_string()),
            last_used_at: Some(now),
            has_second_factor,
            expires_at: now + if is_remembered { REMEMBERED_LIFE } else { LIFE },
            created_at: now,
        };
        let refresh_token = self.refresh_token(session.id, &self.inner.clock.random_bytes::<32>());
        db::sessions::insert(transaction, &session, secret_hash(&refresh_token)).await?;
        self.signed_in(user, &session, refresh_token)
    }

    /// Exchanges a refresh token for the next one and a fresh access token. One that was exchanged before, and not just
    /// now, is in the hands of two, so its whole log-in ends.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for one that is unknown, used or expired, and where the user is deactivated.
    pub async fn refresh(&self, refresh_token: &str, client: &Client) -> ServiceResult<SignedIn> {
        let Some(id) = self.session_of(refresh_token) else { return Err(invalid_refresh_token().into()) };
        let next = self.next_refresh_token(id, refresh_token);
        let exchange = Exchange { presented: &secret_hash(refresh_token), next: &secret_hash(&next) };
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let rotation = db::sessions::rotate(&transaction, id, &exchange, client, now, GRACE).await?;
        let session = match rotation {
            Rotation::Rotated(session) | Rotation::Repeated(session) => session,
            Rotation::Reused(user) => {
                db::sessions::remove(&transaction, user, id).await?;
                let by = Actor::Anonymous(client.address);
                let ended = Audited::new(AuditAction::SessionRevoked, by, Some(id.0));
                let why = json!({"userId": user, "reason": "the refresh token was used twice"});
                self.audit(&transaction, ended.with(why)).await?;
                self.commit(transaction).await?;
                return Err(invalid_refresh_token().into());
            }
            Rotation::Unknown => return Err(invalid_refresh_token().into()),
        };
        let user = db::users::find(&transaction, session.user).await?;
        let Some(user) = user.filter(|user| user.deactivated_at.is_none()) else {
            return Err(invalid_refresh_token().into());
        };
        transaction.commit().await?;
        self.signed_in(user, &session, next)
    }

    /// Ends the log-in or the token that the caller came by; it is worth nothing from then on.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one with a token that only its provider can end.
    pub async fn log_out(&self, caller: &Caller) -> ServiceResult<()> {
        let identity = caller.identity().ok_or(ServiceError::Unauthenticated)?;
        let conn = self.inner.db.conn();
        match identity.standing.credential {
            Credential::Session(id) => db::sessions::remove(conn, identity.id(), id).await?,
            Credential::ApiToken(id) => db::api_tokens::remove(conn, identity.id(), id).await?,
            Credential::External(_) => return Err(ServiceError::Forbidden),
        };
        self.inner.callers.clear();
        Ok(())
    }

    /// Ends all log-ins of the caller, this one too. API tokens stay.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn log_out_everywhere(&self, caller: &Caller) -> ServiceResult<()> {
        let user = caller.acting(TokenScope::Account)?.id();
        let transaction = self.inner.db.begin().await?;
        db::sessions::remove_all(&transaction, user, None).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::LoggedOutEverywhere, by, Some(user.0))).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    /// The caller's log-ins, the one used last first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn sessions(&self, caller: &Caller) -> ServiceResult<Vec<Session>> {
        let user = caller.acting(TokenScope::Account)?.id();
        Ok(db::sessions::of_user(self.inner.db.conn(), user, self.inner.clock.now()).await?)
    }

    /// Ends one of the caller's log-ins.
    ///
    /// # Errors
    /// `INVALID_TOKEN` where the caller has no such log-in.
    pub async fn revoke_session(&self, caller: &Caller, id: SessionId) -> ServiceResult<SessionId> {
        let user = caller.acting(TokenScope::Account)?.id();
        let transaction = self.inner.db.begin().await?;
        if !db::sessions::remove(&transaction, user, id).await? {
            return Err(Refusal::on("sessionId", UserErrorCode::InvalidToken, "There is no such session.").into());
        }
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::SessionRevoked, by, Some(id.0))).await?;
        self.commit(transaction).await?;
        Ok(id)
    }

    fn signed_in(&self, user: User, session: &Session, refresh_token: String) -> ServiceResult<SignedIn> {
        Ok(SignedIn {
            access: self.inner.keys.issue(user.id, session.id, self.inner.clock.now())?,
            user,
            refresh_token,
            refresh_expires_at: session.expires_at,
            is_remembered: session.is_remembered,
        })
    }

    fn next_refresh_token(&self, session: SessionId, current: &str) -> String {
        self.refresh_token(session, self.tag("the token after ", current).as_bytes())
    }

    /// The log-in that it belongs to, a secret, and the proof that it is ours.
    fn refresh_token(&self, session: SessionId, secret: &[u8]) -> String {
        let said = format!("{}.{}", session.0.simple(), URL_SAFE_NO_PAD.encode(secret));
        format!("{said}.{}", self.tag("", &said))
    }

    /// The log-in that a token of ours belongs to: whoever knows its id alone cannot end it.
    fn session_of(&self, refresh_token: &str) -> Option<SessionId> {
        let (said, tag) = refresh_token.rsplit_once('.')?;
        let (session, _) = said.split_once('.')?;
        let is_ours = bool::from(self.tag("", said).as_bytes().ct_eq(tag.as_bytes()));
        session.parse().ok().filter(|_| is_ours)
    }

    fn tag(&self, what: &str, said: &str) -> String {
        // HMAC takes keys of every length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.inner.refresh_key) else { return String::new() };
        let mac = mac.chain_update(what).chain_update(said);
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

fn invalid_refresh_token() -> Refusal {
    let why = "The refresh token is unknown, used or expired: log in again.";
    Refusal::on("refreshToken", UserErrorCode::InvalidToken, why)
}
