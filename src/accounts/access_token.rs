//! Access tokens: JWTs signed with HS256, and no other algorithm, whatever their header says.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::{
    db,
    domain::{
        error::{ServiceError, ServiceResult},
        ids::{SessionId, UserId},
        user::{Caller, User},
    },
};

const ISSUER: &str = "darkroom";
/// Of a log-in's token: short, because it is believed until then.
pub(super) const SESSION_TOKEN_LIFE: TimeDelta = TimeDelta::minutes(15);
/// Of a token that the operator prints.
const PRINTED_TOKEN_LIFE: TimeDelta = TimeDelta::hours(24);

/// A token and its end.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// The secret, made ready for use.
pub(super) struct TokenKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

impl TokenKeys {
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp", "nbf"]);
        // Times are compared with our clock instead, without leeway.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), validation }
    }
}

impl Accounts {
    pub(super) fn issue_access_token(
        &self,
        user: UserId,
        session: Option<SessionId>,
        life: TimeDelta,
    ) -> ServiceResult<AccessToken> {
        let now = self.inner.clock.now();
        let expires_at = now + life;
        let (iat, exp) = (now.timestamp(), expires_at.timestamp());
        let claims = Claims { iss: ISSUER.to_owned(), sub: user, iat, nbf: iat, exp, sid: session };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.inner.keys.encoding);
        let token = token.map_err(|error| ServiceError::Internal(error.into()))?;
        Ok(AccessToken { token, expires_at })
    }

    /// A token that the operator hands out, for curl, GraphiQL and tests.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn print_token(&self, user: &User) -> ServiceResult<AccessToken> {
        self.issue_access_token(user.id, None, PRINTED_TOKEN_LIFE)
    }

    /// Who a token speaks for, as they are now.
    ///
    /// # Errors
    /// `Unauthenticated` for one that is forged, expired, not yet valid, or whose user or log-in is gone.
    pub async fn authenticate(&self, token: &str) -> ServiceResult<Caller> {
        let (keys, callers, now) = (&self.inner.keys, &self.inner.callers, self.inner.clock.now());
        if let Some(known @ Caller::User { expires_at, .. }) = callers.get(token, now)
            && now < expires_at
        {
            return Ok(known);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &keys.decoding, &keys.validation);
        let claims = decoded.map_err(|_| ServiceError::Unauthenticated)?.claims;
        if !(claims.nbf..claims.exp).contains(&now.timestamp()) {
            return Err(ServiceError::Unauthenticated);
        }
        let version = callers.version();
        let user = self.user_of(&claims, now).await?;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or(now);
        let caller = Caller::User { user, session: claims.sid, expires_at };
        callers.insert(token.to_owned(), caller.clone(), now, version);
        Ok(caller)
    }

    /// The user, if the log-in still stands.
    async fn user_of(&self, claims: &Claims, now: DateTime<Utc>) -> ServiceResult<User> {
        let conn = self.inner.db.conn();
        if let Some(session) = claims.sid
            && !db::sessions::is_alive(conn, session, now).await?
        {
            return Err(ServiceError::Unauthenticated);
        }
        db::users::find(conn, claims.sub).await?.ok_or(ServiceError::Unauthenticated)
    }
}
