//! Step 3: the upload is over. Believes the storage, not the client, and may be repeated.

use chrono::{DateTime, Utc};

use super::{Uploads, process::of_a_newer_version};
use crate::{
    changes::Decision,
    db,
    domain::{
        access::Action,
        caller::{Caller, TokenScope},
        details::DetailsChange,
        error::{Refusal, ServiceResult, UserErrorCode, refusals_apart},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Image, ImageStatus, Keep, Original, StoredOriginal, UploadState},
        job::{Job, JobError},
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
        caller.acting(TokenScope::Upload)?;
        let details = details.check()?;
        let image = self.find_for(caller, id, Action::Upload).await?;
        let stored = if image.awaits_upload() { self.stored_object(id).await? } else { None };
        // Somebody else may have completed it in this moment.
        if image.awaits_upload() && stored.is_none() && self.is_awaited(id).await? {
            let why = "The file is not in the storage yet: send it first.";
            return Err(Refusal::on("imageId", UserErrorCode::NotUploaded, why).into());
        }
        let now = self.now();
        let complete = |image: &Image| complete_or_describe(image, stored.as_ref(), &details, now);
        self.change_for(caller, Action::Upload, id, complete).await
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
        if image.as_ref().is_some_and(|image| image.state == UploadState::Unknown) {
            return Err(of_a_newer_version());
        }
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
            return Ok(self
                .inner
                .queue
                .enqueue(self.inner.db.conn(), Job::CompleteUnattended { image: id }, ends_at)
                .await?);
        }
        let expire = |image: &Image| {
            let is_over = image.awaits_upload() && image.updated_at + self.inner.rules.ticket_life <= now;
            let message =
                "The file was uploaded, but the storage limit was exceeded until the ticket expired.".to_owned();
            let failure = Failure { code: FailureCode::UploadExpired, message };
            Ok(image.fail(failure, Keep::WhatWasChecked, now).filter(|_| is_over))
        };
        refusals_apart(self.change(id, expire).await).map(drop)
    }

    /// Completes an upload without its client, if the storage has it. Says whether it did.
    pub(super) async fn complete_stored(&self, id: ImageId) -> ServiceResult<bool> {
        let stored = self.stored_object(id).await?;
        if stored.is_none() {
            return Ok(false);
        }
        let now = self.now();
        let complete = |image: &Image| {
            // Somebody cancelled it or deleted it before.
            if !image.is_visible() {
                return Err(Refusal::image_not_found().into());
            }
            complete_or_describe(image, stored.as_ref(), &DetailsChange::default(), now)
        };
        // Refused also where its owner has no room for it.
        Ok(refusals_apart(self.change(id, complete).await)?.is_ok())
    }

    async fn is_awaited(&self, id: ImageId) -> ServiceResult<bool> {
        let image = db::images::find(self.inner.db.conn(), id).await?;
        Ok(image.is_some_and(|image| image.awaits_upload()))
    }

    /// What the storage has of an upload, also where it came in parts.
    pub(super) async fn stored_object(&self, id: ImageId) -> ServiceResult<Option<StoredOriginal>> {
        let key = StorageKey::incoming(id);
        let mut found = self.inner.storage.head(&key).await?;
        if found.is_none() && self.join_parts(id).await? {
            found = self.inner.storage.head(&key).await?;
        }
        Ok(found.map(StoredOriginal::from))
    }
}

/// Completes an upload that is not completed; of one that is, keeps what is said of it.
fn complete_or_describe(
    image: &Image,
    stored: Option<&StoredOriginal>,
    details: &DetailsChange,
    now: DateTime<Utc>,
) -> Decision {
    match (image.status(), stored) {
        (ImageStatus::Pending | ImageStatus::Uploading, Some(stored)) => {
            Ok(Some(image.complete(stored, details, now)?))
        }
        (ImageStatus::Processing | ImageStatus::Completed, _) => Ok(image.edit(details, None, now)),
        _ => {
            let why = format!("The image is {}.", image.status().name().to_uppercase());
            Err(Refusal::on("imageId", UserErrorCode::InvalidState, why).into())
        }
    }
}

impl From<ObjectHead> for StoredOriginal {
    fn from(head: ObjectHead) -> Self {
        Self { original: Original { size: head.size, etag: head.etag }, content_type: head.content_type }
    }
}
