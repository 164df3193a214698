//! Step 3: the upload is over. Believes the storage, not the client, and may be repeated.

use super::{Next, Uploads};
use crate::{
    db,
    domain::{
        details::DetailsChange,
        error::{Refusal, ServiceResult, UserErrorCode, refusals_apart},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Image, ImageStatus, Keep, Original},
        job::{Job, JobError},
        user::{Caller, Permission},
    },
    storage::{ObjectHead, StorageKey},
};

impl Uploads {
    /// Completes an upload, and says what it shows. Once it is completed, only says.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`; `NOT_UPLOADED` while the storage has no object; `INVALID_STATE` once it failed;
    /// `TOO_LONG` and `INVALID_VALUE` of the details; `QUOTA_EXCEEDED`, which leaves the upload as it is: there may
    /// be room for it later.
    pub async fn complete(&self, caller: &Caller, id: ImageId, details: DetailsChange) -> ServiceResult<Image> {
        caller.user()?;
        let details = details.check()?;
        let image = self.find_for(caller, id, Permission::ChangeAnyImage).await?;
        let stored = if image.awaits_upload() { self.stored_object(id).await? } else { None };
        if image.awaits_upload() && stored.is_none() {
            let why = "The storage has no object for this image yet: post the file first.";
            return Err(Refusal::on("imageId", UserErrorCode::NotUploaded, why).into());
        }
        self.complete_with(id, stored, &details).await
    }

    /// The job for a client that fell silent after its last byte.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn complete_unattended(&self, id: ImageId) -> Result<(), JobError> {
        if self.complete_stored(id).await? {
            return Ok(());
        }
        let image = db::images::find(self.inner.db.conn(), id).await?;
        match image.filter(Image::awaits_upload) {
            Some(image) => Ok(self.wait_or_expire(&image).await?),
            None => Ok(()),
        }
    }

    /// What was stored and cannot be completed, for there is no room for it, is kept while its ticket lives.
    pub(super) async fn wait_or_expire(&self, image: &Image) -> ServiceResult<()> {
        let (id, now) = (image.id, self.now());
        let ends_at = image.updated_at + self.inner.rules.ticket_life;
        if ends_at > now {
            return Ok(self.inner.queue.enqueue(self.inner.db.conn(), Job::CompleteUnattended(id), ends_at).await?);
        }
        let is_over = |image: &Image| image.awaits_upload() && image.updated_at + self.inner.rules.ticket_life <= now;
        let decide = |image: &mut Image| {
            let message = "It was uploaded, but there was no room for it while its ticket was good.".to_owned();
            let failure = Failure { code: FailureCode::UploadExpired, message };
            image.fail(failure, Keep::WhatWasChecked, now);
            Ok(Next::SaveAnd(Job::Discard(id), now))
        };
        refusals_apart(self.change_if(id, is_over, decide).await).map(drop)
    }

    /// Completes an upload without its client, if the storage has it. Says whether it did.
    pub(super) async fn complete_stored(&self, id: ImageId) -> ServiceResult<bool> {
        let stored = self.stored_object(id).await?;
        if stored.is_none() {
            return Ok(false);
        }
        // Refused where somebody cancelled or deleted it before, or its owner has no room for it.
        let completed = self.complete_with(id, stored, &DetailsChange::default()).await;
        Ok(refusals_apart(completed)?.is_ok())
    }

    async fn stored_object(&self, id: ImageId) -> ServiceResult<Option<ObjectHead>> {
        Ok(self.inner.storage.head(&StorageKey::incoming(id)).await?)
    }

    async fn complete_with(
        &self,
        id: ImageId,
        stored: Option<ObjectHead>,
        details: &DetailsChange,
    ) -> ServiceResult<Image> {
        let now = self.now();
        let decide = |image: &mut Image| match (image.status(), stored) {
            (ImageStatus::Pending | ImageStatus::Uploading, Some(stored)) => {
                image.describe(details, now);
                let failure = not_what_was_announced(image, &stored);
                image.complete(Original { size: stored.size, etag: stored.etag }, now)?;
                let job = match failure {
                    Some(failure) => {
                        image.fail(failure, Keep::WhatWasChecked, now);
                        Job::Discard(id)
                    }
                    None => Job::Process(id),
                };
                Ok(Next::SaveAnd(job, now))
            }
            (ImageStatus::Processing | ImageStatus::Completed, _) => {
                Ok(if image.describe(details, now) { Next::Save } else { Next::Nothing })
            }
            _ => {
                let why = format!("The image is {}.", image.status().name().to_uppercase());
                Err(Refusal::on("imageId", UserErrorCode::InvalidState, why).into())
            }
        };
        self.change(id, decide).await
    }
}

/// A storage that holds nobody to a policy may have taken something else.
pub(super) fn not_what_was_announced(image: &Image, stored: &ObjectHead) -> Option<Failure> {
    let (declared, expected) = (image.declared_size, image.format.content_type());
    if stored.size > declared {
        let message = format!("The upload was announced with {declared} bytes and has {}.", stored.size);
        return Some(Failure { code: FailureCode::FileTooLarge, message });
    }
    if !stored.content_type.eq_ignore_ascii_case(expected) {
        let message = format!("The upload was announced as {expected} and stored as {}.", stored.content_type);
        return Some(Failure { code: FailureCode::ContentTypeMismatch, message });
    }
    None
}
