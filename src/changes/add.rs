//! A new image, and the end of its row.

use super::Changes;
use crate::{
    db::{self, Saved},
    domain::{
        error::ServiceResult,
        ids::ImageId,
        image::{Image, UploadState},
        progress::Progress,
        variant::Variant,
    },
};

/// What became of a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    Done,
    /// Its owner used the idempotency key before.
    KeyWasUsed,
}

impl Changes {
    /// Adds an image that awaits its upload, where its owner has room for what it announces. A ticket is no event.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`; then nothing is added.
    pub async fn add(&self, new: &Image, idempotency_key: Option<String>) -> ServiceResult<Added> {
        match self.insert(new, idempotency_key).await? {
            Saved::Done => {
                let news = Progress { image: new.clone(), variants: Vec::new(), made_ready: None };
                self.inner.hub.tell(new, Some(news), false);
                Ok(Added::Done)
            }
            Saved::Duplicate => Ok(Added::KeyWasUsed),
        }
    }

    async fn insert(&self, new: &Image, idempotency_key: Option<String>) -> ServiceResult<Saved> {
        if self.inner.rules.storage_quota.is_none() {
            self.check_unfinished(self.inner.db.conn(), new).await?;
            return Ok(db::image_writes::insert_alone(&self.inner.db, new, idempotency_key).await?);
        }
        let transaction = self.inner.db.begin().await?;
        self.check_unfinished(&transaction, new).await?;
        let saved = db::image_writes::insert(&transaction, new, idempotency_key).await?;
        if saved == Saved::Done {
            transaction.commit().await?;
        }
        Ok(saved)
    }

    /// Adds completed images as they are, with their variants; at most 1000. Nobody is told.
    ///
    /// # Errors
    /// When the database does not answer; then none is added.
    pub async fn add_completed(&self, images: &[Image], variants: &[(ImageId, Variant)]) -> ServiceResult<()> {
        let transaction = self.inner.db.begin().await?;
        db::image_writes::insert_many(&transaction, images).await?;
        db::variants::insert_many(&transaction, variants).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes the row of an image that is deleted, and leaves every other.
    pub async fn forget(&self, id: ImageId) -> ServiceResult<()> {
        let transaction = self.inner.db.begin().await?;
        let found = db::image_writes::lock(&transaction, id).await?;
        if found.is_some_and(|image| image.state == UploadState::Deleted) {
            db::image_writes::remove(&transaction, id).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Makes images findable that are from before there was a search. Says how many of them are there.
    ///
    /// # Errors
    /// When the database does not answer; then none is.
    pub async fn make_findable(&self, ids: &[ImageId]) -> ServiceResult<u64> {
        let transaction = self.inner.db.begin().await?;
        let images = db::image_writes::lock_many(&transaction, ids).await?;
        for image in &images {
            db::image_writes::make_findable(&transaction, image).await?;
        }
        transaction.commit().await?;
        Ok(images.len() as u64)
    }
}
