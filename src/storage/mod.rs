//! Hand: objects. One interface for every storage, and S3 behind it, elsewhere or inside this server.

mod assets;
mod breaker;
mod credentials;
pub mod embedded;
mod inspect;
mod key;
mod multipart;
pub mod notification;
mod post_policy;
mod presign;
mod s3;
mod setup;
mod sign;
mod sigv4;
mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::fs::File;

pub use self::{
    assets::{Asset, AssetPath, Manifest},
    breaker::Breaker,
    inspect::BucketFault,
    key::StorageKey,
    multipart::{PartStore, UnfinishedMark, UnfinishedMultipart, UnfinishedPage},
    post_policy::PostPolicySigner,
    presign::ObjectUrls,
    s3::{S3, S3Settings},
    setup::SetupStep,
    sigv4::Credentials,
    transfer::{Transfer, Transferred},
};
use crate::domain::{error::ServiceError, job::JobError, ticket::UploadTarget};

/// The storage that everybody shares.
pub type Storage = Arc<dyn ObjectStore>;

/// One bucket of one storage. Each call fails with a `StorageError` when the storage gives no answer, or refuses to.
#[async_trait]
pub trait ObjectStore: PartStore {
    /// What a browser sends to store exactly this many bytes of this type at this key.
    async fn sign_upload(
        &self,
        key: &StorageKey,
        content_type: &str,
        size: u64,
        expires_at: DateTime<Utc>,
    ) -> Result<UploadTarget, StorageError>;

    /// What makes the URLs under which browsers can fetch objects. An object's is the same for half of its life, so that
    /// caches know it again.
    async fn urls(&self) -> Result<Arc<ObjectUrls>, StorageError>;

    /// What the storage knows of an object, where there is one.
    async fn head(&self, key: &StorageKey) -> Result<Option<ObjectHead>, StorageError>;

    /// Copies an upload to where it stays, if it is still the object of this ETag.
    async fn copy(
        &self,
        from: &StorageKey,
        etag: &str,
        to: &StorageKey,
        content_type: &str,
    ) -> Result<Copied, StorageError>;

    /// Writes an object's bytes to a file, as they come. Says whether there is one, of at most `limit` bytes; fails
    /// also when it breaks off, or the file cannot be written.
    async fn download(&self, key: &StorageKey, limit: u64, to: &mut File) -> Result<bool, StorageError>;

    /// Stores an object under a key whose content never changes.
    async fn put(&self, key: &StorageKey, bytes: Bytes, content_type: &str) -> Result<(), StorageError>;

    /// Stores a file of so many bytes, read from its beginning, as long as bytes go out.
    async fn put_file(&self, key: &StorageKey, file: File, size: u64, content_type: &str) -> Result<(), StorageError>;

    /// Removes objects, whether they are there or not. At most 1000.
    async fn delete(&self, keys: &[StorageKey]) -> Result<(), StorageError>;

    /// A page of the objects behind a prefix, in the order of their keys.
    async fn list(&self, prefix: &str, continuation: Option<String>) -> Result<ListedPage, StorageError>;

    /// Asks the storage for a sign of life. Fails also when the bucket is not there.
    async fn ping(&self) -> Result<(), StorageError>;
}

/// Why the storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It was not there, too slow or out of order: it may do it later.
    #[error("the storage is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// It said no, which is not going to change by itself.
    #[error("the storage refused the request")]
    Refused(#[source] anyhow::Error),
}

/// What the storage knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub size: u64,
    pub content_type: String,
    /// As the storage gave it, quotes and all.
    pub etag: String,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub key: StorageKey,
    /// In bytes.
    pub size: u64,
    pub modified: DateTime<Utc>,
}

/// A page of a listing.
#[derive(Debug, Clone)]
pub struct ListedPage {
    pub objects: Vec<StoredObject>,
    /// What to ask for the next page with, if there is one.
    pub continuation: Option<String>,
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    Done,
    SourceMissing,
    /// There is another object than the one that was meant.
    SourceChanged,
}

impl From<StorageError> for JobError {
    fn from(error: StorageError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(source) => Self::StorageUnavailable(source),
            StorageError::Refused(source) => Self::Internal(source),
        }
    }
}
