//! Tells of changes of watched images by other processes: of those that they tell of, and of those that are found by looking,
//! in one query, however many images are watched, and all of its cost is what changed lately.

use std::{
    collections::{HashMap, HashSet},
    sync::{MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Uploads;
use crate::{
    db::{self, images::Changed},
    domain::{error::ServiceResult, ids::ImageId, progress::Progress, variant::VariantName},
    events::Happened,
};

/// How far back is looked each time, behind the look before. Other clocks may be behind by less, and other transactions take less.
const CHANGED_LATELY: TimeDelta = TimeDelta::seconds(30);
/// How many changes are looked at, the latest.
const MOST_CHANGES: u64 = 10_000;
/// How many images are read in one query.
const PAGE: usize = 500;

/// What the last look saw.
#[derive(Default)]
pub(super) struct Seen {
    /// When it was: the next one looks at everything since.
    at: Option<DateTime<Utc>>,
    /// The next one need not tell of these again.
    revisions: HashMap<ImageId, u64>,
}

/// The variants that revisions made ready, where that is known.
type MadeReady = HashMap<(ImageId, u64), VariantName>;

impl Uploads {
    /// Tells those who watch of what happened in other processes, and those who read the log.
    ///
    /// # Errors
    /// When the rows cannot be read: then nobody is told of the states.
    pub async fn hear(&self, happened: &[Happened]) -> ServiceResult<()> {
        let owners: HashSet<_> = happened.iter().filter(|what| what.has_events).map(|what| what.owner).collect();
        for owner in owners {
            self.inner.hub.nudge(owner);
        }
        let is_watched = |what: &&Happened| what.is_news && self.inner.hub.is_watched(what.image, what.owner);
        let ids: HashSet<ImageId> = happened.iter().filter(is_watched).map(|what| what.image).collect();
        let ids: Vec<ImageId> = ids.into_iter().collect();
        let made_ready =
            happened.iter().filter_map(|what| Some(((what.image, what.revision), what.made_ready.clone()?)));
        let made_ready: MadeReady = made_ready.collect();
        for some in ids.chunks(PAGE) {
            self.tell_again(some, &made_ready).await?;
        }
        Ok(())
    }

    /// Tells those who watch of what changed lately, unless it was seen before.
    pub async fn refresh_watched(&self) -> ServiceResult<()> {
        let now = self.now();
        if !self.inner.hub.has_watchers() {
            // Whoever comes reads the row.
            self.seen().at = Some(now);
            return Ok(());
        }
        let since = self.seen().at.map_or(now, |at| at.min(now)) - CHANGED_LATELY;
        let changed = db::images::changed_since(self.inner.db.conn(), since, MOST_CHANGES).await?;
        let mut newer = self.unseen(&changed);
        if changed.len() as u64 == MOST_CHANGES {
            // Others may have changed before.
            newer = self.inner.hub.watched_images();
        }
        for some in newer.chunks(PAGE) {
            self.tell_again(some, &MadeReady::new()).await?;
        }
        // Only now: what could not be read is read the next time.
        let revisions = changed.iter().map(|changed| (changed.image, changed.revision)).collect();
        *self.seen() = Seen { at: Some(now), revisions };
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unseen(&self, changed: &[Changed]) -> Vec<ImageId> {
        let seen = self.seen();
        let is_newer = |changed: &&Changed| seen.revisions.get(&changed.image) != Some(&changed.revision);
        let newer = changed.iter().filter(is_newer);
        newer
            .filter(|changed| self.inner.hub.is_watched(changed.image, changed.owner))
            .map(|newer| newer.image)
            .collect()
    }

    async fn tell_again(&self, ids: &[ImageId], made_ready: &MadeReady) -> ServiceResult<()> {
        // Otherwise a state would have variants that were ready after it.
        let snapshot = self.inner.db.begin_snapshot().await?;
        let images = db::images::find_many(&snapshot, ids).await?;
        let mut variants = db::variants::of_images(&snapshot, ids).await?;
        snapshot.commit().await?;
        for image in images {
            let variants = variants.remove(&image.id).unwrap_or_default();
            let made_ready = made_ready.get(&(image.id, image.revision)).cloned();
            self.inner.hub.publish(Progress { image, variants, made_ready });
        }
        Ok(())
    }
}
