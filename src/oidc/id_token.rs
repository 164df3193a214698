//! ID tokens: signed with a key of the provider's, by an algorithm with public keys, for us, now, and for this log-in.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::OidcError;
use crate::domain::oidc::ExternalClaims;

/// In seconds: clocks differ.
const LEEWAY: i64 = 60;
/// Never one whose key is a secret, and never none.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub nonce: &'a str,
    pub now: DateTime<Utc>,
}

/// Why a token was not read.
pub(super) enum Unread {
    /// It names a key that is not known.
    UnknownKey,
    Refused(String),
}

impl From<Unread> for OidcError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::UnknownKey => Self::Refused("the token was signed with an unknown key".to_owned()),
            Unread::Refused(why) => Self::Refused(why),
        }
    }
}

/// What a token, or the user information, says.
#[derive(Deserialize)]
pub(super) struct RawClaims {
    pub sub: String,
    #[serde(default)]
    exp: i64,
    #[serde(default)]
    nbf: i64,
    azp: Option<String>,
    nonce: Option<String>,
    pub email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email_verified: bool,
    name: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Some providers write it as a text.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => value,
        Value::String(text) => text == "true",
        _ => false,
    })
}

impl RawClaims {
    /// Takes what the user information says beside the token.
    pub(super) fn add(&mut self, more: Self) {
        self.email = more.email;
        self.email_verified = more.email_verified;
        self.name = self.name.take().or(more.name);
        for (name, value) in more.others {
            self.others.entry(name).or_insert(value);
        }
    }

    pub(super) fn into_external(self, issuer: &str, groups_claim: Option<&str>) -> ExternalClaims {
        let groups = groups_claim.map(|claim| match self.others.get(claim) {
            Some(Value::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            Some(Value::String(name)) => vec![name.clone()],
            _ => Vec::new(),
        });
        ExternalClaims {
            issuer: issuer.to_owned(),
            subject: self.sub,
            email: self.email,
            is_email_verified: self.email_verified,
            name: self.name,
            groups,
        }
    }
}

/// Reads a token, if all of it is as it has to be.
pub(super) fn read(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<RawClaims, Unread> {
    let refuse = |why: &str| Unread::Refused(why.to_owned());
    let header = jsonwebtoken::decode_header(token).map_err(|_| refuse("the token has no header"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(refuse("the token's algorithm has no public key"));
    }
    let key = match &header.kid {
        Some(id) => keys.find(id).ok_or(Unread::UnknownKey)?,
        // Without a name, only the one key that there is can be meant.
        None => keys.keys.first().filter(|_| keys.keys.len() == 1).ok_or(Unread::UnknownKey)?,
    };
    let key = DecodingKey::from_jwk(key).map_err(|_| refuse("the provider's key cannot be used"))?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // Times are compared with our clock instead.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<RawClaims>(token, &key, &validation);
    let claims = decoded.map_err(|error| Unread::Refused(format!("the token is not valid: {error}")))?.claims;
    let now = expected.now.timestamp();
    if claims.exp.saturating_add(LEEWAY) <= now || claims.nbf > now.saturating_add(LEEWAY) {
        return Err(refuse("the token has expired, or is not valid yet"));
    }
    if claims.azp.as_deref().is_some_and(|party| party != expected.audience) {
        return Err(refuse("the token was issued to another client"));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(refuse("the token is of another log-in"));
    }
    Ok(claims)
}
