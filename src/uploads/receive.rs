//! Step 2: bytes. Counted by the embedded storage as they come in, or told by the client.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::watch;

use super::Uploads;
use crate::{
    db,
    domain::{
        access::Action,
        caller::Caller,
        error::{Refusal, ServiceError, ServiceResult},
        ids::ImageId,
        image::{Image, ImageStatus, UploadState},
    },
    storage::{StorageKey, embedded::UploadObserver},
};

/// At most four counts a second and image leave the server.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// How long a client may take, once its last byte is stored, before its upload is completed in its stead.
const UNATTENDED_AFTER: TimeDelta = TimeDelta::minutes(1);

impl Uploads {
    /// Notes how far a client says that it is. A count that is too soon after the last one changes nothing.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, or `INVALID_STATE` once the upload is over.
    pub async fn report_progress(&self, caller: &Caller, id: ImageId, bytes: u64) -> ServiceResult<Image> {
        let image = self.find_for(caller, id, Action::Upload).await?;
        let now = self.now();
        let is_too_soon = image.upload_started_at.is_some()
            && (now - image.updated_at).to_std().is_ok_and(|age| age < REPORT_EVERY)
            && bytes < image.declared_size;
        if image.awaits_upload() && is_too_soon {
            return Ok(image);
        }
        let receive = |image: &Image| {
            if bytes < image.declared_size {
                return Ok(image.receive(bytes, now)?);
            }
            // The last byte, by the client's word: if it falls silent now, the storage is asked.
            Ok(Some(image.receive_last(bytes, now + UNATTENDED_AFTER, now)?))
        };
        self.change_for(caller, Action::Upload, id, receive).await
    }

    /// The storage has an object of so many bytes, by its own word. Safe to repeat; what is no upload is passed over.
    ///
    /// # Errors
    /// When the database or the storage does not answer.
    pub async fn hear_of_stored(&self, key: &str, size: u64) -> ServiceResult<()> {
        match StorageKey::image_of_incoming(key) {
            Some(id) => self.note_stored(id, size).await,
            None => Ok(()),
        }
    }

    async fn note_received(&self, id: ImageId, bytes: u64) -> ServiceResult<Image> {
        let now = self.now();
        self.change(id, |image| Ok(image.receive(bytes, now)?)).await
    }

    /// The storage has every byte: the last count, and a job for the case that the client falls silent now.
    async fn note_stored(&self, id: ImageId, size: u64) -> ServiceResult<()> {
        let found = db::images::find(self.inner.db.conn(), id).await?;
        // What a failed image keeps for another attempt may still be under this key.
        let is_kept = |image: &Image| matches!(image.state, UploadState::Failed { kept: Some(_), .. });
        let is_orphan = found.is_none_or(|image| image.status().is_terminal() && !is_kept(&image));
        if is_orphan {
            // Sent under a ticket that outlived its upload: nobody is going to ask for it.
            return Ok(self.inner.storage.delete(&[StorageKey::incoming(id)]).await?);
        }
        let now = self.now();
        let receive = |image: &Image| match image.status() {
            ImageStatus::Pending | ImageStatus::Uploading => {
                Ok(Some(image.receive_last(size, now + UNATTENDED_AFTER, now)?))
            }
            ImageStatus::Trashed | ImageStatus::Deleted => Err(Refusal::image_not_found().into()),
            _ => Ok(None),
        };
        match self.change(id, receive).await {
            Ok(_) => Ok(()),
            // Deleted in this very moment.
            Err(ServiceError::Refused(_)) => Ok(self.inner.storage.delete(&[StorageKey::incoming(id)]).await?),
            Err(error) => Err(error),
        }
    }

    /// Passes counts on, a few a second, and the last one always.
    async fn follow(self, id: ImageId, mut received: watch::Receiver<u64>) {
        while received.changed().await.is_ok() {
            let bytes = *received.borrow_and_update();
            match self.note_received(id, bytes).await {
                Ok(_) => tokio::time::sleep(REPORT_EVERY).await,
                // The upload is over or gone; its object is dealt with when it is stored.
                Err(ServiceError::Refused(_)) => return,
                Err(error) => {
                    tracing::warn!(image = %id, error = ?error, "saving the number of received bytes failed");
                    tokio::time::sleep(REPORT_EVERY).await;
                }
            }
        }
    }
}

#[async_trait]
impl UploadObserver for Uploads {
    fn receiving(&self, key: &str, received: watch::Receiver<u64>) {
        if let Some(id) = StorageKey::image_of_incoming(key) {
            tokio::spawn(self.clone().follow(id, received));
        }
    }

    async fn stored(&self, key: &str, size: u64) {
        if let Err(error) = self.hear_of_stored(key, size).await {
            // The object is safe; the client's completeUpload or the sweep will find it.
            tracing::warn!(key, error = ?error, "recording a stored upload failed");
        }
    }
}
