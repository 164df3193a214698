//! One completed image anew, while everybody goes on seeing it as it was: each variant takes the place of the one before
//! once it is stored, and what is known of the image follows.

use super::{Uploads, process::Stop};
use crate::{
    db,
    domain::{
        error::Refusal,
        ids::ImageId,
        image::{Image, UploadState},
        job::JobError,
        regeneration::{Regeneration, Remade},
        variant::Variant,
        variant_spec::VariantSpec,
    },
    imaging::sandbox::{Made, Priority},
};

impl Uploads {
    /// Makes anew what of an image is out of date, if anything is.
    ///
    /// # Errors
    /// When the storage or the database is away. An image that cannot be made anew is no error.
    pub(super) async fn remake(&self, run: &Regeneration, id: ImageId, lacks_rows: bool) -> Result<Remade, JobError> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await? else { return Ok(Remade::NotNeeded) };
        let variants = db::variants::of_image(conn, id).await?;
        let outdated: Vec<VariantSpec> = run.filter.outdated(&variants, &self.inner.rules.variants).cloned().collect();
        if outdated.is_empty() && !lacks_rows && !image.lacks_facts() {
            return Ok(Remade::NotNeeded);
        }
        match self.make_anew(id, outdated).await {
            Ok(()) => Ok(Remade::Done),
            Err(Stop::Gone) => Ok(Remade::NotNeeded),
            Err(Stop::Later(JobError::Outage(error))) => Err(JobError::Outage(error)),
            Err(Stop::Later(JobError::Failed(error))) => {
                tracing::warn!(image = %id, error = format!("{error:#}"), "an image could not be made anew, and stays as it is");
                Ok(Remade::Failed)
            }
            Err(Stop::Failed(failure) | Stop::Unfit(failure)) => {
                tracing::warn!(image = %id, failure = failure.message, "an image could not be made anew, and stays as it is");
                Ok(Remade::Failed)
            }
        }
    }

    async fn make_anew(&self, id: ImageId, outdated: Vec<VariantSpec>) -> Result<(), Stop> {
        let now = self.now();
        let begin = |image: &Image| match image.state {
            UploadState::Completed { .. } => Ok(Some(image.next_generation(now))),
            _ => Err(Refusal::image_not_found().into()),
        };
        let image = self.change(id, begin).await?;
        let format = image.format.known().ok_or(Stop::Gone)?;
        let file = self.download_original(&image).await?;
        let mut work =
            self.inner.sandbox.begin(image.owner, file, Some(format), outdated, Priority::Background).await?;
        loop {
            match work.next().await? {
                Made::Facts(facts, fingerprint, metadata) => {
                    let now = self.now();
                    self.go_on(&image, |image| image.relearn(facts, fingerprint, *metadata, now)).await?;
                }
                Made::Variant(encoded) => {
                    let variant = self.store_variant(&image, encoded).await?;
                    let now = self.now();
                    self.go_on(&image, |image| image.replace_variant(variant, now)).await?;
                }
                Made::All(_) => {
                    let now = self.now();
                    return self.go_on(&image, |image| image.remade(now)).await;
                }
            }
        }
    }

    /// Whether a variant was made with the settings that are in force.
    pub fn is_up_to_date(&self, variant: &Variant) -> bool {
        self.inner.rules.variants.made(variant)
    }
}
