//! Tokens of a provider: signed with a key of its own, by an algorithm with public keys, for us, and now. ID tokens are of
//! one log-in besides; access tokens are as RFC 9068 has them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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

/// In bytes: no provider's subject is longer.
const MAX_SUBJECT: usize = 255;
/// Of ID tokens, and of access tokens: <https://www.rfc-editor.org/rfc/rfc9068#section-2.1>
const KINDS: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    /// Of an ID token; an access token has none.
    pub nonce: Option<&'a str>,
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
    pub exp: NumericDate,
    pub iat: Option<NumericDate>,
    #[serde(default)]
    nbf: NumericDate,
    azp: Option<String>,
    nonce: Option<String>,
    pub email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email_verified: bool,
    name: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Seconds since 1970, of which some providers write fractions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NumericDate(pub i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
        let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64));
        seconds.map(Self).ok_or_else(|| serde::de::Error::custom("no time"))
    }
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
    check_kind(token)?;
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
    if claims.exp.0.saturating_add(LEEWAY) <= now || claims.nbf.0 > now.saturating_add(LEEWAY) {
        return Err(refuse("the token has expired, or is not valid yet"));
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT || claims.sub.contains('\0') {
        return Err(refuse("the token names nobody"));
    }
    if claims.nonce.as_deref() != expected.nonce {
        return Err(refuse("the token is of another log-in"));
    }
    // An access token is issued to a client, which is never us.
    if expected.nonce.is_some() && claims.azp.as_deref().is_some_and(|party| party != expected.audience) {
        return Err(refuse("the token was issued to another client"));
    }
    Ok(claims)
}

/// Checks that it is a token of a kind that is meant, with nothing in its header that has to be understood.
fn check_kind(token: &str) -> Result<(), Unread> {
    #[derive(Deserialize)]
    struct Kind {
        typ: Option<String>,
        crit: Option<Value>,
    }
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok()).unwrap_or_default();
    let kind: Option<Kind> = serde_json::from_slice(&header).ok();
    let is_meant = kind.is_some_and(|kind| {
        let typ = kind.typ.map(|typ| typ.to_ascii_lowercase());
        kind.crit.is_none() && typ.is_none_or(|typ| KINDS.contains(&typ.as_str()))
    });
    if is_meant { Ok(()) } else { Err(Unread::Refused("the token is of another kind".to_owned())) }
}

/// Who issued a token, as it says itself: to know whose keys to ask for.
pub(super) fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Issuer>(&payload).ok().map(|claims| claims.iss)
}
