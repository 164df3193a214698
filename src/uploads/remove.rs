//! The way out: seen by nobody at once, objects and row removed by a job.

use super::{Next, Uploads};
use crate::{
    db,
    domain::{
        error::ServiceResult,
        ids::ImageId,
        image::{Image, UploadState},
        job::{Job, JobError},
        user::{Caller, Permission},
    },
    storage::StorageKey,
};

impl Uploads {
    /// Gives up an upload that is not over yet.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, or `INVALID_STATE` once it is over.
    pub async fn cancel(&self, caller: &Caller, id: ImageId) -> ServiceResult<ImageId> {
        self.find_for(caller, id, Permission::DeleteAnyImage).await?;
        let now = self.now();
        let decide = |image: &mut Image| {
            image.cancel(now)?;
            Ok(Next::SaveAnd(Job::Discard(id), now))
        };
        self.change(id, decide).await.map(|image| image.id)
    }

    /// Deletes an image in whatever state it is.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`.
    pub async fn delete(&self, caller: &Caller, id: ImageId) -> ServiceResult<ImageId> {
        self.find_for(caller, id, Permission::DeleteAnyImage).await?;
        let now = self.now();
        let decide = |image: &mut Image| {
            image.delete(now);
            Ok(Next::SaveAnd(Job::Discard(id), now))
        };
        self.change(id, decide).await.map(|image| image.id)
    }

    /// The job: removes the objects of an image that failed for good, or of a deleted one and then its row.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn discard(&self, id: ImageId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await.map_err(JobError::retry)? else { return Ok(()) };
        let keys = match &image.state {
            UploadState::Deleted | UploadState::Failed { kept: None, .. } => StorageKey::all_of(&image),
            _ => return Ok(()),
        };
        self.inner.storage.delete(&keys).await.map_err(JobError::retry)?;
        if image.state == UploadState::Deleted {
            db::images::remove(conn, id).await.map_err(JobError::retry)
        } else {
            db::variants::remove(conn, id, &crate::domain::variant::VariantType::ALL).await.map_err(JobError::retry)
        }
    }
}
