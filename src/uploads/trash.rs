//! The way back: out of the trash, as long as the image is there.

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
    },
};

impl Uploads {
    /// Takes an image out of the trash, as it was; what was being processed when it was deleted is processed again.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` for what is not in the trash, or not the caller's.
    pub async fn restore(&self, caller: &Caller, id: ImageId) -> ServiceResult<Image> {
        let user = caller.user()?;
        let now = self.now();
        let is_there = |image: &Image| {
            image.in_trash().is_some() && user.may_with_image_of(image.owner, Permission::DeleteAnyImage)
        };
        let transaction = self.inner.db.begin().await?;
        let found = db::images::lock(&transaction, id).await?.filter(is_there);
        let mut image = found.ok_or_else(Refusal::image_not_found)?;
        let variants = db::variants::of_image(&transaction, id).await?;
        let is_whole = self.is_whole(&variants);
        image.restore(is_whole, now)?;
        db::images::update(&transaction, &image).await?;
        if !is_whole {
            self.inner.queue.enqueue(&transaction, Job::Process(id), now).await?;
        }
        let news = Progress { image: image.clone(), variants, made_ready: None };
        self.commit(transaction, Some(news)).await?;
        Ok(image)
    }
}
