//! The way back: out of the trash, as long as the image is there.

use super::{Next, Uploads};
use crate::domain::{
    error::ServiceResult,
    ids::ImageId,
    image::Image,
    user::{Caller, Permission},
};

impl Uploads {
    /// Takes an image out of the trash, as it was.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` for what is not in the trash, or not the caller's.
    pub async fn restore(&self, caller: &Caller, id: ImageId) -> ServiceResult<Image> {
        let user = caller.user()?;
        let now = self.now();
        let is_there = |image: &Image| {
            image.trashed_at().is_some() && user.may_with_image_of(image.owner, Permission::DeleteAnyImage)
        };
        let decide = |image: &mut Image| Ok(if image.restore(now) { Next::Save } else { Next::Nothing });
        self.change_if(id, is_there, decide).await
    }
}
