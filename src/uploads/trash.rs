//! The way back: out of the trash, as long as the image is there.

use chrono::TimeDelta;

use super::Uploads;
use crate::domain::{
    access::{self, Action},
    caller::{Caller, TokenScope},
    change::Locked,
    error::ServiceResult,
    ids::ImageId,
    image::Image,
};

impl Uploads {
    /// For how long a deleted image can be restored; zero where it is deleted at once.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub fn trash_retention(&self, caller: &Caller) -> ServiceResult<TimeDelta> {
        caller.acting(TokenScope::Read)?;
        Ok(self.inner.rules.trash_retention)
    }

    /// Takes an image out of the trash, as it was; what was being processed when it was deleted is processed again.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` for what is not in the trash, or not the caller's.
    pub async fn restore(&self, caller: &Caller, id: ImageId) -> ServiceResult<Image> {
        let actor = caller.actor(TokenScope::Delete)?;
        let now = self.now();
        let restore = |Locked { image, variants, .. }: &Locked| {
            access::check_where(caller, Action::Delete, image, |image| image.in_trash().is_some())?;
            Ok(Some(image.restore(self.is_whole(image, variants), now)?))
        };
        self.inner.changes.change(id, actor, restore).await
    }
}
