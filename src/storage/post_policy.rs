//! POST policies: what a browser may send, signed so that the storage can hold it to that.
//!
//! The AWS SDK for Rust signs no POST forms, so this does, by Signature Version 4:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use url::Url;

use super::{
    StorageKey,
    sigv4::{ALGORITHM, Credentials, SigningKey, scope, timestamp},
};
use crate::domain::ticket::{UploadMethod, UploadTarget};

/// Signs forms for one bucket.
pub struct PostPolicySigner<'a> {
    pub credentials: &'a Credentials,
    pub region: &'a str,
    pub bucket: &'a str,
    /// Where the form is posted to.
    pub url: &'a Url,
}

/// What one ticket lets through.
pub struct UploadConditions<'a> {
    pub key: &'a StorageKey,
    pub content_type: &'a str,
    /// In bytes: exactly this many.
    pub size: u64,
    pub expires_at: DateTime<Utc>,
}

impl PostPolicySigner<'_> {
    /// A form for one object: this key, this type, this size, until it expires.
    pub fn sign(&self, allowed: &UploadConditions<'_>, now: DateTime<Utc>) -> UploadTarget {
        let credential = format!("{}/{}", self.credentials.access_key_id, scope(now, self.region));
        let mut fields = vec![
            ("key", allowed.key.as_str().to_owned()),
            ("Content-Type", allowed.content_type.to_owned()),
            ("success_action_status", "201".to_owned()),
            ("x-amz-algorithm", ALGORITHM.to_owned()),
            ("x-amz-credential", credential),
            ("x-amz-date", timestamp(now)),
        ];
        fields.extend(self.credentials.session_token.clone().map(|token| ("x-amz-security-token", token)));
        let mut conditions = vec![json!({"bucket": self.bucket})];
        conditions.extend(fields.iter().map(|(name, value)| json!({*name: value})));
        conditions.push(json!(["content-length-range", allowed.size, allowed.size]));
        let expiration = allowed.expires_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let policy = BASE64.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let signature = SigningKey::new(&self.credentials.secret_access_key, now, self.region).sign(&policy);
        fields.extend([("policy", policy), ("x-amz-signature", signature)]);
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        UploadTarget { method: UploadMethod::Post, url: self.url.clone(), headers: Vec::new(), fields }
    }
}

/// The signature, in base64, that the tools of before 2013 give a policy in base64.
pub(super) fn signature_v2(secret: &str, policy: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(policy.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with botocore 1.43 by `generate_presigned_post`; see tests/fixtures/README.md.
    const VECTOR: &str = include_str!("../../tests/fixtures/botocore_post_policy.json");

    #[test]
    fn the_signature_over_the_same_policy_equals_botocores() {
        let vector: serde_json::Value = serde_json::from_str(VECTOR).unwrap();
        let field = |name: &str| vector["fields"][name].as_str().unwrap();
        let date = chrono::NaiveDateTime::parse_from_str(field("x-amz-date"), "%Y%m%dT%H%M%SZ").unwrap().and_utc();
        let secret = vector["secret_access_key"].as_str().unwrap();
        assert_eq!(SigningKey::new(secret, date, "eu-central-1").sign(field("policy")), field("x-amz-signature"));
        assert!(field("x-amz-credential").ends_with(&scope(date, "eu-central-1")));
    }

    #[test]
    fn a_form_has_the_fields_of_botocores_and_no_other() {
        let vector: serde_json::Value = serde_json::from_str(VECTOR).unwrap();
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: vector["secret_access_key"].as_str().unwrap().into(),
            session_token: None,
        };
        let url = Url::parse("http://localhost/media").unwrap();
        let signer = PostPolicySigner { credentials: &credentials, region: "eu-central-1", bucket: "media", url: &url };
        let date = chrono::NaiveDateTime::parse_from_str("20260102T030405Z", "%Y%m%dT%H%M%SZ").unwrap().and_utc();
        let key = StorageKey::incoming(crate::domain::ids::ImageId(uuid::Uuid::nil()));
        let allowed = UploadConditions { key: &key, content_type: "image/jpeg", size: 12345, expires_at: date };
        let form = signer.sign(&allowed, date);
        let mut names: Vec<_> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
        let mut expected: Vec<_> = vector["fields"].as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}
