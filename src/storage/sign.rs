//! What browsers are handed: forms to post and URLs to fetch, signed for the endpoint that they see.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::presigning::PresigningConfig;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{
    ObjectUrls, PostPolicySigner, S3, StorageError, post_policy::UploadConditions, presign::UrlSigner, s3::classify,
};
use crate::domain::ticket::{UploadMethod, UploadTarget};

/// A key to ask the SDK for the URL of, so as to know where all objects are.
const ANY_KEY: &str = "any";

/// URLs that are signed for the same time.
pub(super) struct Window {
    urls: Arc<ObjectUrls>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl S3 {
    /// A form that lets a browser store exactly this object.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(super) async fn sign_post(&self, allowed: &UploadConditions<'_>) -> Result<UploadTarget, StorageError> {
        let now = self.clock.now();
        let current = self.credentials.get(now).await?;
        // Of an endpoint without the slash that keys begin behind, which some servers take for a key.
        let mut url = self.base_url().await?.clone();
        if url.path().len() > 1
            && let Ok(mut path) = url.path_segments_mut()
        {
            path.pop_if_empty();
        }
        let signer = PostPolicySigner {
            credentials: &current.credentials,
            region: &self.settings.region,
            bucket: &self.settings.bucket,
            url: &url,
        };
        Ok(signer.sign(allowed, now))
    }

    /// A request that lets a browser store exactly this object: its type and its length are signed, so that no other can be sent.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(super) async fn sign_put(&self, allowed: &UploadConditions<'_>) -> Result<UploadTarget, StorageError> {
        let unsignable = |error: anyhow::Error| StorageError::Refused(error);
        // Also one that has expired can be signed, for whoever tries the storage.
        let start = self.clock.now().min(allowed.expires_at - TimeDelta::minutes(1));
        let life = (allowed.expires_at - start).to_std().map_err(|error| unsignable(error.into()))?;
        let window = PresigningConfig::builder().start_time(SystemTime::from(start)).expires_in(life);
        let request = self
            .public
            .put_object()
            .bucket(&self.settings.bucket)
            .key(allowed.key.as_str())
            .content_type(allowed.content_type)
            .content_length(i64::try_from(allowed.size).map_err(|error| unsignable(error.into()))?);
        let window = window.build().map_err(|error| unsignable(error.into()))?;
        let signed = request.presigned(window).await.map_err(classify)?;
        // Browsers say the length and the host by themselves, and nobody else may.
        let headers = signed.headers().filter(|(name, _)| !["content-length", "host"].contains(name));
        Ok(UploadTarget {
            method: UploadMethod::Put,
            url: Url::parse(signed.uri()).map_err(|error| unsignable(error.into()))?,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            fields: Vec::new(),
        })
    }

    /// What makes the URLs of objects now: a CDN's, or signed ones.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(super) async fn current_urls(&self) -> Result<Arc<ObjectUrls>, StorageError> {
        let now = self.clock.now();
        let known = self.window.read().unwrap_or_else(PoisonError::into_inner).clone();
        let window = match known.filter(|window| (window.start..window.end).contains(&now)) {
            Some(window) => window,
            None => self.open_window(now).await?,
        };
        Ok(Arc::clone(&window.urls))
    }

    /// Half of a URL's life, so that each is the same for as long, and good for as long again.
    async fn open_window(&self, now: DateTime<Utc>) -> Result<Arc<Window>, StorageError> {
        if let Some(domain) = &self.settings.custom_domain {
            let urls = Arc::new(ObjectUrls::Cdn(domain.clone()));
            return Ok(self.set_window(Window {
                urls,
                start: DateTime::<Utc>::MIN_UTC,
                end: DateTime::<Utc>::MAX_UTC,
            }));
        }
        let life = self.settings.url_life;
        let half = (life.num_seconds() / 2).max(1);
        let start = now - TimeDelta::seconds(now.timestamp().rem_euclid(half));
        let start = start - TimeDelta::nanoseconds(start.timestamp_subsec_nanos().into());
        let current = self.credentials.get(now).await?;
        let base = self.base_url().await?;
        let signer = UrlSigner::new(base.as_str(), &self.settings.region, &current.credentials, start, life);
        let end = (start + TimeDelta::seconds(half)).min(current.stale_at);
        Ok(self.set_window(Window { urls: Arc::new(ObjectUrls::Signed(Box::new(signer))), start, end }))
    }

    fn set_window(&self, window: Window) -> Arc<Window> {
        let window = Arc::new(window);
        *self.window.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&window));
        window
    }

    /// What every object's URL begins with. The SDK knows each kind of endpoint.
    pub(super) async fn base_url(&self) -> Result<&Url, StorageError> {
        self.base.get_or_try_init(|| self.ask_base_url()).await
    }

    async fn ask_base_url(&self) -> Result<Url, StorageError> {
        let request = self.public.get_object().bucket(&self.settings.bucket).key(ANY_KEY);
        let any = PresigningConfig::expires_in(Duration::from_mins(1));
        let any = any.map_err(|error| StorageError::Refused(error.into()))?;
        let signed = request.presigned(any).await.map_err(classify)?;
        let base = signed.uri().split('?').next().and_then(|url| url.strip_suffix(ANY_KEY));
        let base = base
            .ok_or_else(|| StorageError::Refused(anyhow::anyhow!("the URL does not end in the key of the object")))?;
        Url::parse(base).map_err(|error| StorageError::Refused(error.into()))
    }
}
