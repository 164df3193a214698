//! Many images in one transaction, each with an outcome of its own.

use std::collections::HashMap;

use super::{Changes, Decision, shared_with};
use crate::{
    db,
    domain::{
        batch::{Batch, Outcomes},
        change::Locked,
        error::{Refusal, ServiceResult, refusals_apart},
        event::Actor,
        ids::{ImageId, UserId},
        image::Image,
    },
};

impl Changes {
    /// Changes every image of a batch as `decide` says: where one is refused, the others are changed all the same.
    ///
    /// # Errors
    /// When the database does not answer; then nothing is changed.
    pub async fn change_many(
        &self,
        batch: &Batch,
        actor: Actor,
        decide: impl Fn(&Locked) -> Decision + Send + Sync,
    ) -> ServiceResult<Outcomes<Image>> {
        let transaction = self.inner.db.begin().await?;
        let mut found = self.lock_all(&transaction, actor, batch).await?;
        let (mut outcomes, mut all_written) = (Vec::new(), Vec::new());
        for id in batch.iter() {
            let Some(before) = found.remove(&id) else {
                outcomes.push((id, Err(vec![Refusal::image_not_found()])));
                continue;
            };
            let outcome = match refusals_apart(decide(&before))? {
                Ok(None) => Ok(before.image),
                Ok(Some(change)) => {
                    let written = self.write(&transaction, actor, before, change).await?;
                    let image = written.image.clone();
                    all_written.push(written);
                    Ok(image)
                }
                Err(refusals) => Err(refusals),
            };
            outcomes.push((id, outcome));
        }
        self.commit(transaction, all_written).await?;
        Ok(outcomes)
    }

    /// The images, and whatever is counted for their owners: always in the same order, so that no two batches wait for
    /// each other.
    async fn lock_all(
        &self,
        transaction: &db::Transaction,
        actor: Actor,
        batch: &Batch,
    ) -> ServiceResult<HashMap<ImageId, Locked>> {
        let ids: Vec<_> = batch.iter().collect();
        let images = db::image_writes::lock_many(transaction, &ids).await?;
        let mut owners: Vec<UserId> = images.iter().map(|image| image.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in owners {
            db::users::hold(transaction, owner).await?;
        }
        let mut variants = db::variants::of_images(transaction, &ids).await?;
        let mut shared = shared_with(transaction, actor, &images).await?;
        let locked = images.into_iter().map(|image| {
            let variants = variants.remove(&image.id).unwrap_or_default();
            let shared = shared.remove(&image.id);
            (image.id, Locked { image, variants, shared })
        });
        Ok(locked.collect())
    }
}
