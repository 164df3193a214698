//! Step 4, a job: check the original and make the variants that are missing.
//!
//! May run twice and be killed anywhere: every step finds what the last attempt left and goes on from there.

use tokio::sync::mpsc;

use super::{Next, Uploads, complete::not_what_was_announced};
use crate::{
    db,
    domain::{
        error::{ServiceError, ServiceResult, refusals_apart},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Facts, Image, Original, UploadState},
        job::{Job, JobError},
        metadata::Metadata,
        progress::Progress,
        variant::{Variant, VariantType},
    },
    imaging::{self, Decoded, Encoded, ImagingError},
    storage::{Copied, StorageKey},
};

/// What the workshop hands over as it goes.
enum Made {
    Facts(Facts, Metadata),
    Variant(Encoded),
}

/// Why an attempt ended early.
enum Stop {
    /// The image is to blame.
    Failed(Failure),
    /// Somebody deleted it meanwhile.
    Gone,
    /// Time may heal it.
    Later(anyhow::Error),
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        match error {
            // `change` refuses nothing but what is not there any more.
            ServiceError::Refused(_) => Self::Gone,
            error => Self::Later(error.into_anyhow()),
        }
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
            Err(Stop::Failed(failure)) => {
                self.fail(id, failure).await.map_err(|error| JobError::Retry(error.into_anyhow()))
            }
            Err(Stop::Later(error)) => Err(JobError::Retry(error)),
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
        let UploadState::Processing { original, .. } = &image.state else { return Ok(()) };
        self.settle_original(&image, original.clone()).await?;
        let key = StorageKey::original(&image);
        let bytes = self.inner.storage.get(&key, image.declared_size).await?.ok_or(Stop::Failed(lost()))?;
        let ready = db::variants::of_image(self.inner.db.conn(), id).await?;
        let is_ready = |kind: &VariantType| ready.iter().any(|variant| variant.kind == *kind);
        let missing = VariantType::ALL.into_iter().filter(|kind| !is_ready(kind)).collect();

        let (send, mut made) = mpsc::channel(1);
        let limits = self.inner.rules.imaging;
        let format = image.format;
        let workshop = tokio::task::spawn_blocking(move || {
            let decoded = Decoded::from_bytes(&bytes, format, limits)?;
            make(&decoded, imaging::metadata(&bytes, format), missing, &send)
        });
        while let Some(made) = made.recv().await {
            match made {
                Made::Facts(facts, metadata) => self.learn(id, facts, &metadata).await?,
                Made::Variant(encoded) => self.keep(&image, encoded).await?,
            }
        }
        match workshop.await {
            Ok(Ok(())) => self.finish(&image).await,
            Ok(Err(error)) => Err(error.as_failure().map_or_else(|| Stop::Later(error.into()), Stop::Failed)),
            Err(panic) if panic.is_panic() => Err(Stop::Failed(imaging_panic())),
            Err(cancelled) => Err(Stop::Later(cancelled.into())),
        }
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
                Err(Stop::Later(anyhow::anyhow!("the upload was replaced before it was processed")))
            }
        }
    }

    async fn replace_original(&self, id: ImageId, newer: Original) -> ServiceResult<()> {
        let now = self.now();
        let decide =
            |image: &mut Image| Ok(if image.replace_original(newer, now) { Next::Save } else { Next::Nothing });
        self.change(id, decide).await.map(drop)
    }

    async fn learn(&self, id: ImageId, facts: Facts, metadata: &Metadata) -> Result<(), Stop> {
        db::metadata::put(self.inner.db.conn(), id, metadata).await?;
        let now = self.now();
        let decide = |image: &mut Image| {
            let is_news = image.facts() != Some(&facts);
            Ok(if is_news && image.learn(facts, now) { Next::Save } else { Next::Nothing })
        };
        Ok(self.change(id, decide).await.map(drop)?)
    }

    /// Stores a variant, and only then says that it is ready.
    async fn keep(&self, image: &Image, encoded: Encoded) -> Result<(), Stop> {
        let variant = Variant {
            kind: encoded.kind,
            width: encoded.width,
            height: encoded.height,
            file_size: encoded.bytes.len() as u64,
            created_at: self.now(),
        };
        let key = StorageKey::variant(image, variant.kind);
        self.inner.storage.put(&key, encoded.bytes, Variant::CONTENT_TYPE).await?;
        let transaction = self.inner.db.begin().await?;
        let Some(mut current) = db::images::lock(&transaction, image.id).await? else { return Err(Stop::Gone) };
        if !current.add_variant(self.now()) {
            return Err(Stop::Gone);
        }
        db::variants::put(&transaction, image.id, &variant).await?;
        db::images::update(&transaction, &current).await?;
        let variants = db::variants::of_image(&transaction, image.id).await?;
        let news = Progress { image: current, variants, made_ready: Some(variant.kind) };
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
    async fn fail(&self, id: ImageId, failure: Failure) -> ServiceResult<()> {
        let now = self.now();
        let decide = |image: &mut Image| {
            Ok(if image.fail(failure, now) { Next::SaveAnd(Job::Discard(id), now) } else { Next::Nothing })
        };
        gone_is_fine(self.change(id, decide).await)
    }
}

/// What was deleted meanwhile needs no end of its own.
fn gone_is_fine(changed: ServiceResult<Image>) -> ServiceResult<()> {
    refusals_apart(changed).map(drop)
}

/// On a blocking thread: the facts first, then each variant, smallest first. Ends early when nobody listens.
fn make(
    decoded: &Decoded,
    metadata: Metadata,
    missing: Vec<VariantType>,
    send: &mpsc::Sender<Made>,
) -> Result<(), ImagingError> {
    if send.blocking_send(Made::Facts(decoded.facts()?, metadata)).is_err() {
        return Ok(());
    }
    for kind in missing {
        if send.blocking_send(Made::Variant(decoded.variant(kind)?)).is_err() {
            break;
        }
    }
    Ok(())
}

fn lost() -> Failure {
    let message = "The uploaded object is not in the storage any more.".to_owned();
    Failure { code: FailureCode::ProcessingFailed, message }
}

fn imaging_panic() -> Failure {
    Failure { code: FailureCode::Corrupt, message: "The file cannot be decoded.".to_owned() }
}
