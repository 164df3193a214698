//! AWS Signature Version 4, as far as what browsers are handed needs it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How long a signature is in hex.
pub(super) const SIGNATURE_LENGTH: usize = 64;

/// What requests are signed with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
}

/// The part of a credential behind the access key.
pub(super) fn scope(date: DateTime<Utc>, region: &str) -> String {
    format!("{}/{region}/s3/aws4_request", date.format("%Y%m%d"))
}

/// The time of a signature.
pub(super) fn timestamp(date: DateTime<Utc>) -> String {
    date.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A key that signs for a day, a region and S3.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    pub(super) fn new(secret: &str, date: DateTime<Utc>, region: &str) -> Self {
        let day = date.format("%Y%m%d").to_string();
        let parts = [day.as_str(), region, "s3", "aws4_request"];
        let key = parts.iter().fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            keyed(&key).chain_update(part).finalize().into_bytes().to_vec()
        });
        Self(keyed(&key))
    }

    /// The signature in hex.
    pub(super) fn sign(&self, text: &str) -> String {
        hex::encode(self.signature([text]))
    }

    /// The signature of a text that comes in parts.
    pub(super) fn signature<const N: usize>(&self, parts: [&str; N]) -> [u8; 32] {
        let signed = parts.iter().fold(self.0.clone(), Mac::chain_update);
        signed.finalize().into_bytes().into()
    }
}

/// A digest or a signature in hex, without an allocation: there are hundreds of them in an answer.
pub(super) fn hex_of<'a>(bytes: &[u8; 32], hex: &'a mut [u8; SIGNATURE_LENGTH]) -> &'a str {
    // Of twice the length, and nothing but ASCII: neither can fail.
    let _ = hex::encode_to_slice(bytes, hex);
    str::from_utf8(hex).unwrap_or_default()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}
