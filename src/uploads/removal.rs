//! What becomes of the images of a user who leaves.

use super::Uploads;
use crate::{
    db,
    domain::{
        error::refusals_apart,
        ids::UserId,
        image::{Image, UploadState},
        job::JobError,
    },
};

const PAGE: u64 = 100;

impl Uploads {
    /// Deletes every image of a user for good, or gives those that are checked to an heir. Says whether no row is left of
    /// them.
    ///
    /// # Errors
    /// When the database does not answer: what was done stays done.
    pub async fn clear_out(&self, user: UserId, heir: Option<UserId>) -> Result<bool, JobError> {
        let conn = self.inner.db.conn();
        loop {
            let images = db::images::some_of(conn, user, PAGE).await?;
            if images.is_empty() {
                return Ok(!db::images::any_of(conn, user).await?);
            }
            for image in images {
                let outcome = match heir.filter(|_| is_worth_keeping(&image)) {
                    Some(heir) => self.inner.changes.give(image.id, heir).await,
                    None => self.change(image.id, |image| Ok(Some(image.delete(self.now())))).await.map(drop),
                };
                // One that is gone meanwhile is gone.
                refusals_apart(outcome)?.ok();
            }
        }
    }
}

/// An upload that nobody is going to finish, or of which nothing was kept, is not.
fn is_worth_keeping(image: &Image) -> bool {
    !image.awaits_upload() && !matches!(image.state, UploadState::Failed { kept: None, .. })
}
