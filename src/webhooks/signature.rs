//! Secrets, and what is signed with them: the symmetric signatures of Standard Webhooks, `v1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

use super::Inner;
use crate::domain::webhook::{Delivery, SigningKey};

/// What each secret begins with, so that libraries know it.
const PREFIX: &str = "whsec_";

impl Inner {
    /// The secret as its owner is told it, once.
    pub(super) fn secret(&self, key: &SigningKey) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.secret_of(&key.salt)))
    }

    /// What a delivery is sent with.
    pub(super) fn headers(&self, key: &SigningKey, delivery: &Delivery, now: DateTime<Utc>) -> HeaderMap {
        let (id, timestamp) = (delivery.id.to_string(), now.timestamp().to_string());
        let signed = format!("{id}.{timestamp}.{}", delivery.payload);
        let of_salt = |salt| format!("v1,{}", STANDARD.encode(code(&self.secret_of(salt), signed.as_bytes())));
        let signatures = key.salts(now).map(of_salt).collect::<Vec<_>>().join(" ");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, value) in [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signatures)] {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
        }
        headers
    }

    fn secret_of(&self, salt: &str) -> Vec<u8> {
        code(&self.key, salt.as_bytes())
    }
}

fn code(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
