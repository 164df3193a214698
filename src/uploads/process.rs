//! Step 4, a job: check the original and make the variants that are missing.
//!
//! May run twice and be killed anywhere: every step finds what the last attempt left and goes on from there.

use std::fs::File;

use tokio::io::AsyncWriteExt;

use super::{Next, Uploads, complete::not_what_was_announced};
use crate::{
    db,
    domain::{
        error::{ServiceError, ServiceResult, refusals_apart},
        failure::{Failure, FailureCode},
        fingerprint::Fingerprint,
        ids::ImageId,
        image::{Facts, Image, Keep, Original, UploadState},
        job::{Job, JobError},
        metadata::Metadata,
        progress::Progress,
        variant::Variant,
    },
    imaging::{
        Encoded,
        workshop::{Made, WorkshopError},
    },
    storage::{Copied, StorageKey},
};

/// Why an attempt ended early.
enum Stop {
    /// The image is to blame; it was checked before, so something of it may be good.
    Failed(Failure),
    /// The image is to blame, and never was any good.
    Unfit(Failure),
    /// Somebody deleted it meanwhile.
    Gone,
    /// Time may heal it.
    Later(JobError),
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        match error {
            // `change` refuses nothing but what is not there any more.
            ServiceError::Refused(_) => Self::Gone,
            error => Self::Later(error.into()),
        }
    }
}

impl From<WorkshopError> for Stop {
    fn from(error: WorkshopError) -> Self {
        let failure = match &error {
            WorkshopError::Image(error) => error.as_failure(),
            WorkshopError::Process(_) | WorkshopError::Ended(_) => None,
        };
        failure.map_or_else(|| Self::Later(JobError::Failed(error.into())), Self::Failed)
    }
}

impl From<crate::storage::StorageError> for Stop {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Later(error.into())
    }
}

impl From<sea_orm::DbErr> for Stop {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Later(error.into())
    }
}

impl Uploads {
    /// Carries an image from PROCESSING to COMPLETED or FAILED.
    ///
    /// # Errors
    /// When the storage or the database is away, or the encoder failed: to be tried again.
    pub async fn process(&self, id: ImageId) -> Result<(), JobError> {
        match self.attempt(id).await {
            Ok(()) | Err(Stop::Gone) => Ok(()),
            Err(Stop::Failed(failure)) => Ok(self.fail(id, failure, Keep::WhatWasChecked).await?),
            Err(Stop::Unfit(failure)) => Ok(self.fail(id, failure, Keep::Nothing).await?),
            Err(Stop::Later(error)) => Err(error),
        }
    }

    /// Gives up after too many attempts. The original is kept: generateVariants tries again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_up(&self, id: ImageId) -> ServiceResult<()> {
        let message = "Processing failed too often; generateVariants tries again.".to_owned();
        let failure = Failure { code: FailureCode::ProcessingFailed, message };
        let now = self.now();
        let decide = |image: &mut Image| Ok(if image.give_up(failure, now) { Next::Save } else { Next::Nothing });
        gone_is_fine(self.change(id, decide).await)
    }

    async fn attempt(&self, id: ImageId) -> Result<(), Stop> {
        let found = db::images::find(self.inner.db.conn(), id).await?;
        let Some(image) = found else { return Err(Stop::Gone) };
        let UploadState::Processing { original, facts } = &image.state else { return Ok(()) };
        let was_checked = facts.is_some();
        let made = self.make(&image, original.clone()).await;
        made.map_err(|stop| match stop {
            Stop::Failed(failure) if !was_checked => Stop::Unfit(failure),
            stop => stop,
        })
    }

    async fn make(&self, image: &Image, original: Original) -> Result<(), Stop> {
        let id = image.id;
        self.settle_original(image, original).await?;
        let key = StorageKey::original(image);
        let file = self.download(&key, image.declared_size).await?.ok_or(Stop::Failed(lost()))?;
        let ready = db::variants::of_image(self.inner.db.conn(), id).await?;
        let missing = self.missing(&ready).cloned().collect();
        let mut work = self.inner.workshop.begin(image.owner, file, Some(image.format), missing).await?;
        loop {
            match work.next().await? {
                Made::Facts(facts, fingerprint, metadata) => self.learn(image, facts, fingerprint, &metadata).await?,
                Made::Variant(encoded) => self.keep(image, encoded).await?,
                Made::All(spent) => {
                    tracing::info!(image = %id, cpu_ms = spent.cpu_ms, peak_memory = spent.peak_memory, "made an image");
                    return self.finish(image).await;
                }
            }
        }
    }

    /// An object as a file without a name, which goes when nobody has it open any more.
    async fn download(&self, key: &StorageKey, limit: u64) -> Result<Option<File>, Stop> {
        let failed = |error: std::io::Error| Stop::Later(JobError::Failed(error.into()));
        let folder = self.inner.rules.spool.clone();
        let opened = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await;
        let file = opened.map_err(std::io::Error::other).and_then(|opened| opened).map_err(failed)?;
        let mut writer = tokio::fs::File::from_std(file);
        let is_there = self.inner.storage.download(key, limit, &mut writer).await?;
        writer.flush().await.map_err(failed)?;
        Ok(is_there.then_some(writer.into_std().await))
    }

    /// Brings what completion saw to where it stays. A later attempt finds it there.
    async fn settle_original(&self, image: &Image, seen: Original) -> Result<(), Stop> {
        let (incoming, settled) = (StorageKey::incoming(image.id), StorageKey::original(image));
        let storage = &self.inner.storage;
        match storage.copy(&incoming, &seen.etag, &settled, image.format).await? {
            Copied::Done => Ok(()),
            // An earlier attempt came further than this.
            Copied::SourceMissing | Copied::SourceChanged if storage.head(&settled).await?.is_some() => Ok(()),
            Copied::SourceMissing => Err(Stop::Failed(lost())),
            // The same ticket was used again before this job began: the newer file is the upload.
            Copied::SourceChanged => {
                let Some(newer) = storage.head(&incoming).await? else { return Err(Stop::Failed(lost())) };
                if let Some(failure) = not_what_was_announced(image, &newer) {
                    return Err(Stop::Failed(failure));
                }
                let newer = Original { size: newer.size, etag: newer.etag };
                self.replace_original(image.id, newer).await?;
                let why = anyhow::anyhow!("the upload was replaced before it was processed");
                Err(Stop::Later(JobError::Failed(why)))
            }
        }
    }

    async fn replace_original(&self, id: ImageId, newer: Original) -> ServiceResult<()> {
        let now = self.now();
        let decide =
            |image: &mut Image| Ok(if image.replace_original(newer, now) { Next::Save } else { Next::Nothing });
        self.change(id, decide).await.map(drop)
    }

    async fn learn(
        &self,
        image: &Image,
        facts: Facts,
        fingerprint: Fingerprint,
        metadata: &Metadata,
    ) -> Result<(), Stop> {
        let conn = self.inner.db.conn();
        db::metadata::put(conn, image.id, metadata).await?;
        db::fingerprints::put(conn, image, fingerprint).await?;
        let now = self.now();
        let decide = |image: &mut Image| {
            let is_news = image.facts() != Some(&facts);
            Ok(if is_news && image.learn(facts, now) { Next::Save } else { Next::Nothing })
        };
        Ok(self.change(image.id, decide).await.map(drop)?)
    }

    /// Stores a variant, and only then says that it is ready.
    async fn keep(&self, image: &Image, encoded: Encoded) -> Result<(), Stop> {
        let variant = Variant {
            name: encoded.name,
            format: encoded.format,
            generation: image.generation,
            width: encoded.width,
            height: encoded.height,
            file_size: encoded.bytes.len() as u64,
            created_at: self.now(),
        };
        let key = StorageKey::variant(image, &variant.name, variant.generation, variant.format);
        self.inner.storage.put(&key, encoded.bytes, variant.format.content_type()).await?;
        let transaction = self.inner.db.begin().await?;
        let Some(mut current) = db::images::lock(&transaction, image.id).await? else { return Err(Stop::Gone) };
        if !current.add_variant(self.now()) {
            return Err(Stop::Gone);
        }
        db::variants::put(&transaction, image.id, &variant).await?;
        db::images::update(&transaction, &current).await?;
        let variants = db::variants::of_image(&transaction, image.id).await?;
        let news = Progress { image: current, variants, made_ready: Some(variant.name) };
        Ok(self.commit(transaction, Some(news)).await?)
    }

    /// Nothing is left under `incoming/` once the image says COMPLETED.
    async fn finish(&self, image: &Image) -> Result<(), Stop> {
        self.inner.storage.delete(&[StorageKey::incoming(image.id)]).await?;
        let now = self.now();
        let decide = |image: &mut Image| Ok(if image.finish(now) { Next::Save } else { Next::Nothing });
        Ok(self.change(image.id, decide).await.map(drop)?)
    }

    /// FAILED, with a job that removes what must not stay.
    async fn fail(&self, id: ImageId, failure: Failure, keep: Keep) -> ServiceResult<()> {
        let now = self.now();
        let decide = |image: &mut Image| {
            Ok(if image.fail(failure, keep, now) { Next::SaveAnd(Job::Discard(id), now) } else { Next::Nothing })
        };
        gone_is_fine(self.change(id, decide).await)
    }
}

/// What was deleted meanwhile needs no end of its own.
fn gone_is_fine(changed: ServiceResult<Image>) -> ServiceResult<()> {
    refusals_apart(changed).map(drop)
}

fn lost() -> Failure {
    let message = "The uploaded object is not in the storage any more.".to_owned();
    Failure { code: FailureCode::ProcessingFailed, message }
}
