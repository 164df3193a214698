//! The way out: seen by nobody at once; objects, and a minute later the row, removed by jobs.

use chrono::TimeDelta;

use super::{Next, Uploads};
use crate::{
    db,
    domain::{
        batch::{Batch, Outcomes},
        error::{ServiceResult, refusals_apart},
        ids::ImageId,
        image::{Image, UploadState},
        job::{Job, JobError},
        user::{Caller, Permission},
        variant::VariantName,
    },
    storage::StorageKey,
};

/// How long a deleted image's row stays, so that watchers in other processes still hear of its end.
const TELL_FOR: TimeDelta = TimeDelta::minutes(1);

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

    /// Deletes an image in whatever state it is: into the trash, where there is one and it was checked. For good,
    /// where that is asked for, also from the trash.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`.
    pub async fn delete(&self, caller: &Caller, id: ImageId, for_good: bool) -> ServiceResult<ImageId> {
        let user = caller.user()?;
        let now = self.now();
        let retention = self.inner.rules.trash_retention;
        let goes_to_trash = !for_good && retention > TimeDelta::zero();
        let is_there = |image: &Image| {
            let is_there = image.is_visible() || (for_good && image.in_trash().is_some());
            is_there && user.may_with_image_of(image.owner, Permission::DeleteAnyImage)
        };
        let decide = |image: &mut Image| {
            if goes_to_trash && image.trash(now + retention, now) {
                return Ok(Next::Save);
            }
            image.delete(now);
            Ok(Next::SaveAnd(Job::Discard(id), now))
        };
        self.change_if(id, is_there, decide).await.map(|image| image.id)
    }

    /// Deletes many images, each by itself.
    ///
    /// # Errors
    /// When the database does not answer: what was deleted until then stays so.
    pub async fn delete_many(
        &self,
        caller: &Caller,
        batch: &Batch,
        for_good: bool,
    ) -> ServiceResult<Outcomes<ImageId>> {
        caller.user()?;
        let mut outcomes = Vec::new();
        for id in batch.iter() {
            outcomes.push((id, refusals_apart(self.delete(caller, id, for_good).await)?));
        }
        Ok(outcomes)
    }

    /// The job: removes the objects of an image that failed for good or was deleted.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn discard(&self, id: ImageId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await? else { return Ok(()) };
        if !matches!(image.state, UploadState::Deleted | UploadState::Failed { kept: None, .. }) {
            return Ok(());
        }
        let variants = db::variants::of_image(conn, id).await?;
        self.inner.storage.delete(&[StorageKey::incoming(id)]).await?;
        // Every object that ever was made of it, also under keys that no variant has any more.
        let prefix = StorageKey::all_of(&image);
        let mut continuation = None;
        loop {
            let page = self.inner.storage.list(&prefix, continuation).await?;
            let keys: Vec<StorageKey> = page.objects.into_iter().map(|object| object.key).collect();
            self.inner.storage.delete(&keys).await?;
            continuation = page.continuation;
            if continuation.is_none() {
                break;
            }
        }
        let names: Vec<VariantName> = variants.into_iter().map(|variant| variant.name).collect();
        db::variants::remove(conn, id, &names).await?;
        if image.state == UploadState::Deleted {
            let later = self.now() + TELL_FOR;
            self.inner.queue.enqueue(conn, Job::Forget(id), later).await?;
        }
        Ok(())
    }

    /// The job: removes the row of a deleted image.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget(&self, id: ImageId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let found = db::images::find(conn, id).await?;
        match found {
            Some(image) if image.state == UploadState::Deleted => Ok(db::images::remove(conn, id).await?),
            _ => Ok(()),
        }
    }
}
