//! One completed image anew, while everybody goes on seeing it as it was: once all is stored, it takes the place of what was
//! there, in one transaction.

use super::{Uploads, process::Stop};
use crate::{
    db,
    domain::{
        error::Refusal,
        ids::ImageId,
        image::{Image, UploadState},
        job::JobError,
        regeneration::{Learned, Regeneration, Remade},
        variant::Variant,
        variant_spec::{VariantSet, VariantSpec},
    },
    imaging::sandbox::{Made, Priority},
};

impl Uploads {
    /// Makes anew what of an image is out of date, if anything is.
    ///
    /// # Errors
    /// When something is amiss that is not the image's fault. An image that cannot be made anew is no error.
    pub(super) async fn remake(&self, run: &Regeneration, id: ImageId, lacks_rows: bool) -> Result<Remade, JobError> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await? else { return Ok(Remade::NotNeeded) };
        let variants = db::variants::of_image(conn, id).await?;
        let outdated: Vec<VariantSpec> = run.filter.outdated(&variants, self.variants_of(&image)).cloned().collect();
        if outdated.is_empty() && !lacks_rows && !image.lacks_facts() {
            return Ok(Remade::NotNeeded);
        }
        match self.make_anew(&image, outdated).await {
            Ok(()) => Ok(Remade::Done),
            Err(Stop::Gone) => Ok(Remade::NotNeeded),
            Err(Stop::Later(error)) => Err(error),
            Err(Stop::Failed(failure) | Stop::Unfit(failure)) => {
                tracing::warn!(image = %id, failure = failure.message, "an image could not be made anew, and stays as it is");
                Ok(Remade::Failed)
            }
        }
    }

    async fn make_anew(&self, image: &Image, outdated: Vec<VariantSpec>) -> Result<(), Stop> {
        let format = image.format.known().ok_or(Stop::Gone)?;
        let file = self.download_original(image).await?;
        let mut work =
            self.inner.sandbox.begin(image.owner, file, Some(format), outdated, Priority::Background).await?;
        let now = self.now();
        let begin = |found: &Image| match found.state {
            UploadState::Completed { .. } if found.generation == image.generation => {
                Ok(Some(found.next_generation(now)))
            }
            _ => Err(Refusal::image_not_found().into()),
        };
        let image = self.change(image.id, begin).await?;
        let (mut variants, mut learned) = (Vec::new(), None);
        loop {
            match work.next().await? {
                Made::Facts(facts, fingerprint, metadata) => {
                    learned = Some(Learned { facts, fingerprint, metadata });
                }
                Made::Variant(encoded) => variants.push(self.store_variant(&image, encoded).await?),
                // Until here nobody sees any of it: where it is killed, the image is as it was.
                Made::All(_) => {
                    let (now, learned) = (self.now(), learned.ok_or(Stop::Gone)?);
                    return self.go_on(&image, |image| image.remade(variants, learned, now)).await;
                }
            }
        }
    }

    /// Whether a variant was made with the settings that are in force.
    pub fn is_up_to_date(&self, variant: &Variant) -> bool {
        self.inner.rules.variants.made(variant) || VariantSet::of_avatars().made(variant)
    }
}
