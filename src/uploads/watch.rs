//! Watching: first how it stands, then whatever is newer. Subscribes before it reads, so nothing falls between.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::Uploads;
use crate::{
    db,
    domain::{
        error::ServiceResult,
        ids::ImageId,
        image::ImageStatus,
        progress::Progress,
        user::{Caller, Permission},
    },
    events::{Topic, Watch},
};

/// Of how many uploads under way a watcher of all of them is told at the start.
const SNAPSHOT_LIMIT: u64 = 1000;
const UNDER_WAY: [ImageStatus; 3] = [ImageStatus::Pending, ImageStatus::Uploading, ImageStatus::Processing];

/// One image's states, to its end.
pub struct WatchOne {
    snapshot: Option<Arc<Progress>>,
    watch: Watch,
    revision: u64,
    is_over: bool,
}

impl WatchOne {
    /// The next state; `None` behind the one that ended the upload.
    pub async fn next(&mut self) -> Option<Arc<Progress>> {
        if self.is_over {
            return None;
        }
        let progress = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => newer(&mut self.watch, self.revision).await,
        };
        self.revision = progress.image.revision;
        self.is_over = progress.image.status().is_terminal();
        Some(progress)
    }
}

/// All of a user's images, without end.
pub struct WatchAll {
    snapshot: VecDeque<Arc<Progress>>,
    watch: Watch,
    /// Of the snapshot alone: an event that was on its way while it was read may be older.
    revisions: HashMap<ImageId, u64>,
}

impl WatchAll {
    /// The next state of any of them.
    pub async fn next(&mut self) -> Arc<Progress> {
        if let Some(snapshot) = self.snapshot.pop_front() {
            return snapshot;
        }
        loop {
            let progress = self.watch.next().await;
            match self.revisions.remove(&progress.image.id) {
                Some(known) if known >= progress.image.revision => {
                    self.revisions.insert(progress.image.id, known);
                }
                _ => return progress,
            }
        }
    }
}

impl Uploads {
    /// Watches one image.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` for what is not there, or not the caller's to see.
    pub async fn watch(&self, caller: &Caller, id: ImageId) -> ServiceResult<WatchOne> {
        caller.user()?;
        let watch = self.inner.hub.watch(Topic::Image(id));
        let image = self.find_for(caller, id, Permission::ViewAnyImage).await?;
        let variants = db::variants::of_image(self.inner.db.conn(), id).await?;
        let snapshot = Some(Arc::new(Progress { image, variants, made_ready: None }));
        Ok(WatchOne { snapshot, watch, revision: 0, is_over: false })
    }

    /// Watches all of the caller's images, those under way first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn watch_all(&self, caller: &Caller) -> ServiceResult<WatchAll> {
        let owner = caller.user()?.id;
        let watch = self.inner.hub.watch(Topic::Owner(owner));
        let page = db::images::Page { owner, statuses: &UNDER_WAY, after: None, limit: SNAPSHOT_LIMIT };
        let images = db::images::page(self.inner.db.conn(), page).await?;
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let mut variants = db::variants::of_images(self.inner.db.conn(), &ids).await?;
        let revisions = images.iter().map(|image| (image.id, image.revision)).collect();
        let snapshot = images.into_iter().map(|image| {
            let variants = variants.remove(&image.id).unwrap_or_default();
            Arc::new(Progress { image, variants, made_ready: None })
        });
        Ok(WatchAll { snapshot: snapshot.collect(), watch, revisions })
    }
}

async fn newer(watch: &mut Watch, than: u64) -> Arc<Progress> {
    loop {
        let progress = watch.next().await;
        if progress.image.revision > than {
            return progress;
        }
    }
}
