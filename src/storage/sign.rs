//! What browsers are handed: forms to post and URLs to fetch, signed for the endpoint that they see.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{config::ProvideCredentials, presigning::PresigningConfig};
use chrono::{DateTime, Utc};
use url::Url;

use super::{
    Credentials, PostPolicySigner, Storage, StorageError, StorageKey, post_policy::PostConditions, s3::classify,
};
use crate::domain::ticket::PostForm;

impl Storage {
    /// A form that lets a browser store exactly this many bytes of this type at this key.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn sign_upload(
        &self,
        key: &StorageKey,
        content_type: &str,
        size: u64,
        expires_at: DateTime<Utc>,
    ) -> Result<PostForm, StorageError> {
        let found = self.credentials.provide_credentials().await;
        let found = found.map_err(|error| StorageError::Unavailable(error.into()))?;
        let credentials = Credentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: found.secret_access_key().to_owned(),
            session_token: found.session_token().map(str::to_owned),
        };
        let signer = PostPolicySigner {
            credentials: &credentials,
            region: &self.settings.region,
            bucket: &self.settings.bucket,
            url: &self.post_url,
        };
        let allowed = PostConditions { key, content_type, size, expires_at };
        Ok(signer.sign(&allowed, self.clock.now()))
    }

    /// The URL under which a browser can fetch an object. The same one for half of its life, so that
    /// caches know it again.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn url(&self, key: &StorageKey) -> Result<Url, StorageError> {
        if let Some(domain) = &self.settings.custom_domain {
            return parse_url(&format!("https://{domain}/{key}"));
        }
        let life = self.settings.url_life;
        let half = (life.num_seconds() / 2).max(1);
        let now = self.clock.now().timestamp();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs((now - now % half).unsigned_abs());
        let window = PresigningConfig::builder().start_time(start).expires_in(life.to_std().unwrap_or_default());
        let window = window.build().map_err(|error| StorageError::Refused(error.into()))?;
        let request = self.public.get_object().bucket(&self.settings.bucket).key(key.as_str());
        let signed = request.presigned(window).await.map_err(classify)?;
        parse_url(signed.uri())
    }
}

fn parse_url(url: &str) -> Result<Url, StorageError> {
    Url::parse(url).map_err(|error| StorageError::Refused(error.into()))
}
