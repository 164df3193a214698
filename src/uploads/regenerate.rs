//! Variants anew: of a completed image, or of one whose processing failed.

use super::Uploads;
use crate::{
    db,
    domain::{
        error::{Refusal, ServiceResult},
        ids::ImageId,
        image::Image,
        job::Job,
        progress::Progress,
        user::{Caller, Permission},
        variant::VariantName,
    },
};

impl Uploads {
    /// Forgets the variants of these names, or all, and makes them again, with those that are missing.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, or `INVALID_STATE` where there is no checked original to make them from.
    pub async fn generate_variants(
        &self,
        caller: &Caller,
        id: ImageId,
        names: Option<Vec<VariantName>>,
    ) -> ServiceResult<Image> {
        self.find_for(caller, id, Permission::ChangeAnyImage).await?;
        let now = self.now();
        let transaction = self.inner.db.begin().await?;
        let found = db::images::lock(&transaction, id).await?.filter(Image::is_visible);
        let mut image = found.ok_or_else(Refusal::image_not_found)?;
        image.reprocess(now)?;
        let names = names.unwrap_or_else(|| self.inner.rules.variants.iter().map(|spec| spec.name.clone()).collect());
        db::variants::remove(&transaction, id, &names).await?;
        db::images::update(&transaction, &image).await?;
        self.inner.queue.enqueue(&transaction, Job::Process(id), now).await?;
        let variants = db::variants::of_image(&transaction, id).await?;
        let news = Progress { image: image.clone(), variants, made_ready: None };
        self.commit(transaction, Some(news)).await?;
        Ok(image)
    }
}
