//! What browsers are handed: forms to post and URLs to fetch, signed for the endpoint that they see.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{config::ProvideCredentials, presigning::PresigningConfig};
use url::Url;

use super::{Credentials, PostPolicySigner, S3, StorageError, StorageKey, post_policy::PostConditions, s3::classify};
use crate::domain::ticket::UploadTarget;

impl S3 {
    /// A form that lets a browser store exactly this object.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(super) async fn sign_post(&self, allowed: &PostConditions<'_>) -> Result<UploadTarget, StorageError> {
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
        Ok(signer.sign(allowed, self.clock.now()))
    }

    /// The URL of an object: a CDN's, or a signed one.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(super) async fn sign_url(&self, key: &StorageKey) -> Result<Url, StorageError> {
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
