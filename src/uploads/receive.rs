//! Step 2: bytes. Counted by the embedded storage as they come in, or told by the client.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

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
pub(super) const UNATTENDED_AFTER: TimeDelta = TimeDelta::minutes(1);

/// The images whose parts were counted a moment ago, and whether more of them have come since.
#[derive(Default)]
pub(super) struct PartsToCount(Mutex<HashMap<ImageId, bool>>);

impl PartsToCount {
    /// Says whether to count at once. Otherwise whoever did so a moment ago is going to do it again.
    fn begin(&self, id: ImageId) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counted.get_mut(&id) {
            Some(is_more) => {
                *is_more = true;
                false
            }
            None => counted.insert(id, false).is_none(),
        }
    }

    /// Says whether there is more to count; if not, the next one counts at once.
    fn again(&self, id: ImageId) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.get_mut(&id).is_some_and(std::mem::take) {
            return true;
        }
        counted.remove(&id);
        false
    }
}

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
        if self.remove_if_unwanted(id).await? {
            return Ok(());
        }
        // Sent at once after all: its parts would take the room a second time.
        self.abort_parts(id).await?;
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

    /// Removes a file that came under a ticket that outlived its upload: nobody is going to ask for it. Says whether it did.
    pub(super) async fn remove_if_unwanted(&self, id: ImageId) -> ServiceResult<bool> {
        let is_unwanted = self.is_unwanted(id).await?;
        if is_unwanted {
            self.inner.storage.delete(&[StorageKey::incoming(id)]).await?;
        }
        Ok(is_unwanted)
    }

    /// Whether nothing is to be sent for an image any more. While it is being processed, a newer file still takes the place
    /// of the first (decision 0007).
    async fn is_unwanted(&self, id: ImageId) -> ServiceResult<bool> {
        let found = db::images::find(self.inner.db.conn(), id).await?;
        // What a failed image keeps for another attempt may still be under this key.
        let is_kept = |image: &Image| matches!(image.state, UploadState::Failed { kept: Some(_), .. });
        Ok(found.is_none_or(|image| image.status().is_terminal() && !is_kept(&image)))
    }

    /// Counts the parts of an upload: now, and those that come meanwhile together, a few times a second.
    async fn count_parts(self, id: ImageId) {
        loop {
            if let Err(error) = self.note_parts(id).await {
                tracing::warn!(image = %id, error = ?error, "recording stored parts failed");
            }
            tokio::time::sleep(REPORT_EVERY).await;
            if !self.inner.parts_to_count.again(id) {
                return;
            }
        }
    }

    /// Passes counts on, a few a second, and the last one always.
    async fn follow(self, id: ImageId, mut received: watch::Receiver<u64>, unwanted: CancellationToken) {
        while received.changed().await.is_ok() {
            let bytes = *received.borrow_and_update();
            let is_unwanted = match self.note_received(id, bytes).await {
                Err(ServiceError::Refused(_)) => self.is_unwanted(id).await,
                noted => noted.map(|_| false),
            };
            match is_unwanted {
                // What still comes of it would lie on the disk and count for nobody.
                Ok(true) => return unwanted.cancel(),
                Ok(false) => {}
                Err(error) => tracing::warn!(image = %id, error = ?error, "saving the number of received bytes failed"),
            }
            tokio::time::sleep(REPORT_EVERY).await;
        }
    }
}

#[async_trait]
impl UploadObserver for Uploads {
    fn receiving(&self, key: &str, received: watch::Receiver<u64>, unwanted: CancellationToken) {
        if let Some(id) = StorageKey::image_of_incoming(key) {
            tokio::spawn(self.clone().follow(id, received, unwanted));
        }
    }

    async fn part_stored(&self, key: &str) {
        if let Some(id) = StorageKey::image_of_incoming(key)
            && self.inner.parts_to_count.begin(id)
        {
            tokio::spawn(self.clone().count_parts(id));
        }
    }

    async fn stored(&self, key: &str, size: u64) {
        if let Err(error) = self.hear_of_stored(key, size).await {
            // The object is safe; the client's completeUpload or the sweep will find it.
            tracing::warn!(key, error = ?error, "recording a stored upload failed");
        }
    }
}
