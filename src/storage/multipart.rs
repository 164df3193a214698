//! Objects that come in parts: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use std::time::SystemTime;

use async_trait::async_trait;
use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    types::{CompletedMultipartUpload, CompletedPart},
};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{
    S3, StorageError, StorageKey,
    s3::{CACHE_CONTROL, classify, patient, status_of},
};
use crate::domain::multipart::StoredPart;

/// A storage that takes parts. Each call fails with a `StorageError` when the storage gives no answer, or refuses to.
#[async_trait]
pub trait PartStore: Send + Sync {
    /// Begins an object of this type. Gives the name of the upload.
    async fn create_multipart(&self, key: &StorageKey, content_type: &str) -> Result<String, StorageError>;

    /// The URL by which a browser puts a part of exactly so many bytes.
    async fn sign_part(
        &self,
        key: &StorageKey,
        upload_id: &str,
        (number, size): (u16, u64),
        expires_at: DateTime<Utc>,
    ) -> Result<Url, StorageError>;

    /// The parts that came, by their numbers; none, where there is no such upload.
    async fn parts(&self, key: &StorageKey, upload_id: &str) -> Result<Option<Vec<StoredPart>>, StorageError>;

    /// Makes the object of its parts. Says whether there is such an upload, with these parts.
    async fn complete_multipart(
        &self,
        key: &StorageKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<bool, StorageError>;

    /// Removes an upload with its parts, whether it is there or not.
    async fn abort_multipart(&self, key: &StorageKey, upload_id: &str) -> Result<(), StorageError>;

    /// A page of the uploads behind a prefix, and what to ask for the next page with, if there is one.
    async fn multiparts(&self, prefix: &str, after: Option<UnfinishedMark>) -> Result<UnfinishedPage, StorageError>;
}

/// A place in the list of uploads in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedMark {
    pub key: String,
    pub upload_id: Option<String>,
}

/// A page of the list of uploads in parts.
#[derive(Debug, Clone)]
pub struct UnfinishedPage {
    pub uploads: Vec<UnfinishedMultipart>,
    pub next: Option<UnfinishedMark>,
}

/// An upload in parts that was neither completed nor aborted.
#[derive(Debug, Clone)]
pub struct UnfinishedMultipart {
    pub key: StorageKey,
    pub upload_id: String,
    pub begun_at: DateTime<Utc>,
}

#[async_trait]
impl PartStore for S3 {
    async fn create_multipart(&self, key: &StorageKey, content_type: &str) -> Result<String, StorageError> {
        let request = self.internal.create_multipart_upload().bucket(&self.settings.bucket).key(key.as_str());
        let begun = request.content_type(content_type).cache_control(CACHE_CONTROL).send().await.map_err(classify)?;
        let unnamed = || StorageError::Refused(anyhow::anyhow!("the storage gave an upload no name"));
        begun.upload_id.ok_or_else(unnamed)
    }

    async fn sign_part(
        &self,
        key: &StorageKey,
        upload_id: &str,
        (number, size): (u16, u64),
        expires_at: DateTime<Utc>,
    ) -> Result<Url, StorageError> {
        let unsignable = |error: anyhow::Error| StorageError::Refused(error);
        let start = self.clock.now().min(expires_at - TimeDelta::minutes(1));
        let life = (expires_at - start).to_std().map_err(|error| unsignable(error.into()))?;
        let window = PresigningConfig::builder().start_time(SystemTime::from(start)).expires_in(life).build();
        let request = self
            .public
            .upload_part()
            .bucket(&self.settings.bucket)
            .key(key.as_str())
            .upload_id(upload_id)
            .part_number(number.into())
            .content_length(i64::try_from(size).map_err(|error| unsignable(error.into()))?);
        let signed = request.presigned(window.map_err(|error| unsignable(error.into()))?).await.map_err(classify)?;
        Url::parse(signed.uri()).map_err(|error| unsignable(error.into()))
    }

    async fn parts(&self, key: &StorageKey, upload_id: &str) -> Result<Option<Vec<StoredPart>>, StorageError> {
        let mut parts = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let request = self.internal.list_parts().bucket(&self.settings.bucket).key(key.as_str());
            let request = request.upload_id(upload_id).set_part_number_marker(after.take());
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(classify(error)),
            };
            parts.extend(page.parts().iter().filter_map(|part| {
                let number = u16::try_from(part.part_number()?).ok()?;
                let etag = part.e_tag().unwrap_or_default().to_owned();
                Some(StoredPart { number, size: part.size().map_or(0, i64::unsigned_abs), etag })
            }));
            after =
                page.next_part_number_marker().filter(|_| page.is_truncated().unwrap_or_default()).map(str::to_owned);
            if after.is_none() {
                return Ok(Some(parts));
            }
        }
    }

    async fn complete_multipart(
        &self,
        key: &StorageKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<bool, StorageError> {
        let parts =
            parts.iter().map(|part| CompletedPart::builder().part_number(part.number.into()).e_tag(&part.etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.internal.complete_multipart_upload().bucket(&self.settings.bucket).key(key.as_str());
        let request = request.upload_id(upload_id).multipart_upload(parts);
        // A storage that joins files takes as long as it takes.
        match request.customize().config_override(patient()).send().await {
            Ok(_) => Ok(true),
            // Also where a part was sent again in this very moment.
            Err(error) if is_gone(&error) || is_of_other_parts(&error) => Ok(false),
            Err(error) => Err(classify(error)),
        }
    }

    async fn abort_multipart(&self, key: &StorageKey, upload_id: &str) -> Result<(), StorageError> {
        let request = self.internal.abort_multipart_upload().bucket(&self.settings.bucket).key(key.as_str());
        match request.upload_id(upload_id).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(classify(error)),
        }
    }

    async fn multiparts(&self, prefix: &str, after: Option<UnfinishedMark>) -> Result<UnfinishedPage, StorageError> {
        let (key, upload_id) = after.map_or((None, None), |mark| (Some(mark.key), mark.upload_id));
        let request = self.internal.list_multipart_uploads().bucket(&self.settings.bucket).prefix(prefix);
        let request = request.set_key_marker(key).set_upload_id_marker(upload_id);
        let page = request.send().await.map_err(classify)?;
        let uploads = page.uploads().iter().filter_map(|upload| {
            let begun = upload.initiated()?;
            Some(UnfinishedMultipart {
                key: StorageKey::listed(upload.key()?),
                upload_id: upload.upload_id()?.to_owned(),
                begun_at: DateTime::from_timestamp(begun.secs(), begun.subsec_nanos())?,
            })
        });
        let next = page.next_key_marker().filter(|_| page.is_truncated().unwrap_or_default());
        let next = next.map(|key| UnfinishedMark {
            key: key.to_owned(),
            upload_id: page.next_upload_id_marker().map(str::to_owned),
        });
        Ok(UnfinishedPage { uploads: uploads.collect(), next })
    }
}

/// Whether an upload was completed or aborted before, or never was.
fn is_gone<E: ProvideErrorMetadata>(error: &aws_sdk_s3::error::SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("NoSuchUpload") || (status_of(error) == Some(404) && code != Some("NoSuchBucket"))
}

/// Whether the parts are others than those that were named.
fn is_of_other_parts<E: ProvideErrorMetadata>(error: &aws_sdk_s3::error::SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall"))
}
