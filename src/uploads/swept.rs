//! What a sweep did, counted.

use crate::domain::{
    error::{ServiceError, ServiceResult},
    ids::ImageId,
};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that were stored and are completed now.
    pub completed: u64,
    /// Uploads that never came.
    pub expired: u64,
    /// Images that were deleted: expired uploads after a week, and what was in the trash for long enough.
    pub deleted: u64,
    /// Jobs that were lost and are enqueued again.
    pub requeued: u64,
    /// Images that can be searched for from now on.
    pub indexed: u64,
    /// Objects that no row knew.
    pub removed: u64,
    /// Uploads in parts that no row knew.
    pub aborted: u64,
    /// Objects that no row knew, too many of them at once to believe it.
    pub suspicious: u64,
    /// Images for which a step failed by itself. The log has each, and the next sweep tries again.
    pub failed: u64,
}

impl Swept {
    /// What came of one image's step. Its own failure is counted and ends nothing; an outage ends the sweep.
    pub(super) fn of_image<T: Default>(&mut self, image: ImageId, outcome: ServiceResult<T>) -> ServiceResult<T> {
        match outcome {
            Err(ServiceError::StorageUnavailable(_) | ServiceError::DatabaseUnavailable(_)) | Ok(_) => outcome,
            Err(error) => {
                tracing::error!(%image, ?error, "the sweep failed for an image");
                self.failed += 1;
                Ok(T::default())
            }
        }
    }
}
