//! An image becomes somebody else's.

use super::Changes;
use crate::{
    db,
    domain::{
        error::{Refusal, ServiceResult},
        event::{Actor, EventKind, NewEvent},
        ids::{ImageId, UserId},
    },
};

impl Changes {
    /// Gives an image to another user. Whoever it was shared with by its former owner sees it no more.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`.
    pub async fn give(&self, id: ImageId, heir: UserId) -> ServiceResult<()> {
        let transaction = self.inner.db.begin().await?;
        let before = db::image_writes::lock(&transaction, id).await?.ok_or_else(Refusal::image_not_found)?;
        // The counters of both change: always in the same order, so that nobody waits for each other.
        let mut owners = [before.owner, heir];
        owners.sort_unstable();
        for owner in owners {
            db::users::hold(&transaction, owner).await?;
        }
        let mut image = before.clone();
        image.owner = heir;
        image.revision += 1;
        image.updated_at = self.inner.clock.now();
        db::image_writes::give(&transaction, &before, &image).await?;
        let event =
            NewEvent { at: image.updated_at, actor: Actor::System, kind: EventKind::Described, image: id, owner: heir };
        db::event_log::append(&transaction, &[event]).await?;
        transaction.commit().await?;
        self.inner.hub.tell(&image, None, true);
        Ok(())
    }
}
