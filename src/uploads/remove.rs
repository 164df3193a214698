//! The way out: seen by nobody at once; objects, and a minute later the row, removed by jobs.

use chrono::TimeDelta;

use super::{Uploads, process::of_a_newer_version};
use crate::{
    changes::Decision,
    db,
    domain::{
        access::{self, Action},
        batch::{Batch, Outcomes},
        caller::{Caller, TokenScope},
        change::Locked,
        error::{Refusal, ServiceResult, UserErrorCode, refusals_apart},
        ids::ImageId,
        image::{Image, UploadState},
        job::JobError,
        variant::VariantName,
    },
    storage::StorageKey,
};

impl Uploads {
    /// Gives up an upload that is not over yet.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, or `INVALID_STATE` once it is over.
    pub async fn cancel(&self, caller: &Caller, id: ImageId) -> ServiceResult<ImageId> {
        let now = self.now();
        let cancelled = self.change_for(caller, Action::Cancel, id, |image| Ok(Some(image.cancel(now)?)));
        cancelled.await.map(|image| image.id)
    }

    /// Deletes an image in whatever state it is: into the trash, where there is one and it was checked. For good,
    /// where that is asked for, also from the trash.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`.
    pub async fn delete(&self, caller: &Caller, id: ImageId, for_good: bool) -> ServiceResult<ImageId> {
        let actor = caller.actor(TokenScope::Delete)?;
        let decide = self.deletion(caller, for_good);
        self.inner.changes.change(id, actor, decide).await.map(|image| image.id)
    }

    /// Deletes many images, each as `delete` does: where one is refused, the others are deleted all the same.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn delete_many(
        &self,
        caller: &Caller,
        batch: &Batch,
        for_good: bool,
    ) -> ServiceResult<Outcomes<ImageId>> {
        let actor = caller.actor(TokenScope::Delete)?;
        let deleted = self.inner.changes.change_many(batch, actor, self.deletion(caller, for_good)).await?;
        Ok(deleted.into_iter().map(|(id, outcome)| (id, outcome.map(|image| image.id))).collect())
    }

    /// What deleting an image comes to.
    fn deletion(&self, caller: &Caller, for_good: bool) -> impl Fn(&Locked) -> Decision {
        let now = self.now();
        let retention = self.inner.rules.trash_retention;
        let goes_to_trash = !for_good && retention > TimeDelta::zero();
        move |Locked { image, .. }| {
            let is_there = |image: &Image| image.is_visible() || (for_good && image.in_trash().is_some());
            access::check_where(caller, Action::Delete, image, is_there)?;
            if goes_to_trash && image.is_of_a_newer_version() {
                let why = "Only a newer version of the server knows the status of this image and can move it to the trash. It can be deleted permanently.";
                return Err(Refusal::on("imageId", UserErrorCode::InvalidState, why).into());
            }
            let trashed = if goes_to_trash { image.trash(now + retention, now) } else { None };
            Ok(Some(trashed.unwrap_or_else(|| image.delete(now))))
        }
    }

    /// The job: removes the objects of an image that failed for good or was deleted.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn discard(&self, id: ImageId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await? else { return Ok(()) };
        if image.state == UploadState::Unknown {
            return Err(of_a_newer_version());
        }
        if !matches!(image.state, UploadState::Deleted | UploadState::Failed { kept: None, .. }) {
            return Ok(());
        }
        let variants = db::variants::of_image(conn, id).await?;
        self.abort_parts(id).await?;
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
        let now = self.now();
        refusals_apart(self.change(id, |image| Ok(Some(image.discarded(names, now)))).await)?.ok();
        Ok(())
    }

    /// The job: removes the row of a deleted image.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget(&self, id: ImageId) -> Result<(), JobError> {
        Ok(self.inner.changes.forget(id).await?)
    }
}
