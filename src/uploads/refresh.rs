//! Looks for changes of watched images by other processes: in one query, however many images are watched, and all of its
//! cost is what changed lately.

use std::{collections::HashMap, sync::PoisonError};

use chrono::TimeDelta;

use super::Uploads;
use crate::{
    db::{self, images::Changed},
    domain::{error::ServiceResult, ids::ImageId, image::Image, progress::Progress},
};

/// How far back is looked each time. Other clocks may be behind by less, and other transactions take less.
const CHANGED_LATELY: TimeDelta = TimeDelta::seconds(30);
/// How many changes are looked at, the latest.
const MOST_CHANGES: u64 = 10_000;
/// How many images are read in one query.
const PAGE: usize = 500;

/// The revisions that were seen in the last look: the next one need not tell of them again.
pub(super) type SeenRevisions = HashMap<ImageId, u64>;

impl Uploads {
    /// Tells those who watch of what changed lately, unless it was seen before.
    pub async fn refresh_watched(&self) -> ServiceResult<()> {
        if !self.inner.hub.has_watchers() {
            return Ok(());
        }
        let since = self.now() - CHANGED_LATELY;
        let changed = db::images::changed_since(self.inner.db.conn(), since, MOST_CHANGES).await?;
        let newer = self.unseen(&changed);
        for some in newer.chunks(PAGE) {
            self.tell_again(db::images::find_many(self.inner.db.conn(), some).await?).await?;
        }
        // Only now: what could not be read is read the next time.
        let seen = changed.iter().map(|changed| (changed.image, changed.revision)).collect();
        *self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    fn unseen(&self, changed: &[Changed]) -> Vec<ImageId> {
        let seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newer = |changed: &&Changed| seen.get(&changed.image) != Some(&changed.revision);
        let newer = changed.iter().filter(is_newer);
        newer
            .filter(|changed| self.inner.hub.is_watched(changed.image, changed.owner))
            .map(|newer| newer.image)
            .collect()
    }

    async fn tell_again(&self, images: Vec<Image>) -> ServiceResult<()> {
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let mut variants = db::variants::of_images(self.inner.db.conn(), &ids).await?;
        for image in images {
            let variants = variants.remove(&image.id).unwrap_or_default();
            self.inner.hub.publish(Progress { image, variants, made_ready: None });
        }
        Ok(())
    }
}
