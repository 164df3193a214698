//! What others keep for us until they come back with it: signed, so that it is what we gave them, and good for a while.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::domain::error::{ServiceError, ServiceResult};

/// What signs for one purpose.
pub(super) struct Seal(Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    until: DateTime<Utc>,
    kept: T,
}

impl Seal {
    pub(super) const fn new(key: Vec<u8>) -> Self {
        Self(key)
    }

    /// A text that `open` reads until then. Its holder can read it, too.
    pub(super) fn seal(&self, kept: impl Serialize, until: DateTime<Utc>) -> ServiceResult<String> {
        let sealed = serde_json::to_vec(&Sealed { until, kept });
        let text = URL_SAFE_NO_PAD.encode(sealed.map_err(|error| ServiceError::Internal(error.into()))?);
        Ok(format!("{text}.{}", self.code_of(&text)))
    }

    /// What was sealed, if we did it, and its time is not over.
    pub(super) fn open<T: DeserializeOwned>(&self, sealed: &str, now: DateTime<Utc>) -> Option<T> {
        let (text, code) = sealed.split_once('.')?;
        let is_ours = bool::from(self.code_of(text).as_bytes().ct_eq(code.as_bytes()));
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| is_ours)?;
        let sealed: Sealed<T> = serde_json::from_slice(&bytes).ok()?;
        (sealed.until > now).then_some(sealed.kept)
    }

    fn code_of(&self, text: &str) -> String {
        // HMAC takes keys of every length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        URL_SAFE_NO_PAD.encode(mac.chain_update(text).finalize().into_bytes())
    }
}
