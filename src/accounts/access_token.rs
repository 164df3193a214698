//! Access tokens of log-ins: JWTs signed with HS256, and no other algorithm, whatever their header says.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::domain::{
    error::{ServiceError, ServiceResult},
    ids::{SessionId, UserId},
};

const ISSUER: &str = "darkroom";
/// Short, because only the database knows that a log-in has ended.
const LIFE: TimeDelta = TimeDelta::minutes(15);

/// A token and its end.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// Which log-in a token is of.
pub(super) struct AccessClaims {
    pub user: UserId,
    pub session: SessionId,
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
    sid: SessionId,
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

    pub(super) fn issue(&self, user: UserId, session: SessionId, now: DateTime<Utc>) -> ServiceResult<AccessToken> {
        let expires_at = now + LIFE;
        let (iat, exp) = (now.timestamp(), expires_at.timestamp());
        let claims = Claims { iss: ISSUER.to_owned(), sub: user, iat, nbf: iat, exp, sid: session };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        let token = token.map_err(|error| ServiceError::Internal(error.into()))?;
        Ok(AccessToken { token, expires_at })
    }

    /// What a token says, if it is ours and holds now.
    pub(super) fn read(&self, token: &str, now: DateTime<Utc>) -> ServiceResult<AccessClaims> {
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_| ServiceError::Unauthenticated)?.claims;
        if !(claims.nbf..claims.exp).contains(&now.timestamp()) {
            return Err(ServiceError::Unauthenticated);
        }
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(ServiceError::Unauthenticated)?;
        Ok(AccessClaims { user: claims.sub, session: claims.sid, expires_at })
    }
}
