//! Step 4, a job: check the original and make the variants that are missing.
//!
//! May run twice and be killed anywhere: every step finds what the last attempt left and goes on from there.

use std::{fs::File, time::Duration};

use tokio::{io::AsyncWriteExt, time::Instant};
use tracing::{Instrument, Span};

use super::Uploads;
use crate::{
    db,
    domain::{
        change::Change,
        error::{Refusal, ServiceError, ServiceResult, refusals_apart},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Image, Keep, Original, StoredOriginal, UploadState},
        job::JobError,
        variant::Variant,
        variant_spec::VariantSpec,
    },
    imaging::{
        Encoded,
        sandbox::{Made, Priority, SandboxError},
    },
    measures,
    storage::{Copied, StorageKey},
    trace::step,
};

/// Why an attempt ended early.
pub(super) enum Stop {
    /// The image is to blame; it was checked before, so something of it may be good.
    Failed(Failure),
    /// The image is to blame, and never was any good.
    Unfit(Failure),
    /// Somebody deleted it meanwhile.
    Gone,
    /// Time may heal it.
    Later(JobError),
}

impl<E: Into<ServiceError>> From<E> for Stop {
    fn from(error: E) -> Self {
        match error.into() {
            // Nothing is refused but what is not there, or not being processed, any more.
            ServiceError::Refused(_) => Self::Gone,
            error => Self::Later(error.into()),
        }
    }
}

impl From<SandboxError> for Stop {
    fn from(error: SandboxError) -> Self {
        let failure = match &error {
            SandboxError::Image(error) => error.as_failure(),
            SandboxError::Process(_) | SandboxError::Ended(_) => None,
        };
        failure.map_or_else(|| Self::Later(JobError::Failed(error.into())), Self::Failed)
    }
}

impl Uploads {
    /// Carries an image from PROCESSING to COMPLETED or FAILED.
    ///
    /// # Errors
    /// When the storage or the database is away, or the encoder failed: to be tried again.
    pub async fn process(&self, id: ImageId) -> Result<(), JobError> {
        let Some(image) = db::images::find(self.inner.db.conn(), id).await? else { return Ok(()) };
        match self.attempt(&image).await {
            Ok(()) | Err(Stop::Gone) => Ok(()),
            Err(Stop::Failed(failure)) => Ok(self.fail(&image, failure, Keep::WhatWasChecked).await?),
            Err(Stop::Unfit(failure)) => Ok(self.fail(&image, failure, Keep::Nothing).await?),
            Err(Stop::Later(error)) => Err(error),
        }
    }

    /// Gives up after too many attempts. The original is kept: generateVariants tries again.
    pub async fn give_up(&self, id: ImageId) -> ServiceResult<()> {
        let message = "Processing failed too often. Call generateVariants to try again.".to_owned();
        let failure = Failure { code: FailureCode::ProcessingFailed, message };
        let now = self.now();
        gone_is_fine(self.change(id, |image| Ok(image.give_up(failure, now))).await)
    }

    async fn attempt(&self, image: &Image) -> Result<(), Stop> {
        if image.state == UploadState::Unknown {
            return Err(Stop::Later(of_a_newer_version()));
        }
        let UploadState::Processing { original, facts } = &image.state else { return Ok(()) };
        let was_checked = facts.is_some();
        let made = self.make(image, original.clone()).await;
        made.map_err(|stop| match stop {
            Stop::Failed(failure) if !was_checked => Stop::Unfit(failure),
            stop => stop,
        })
    }

    async fn make(&self, image: &Image, original: Original) -> Result<(), Stop> {
        let id = image.id;
        let Some(format) = image.format.known() else { return Err(Stop::Later(of_a_newer_version())) };
        timed("copy", step!("copy the original"), self.settle_original(image, original)).await?;
        let file = timed("download", step!("download the original"), self.download_original(image)).await?;
        let ready = db::variants::of_image(self.inner.db.conn(), id).await?;
        let missing = self.missing(image, &ready).cloned().collect();
        let mut work = self.inner.sandbox.begin(image.owner, file, Some(format), missing, Priority::Awaited).await?;
        loop {
            match timed("make", step!("make"), work.next()).await? {
                Made::Facts(facts, fingerprint, metadata) => {
                    let now = self.now();
                    self.go_on(image, |image| image.learn(facts, fingerprint, *metadata, now)).await?;
                }
                Made::Variant(encoded) => {
                    let span = step!("store a variant", variant = %encoded.name, bytes = encoded.bytes.len());
                    timed("store", span, self.keep(image, encoded)).await?;
                }
                Made::All(spent) => {
                    measures::imaging(Duration::from_millis(spent.cpu_ms), spent.peak_memory);
                    tracing::info!(image = %id, cpu_ms = spent.cpu_ms, peak_memory = spent.peak_memory, "processed an image");
                    return self.finish(image).await;
                }
            }
        }
    }

    /// The original as a file without a name, which goes when nobody has it open any more.
    pub(super) async fn download_original(&self, image: &Image) -> Result<File, Stop> {
        let failed = |error: std::io::Error| Stop::Later(JobError::Failed(error.into()));
        let folder = self.inner.rules.spool.clone();
        let opened = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await;
        let file = opened.map_err(std::io::Error::other).and_then(|opened| opened).map_err(failed)?;
        let mut writer = tokio::fs::File::from_std(file);
        let is_there =
            self.inner.storage.download(&StorageKey::original(image), image.declared_size, &mut writer).await?;
        writer.flush().await.map_err(failed)?;
        if is_there { Ok(writer.into_std().await) } else { Err(Stop::Failed(lost())) }
    }

    /// Brings what completion saw to where it stays. A later attempt finds it there.
    async fn settle_original(&self, image: &Image, seen: Original) -> Result<(), Stop> {
        let (incoming, settled) = (StorageKey::incoming(image.id), StorageKey::original(image));
        let storage = &self.inner.storage;
        match storage.copy(&incoming, &seen.etag, &settled, image.format.content_type()).await? {
            Copied::Done => Ok(()),
            // An earlier attempt came further than this.
            Copied::SourceMissing | Copied::SourceChanged if storage.head(&settled).await?.is_some() => Ok(()),
            Copied::SourceMissing => Err(Stop::Failed(lost())),
            // The same ticket was used again before this job began: the newer file is the upload.
            Copied::SourceChanged => {
                let Some(newer) = storage.head(&incoming).await? else { return Err(Stop::Failed(lost())) };
                let newer = StoredOriginal::from(newer);
                if let Some(failure) = image.not_what_was_announced(&newer) {
                    return Err(Stop::Failed(failure));
                }
                let now = self.now();
                self.go_on(image, |image| image.replace_original(newer.original, now)).await?;
                let why = anyhow::anyhow!("the upload was replaced before it was processed");
                Err(Stop::Later(JobError::Failed(why)))
            }
        }
    }

    /// Changes the image, as long as nobody had it made anew since: whoever lost the lease may be late.
    pub(super) async fn go_on(
        &self,
        begun: &Image,
        decide: impl FnOnce(&Image) -> Option<Change> + Send,
    ) -> Result<(), Stop> {
        let generation = begun.generation;
        let decide = |image: &Image| {
            let change = if image.generation == generation { decide(image) } else { None };
            change.map(Some).ok_or_else(|| Refusal::image_not_found().into())
        };
        Ok(self.change(begun.id, decide).await.map(drop)?)
    }

    /// Stores a variant, and only then says that it is ready.
    async fn keep(&self, image: &Image, encoded: Encoded) -> Result<(), Stop> {
        let variant = self.store_variant(image, encoded).await?;
        let now = self.now();
        self.go_on(image, |image| image.add_variant(variant, now)).await
    }

    /// Stores a variant under a key of the image's generation.
    pub(super) async fn store_variant(&self, image: &Image, encoded: Encoded) -> Result<Variant, Stop> {
        let spec = self.variants_of(image).iter().find(|spec| spec.name == encoded.name);
        let variant = Variant {
            name: encoded.name,
            format: encoded.format,
            generation: image.generation,
            width: encoded.width,
            height: encoded.height,
            file_size: encoded.bytes.len() as u64,
            created_at: self.now(),
            settings: spec.map(VariantSpec::settings),
        };
        let key = StorageKey::of_variant(image, &variant);
        self.inner.storage.put(&key, encoded.bytes, variant.format.content_type()).await?;
        Ok(variant)
    }

    /// Nothing is left under `incoming/` once the image says COMPLETED.
    async fn finish(&self, image: &Image) -> Result<(), Stop> {
        self.inner.storage.delete(&[StorageKey::incoming(image.id)]).await?;
        self.abort_parts(image.id).await?;
        let now = self.now();
        self.go_on(image, |image| image.finish(now)).await
    }

    /// FAILED, with a job that removes what must not stay.
    async fn fail(&self, begun: &Image, failure: Failure, keep: Keep) -> ServiceResult<()> {
        let (now, generation) = (self.now(), begun.generation);
        let decide =
            |image: &Image| Ok(if image.generation == generation { image.fail(failure, keep, now) } else { None });
        gone_is_fine(self.change(begun.id, decide).await)
    }
}

/// A step that is traced and measured.
async fn timed<T>(name: &'static str, span: Span, step: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let outcome = step.instrument(span).await;
    measures::step(name, began.elapsed());
    outcome
}

/// What was deleted meanwhile needs no end of its own.
fn gone_is_fine(changed: ServiceResult<Image>) -> ServiceResult<()> {
    refusals_apart(changed).map(drop)
}

/// A worker of that version takes it up.
pub(super) fn of_a_newer_version() -> JobError {
    JobError::Outage(anyhow::anyhow!("the image has a format or a state that this version does not know"))
}

fn lost() -> Failure {
    let message = "The uploaded file is no longer in the storage.".to_owned();
    Failure { code: FailureCode::ProcessingFailed, message }
}
