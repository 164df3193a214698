//! Hand: objects. One path for every storage: the AWS SDK, whether S3 is elsewhere or inside this server.

pub mod embedded;
mod key;
mod post_policy;
mod s3;
mod sign;

pub use key::StorageKey;
pub use post_policy::{Credentials, PostPolicySigner};
pub use s3::{Copied, ListedPage, ObjectHead, S3Settings, Storage, StorageError, StoredObject};

use crate::domain::{error::ServiceError, job::JobError};

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
