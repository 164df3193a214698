//! Watching: first how it stands, then whatever is newer. Subscribes before it reads, so nothing falls between.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Uploads;
use crate::{
    db::{self, listing::Page},
    domain::{
        access::{self, Action, Scope},
        caller::{Caller, TokenScope},
        error::ServiceResult,
        ids::{ImageId, UserId},
        image::{Image, ImageStatus},
        listing::{ImageFilter, ImageOrder, OrderField, Position},
        progress::Progress,
    },
    events::{Topic, Watch},
    tasks::in_task,
};

/// How many uploads under way are read at once for a watcher of all of them.
const SNAPSHOT_PAGE: u64 = 50;
/// Of how many images a watcher remembers what it gave last; beyond that it begins anew.
const REMEMBERED: usize = 10_000;
/// How soon a page that could not be read is read again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const UNDER_WAY: [ImageStatus; 3] = [ImageStatus::Pending, ImageStatus::Uploading, ImageStatus::Processing];

/// How often a watcher asks whether the image is still shared with them.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// One image's states, to its end, or until it is no longer shared with whoever watches.
pub struct WatchOne {
    snapshot: Option<Arc<Progress>>,
    watch: Watch,
    revision: u64,
    is_over: bool,
    /// Of somebody who sees the image by a share alone.
    by_share: Option<Box<ByShare>>,
}

/// What a watcher depends on with whom the image is shared.
struct ByShare {
    uploads: Uploads,
    user: UserId,
    image: Image,
    next_look: Interval,
}

impl ByShare {
    /// Done when the share was taken back. Safe to drop and call again.
    async fn taken_back(&mut self) {
        loop {
            self.next_look.tick().await;
            let (uploads, user, image) = (self.uploads.clone(), self.user, self.image.clone());
            let look = async move { db::shares::access_to(uploads.inner.db.conn(), user, &image).await };
            match in_task(look).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "the check of a watcher's share failed; it will be repeated"),
            }
        }
    }
}

impl WatchOne {
    /// The next state; `None` behind the one that ended the upload.
    pub async fn next(&mut self) -> Option<Arc<Progress>> {
        if self.is_over {
            return None;
        }
        let progress = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => self.newer().await?,
        };
        self.revision = progress.image.revision;
        self.is_over = progress.image.status().is_terminal();
        Some(progress)
    }

    /// The next state; `None` once the image is no longer shared.
    async fn newer(&mut self) -> Option<Arc<Progress>> {
        let Some(by_share) = &mut self.by_share else {
            return Some(newer(&mut self.watch, self.revision).await);
        };
        tokio::select! {
            biased;
            () = by_share.taken_back() => {
                self.is_over = true;
                None
            }
            progress = newer(&mut self.watch, self.revision) => Some(progress),
        }
    }
}

/// Which uploads under way are still to be given.
enum NextPage {
    Newest,
    Behind(Position),
    None,
}

/// All of a user's images, without end.
pub struct WatchAll {
    uploads: Uploads,
    scope: Scope,
    /// A page of those under way, read when the one before it has been given.
    snapshot: VecDeque<Arc<Progress>>,
    next_page: NextPage,
    watch: Watch,
    /// The newest that was given of each image: what was published by two processes at once may come out of order.
    revisions: HashMap<ImageId, u64>,
}

impl WatchAll {
    /// The next state of any of them.
    pub async fn next(&mut self) -> Arc<Progress> {
        loop {
            self.turn_page().await;
            let progress = match self.snapshot.pop_front() {
                Some(snapshot) => snapshot,
                None => self.watch.next().await,
            };
            let (id, revision) = (progress.image.id, progress.image.revision);
            if self.revisions.get(&id).is_none_or(|known| *known < revision) {
                if self.revisions.len() >= REMEMBERED {
                    self.revisions.clear();
                }
                self.revisions.insert(id, revision);
                return progress;
            }
        }
    }

    async fn turn_page(&mut self) {
        while self.snapshot.is_empty() {
            let after = match &self.next_page {
                NextPage::Newest => None,
                NextPage::Behind(last) => Some(last.clone()),
                NextPage::None => return,
            };
            let (uploads, scope) = (self.uploads.clone(), self.scope);
            let read = async move { uploads.under_way(scope, after.as_ref()).await };
            match in_task(read).await {
                Ok(page) => {
                    let is_full = page.len() as u64 == SNAPSHOT_PAGE;
                    let last = page.last().filter(|_| is_full);
                    self.next_page = last.map_or(NextPage::None, |last| {
                        NextPage::Behind(Position::of(&last.image, OrderField::CreatedAt))
                    });
                    self.snapshot = page.into();
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "reading a page of uploads in progress failed; it will be retried");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
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
        let user = caller.acting(TokenScope::Read)?.id();
        let watch = self.inner.hub.watch(Topic::Image(id));
        let image = self.find_for(caller, id, Action::See).await?;
        let variants = db::variants::of_image(self.inner.db.conn(), id).await?;
        let mut next_look = interval(ASK_EVERY);
        next_look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let by_share = access::check(caller, Action::See, &image, None)
            .is_err()
            .then(|| Box::new(ByShare { uploads: self.clone(), user, image: image.clone(), next_look }));
        let snapshot = Some(Arc::new(Progress { image, variants, made_ready: None }));
        Ok(WatchOne { snapshot, watch, revision: 0, is_over: false, by_share })
    }

    /// Watches all of the caller's images, those under way first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub fn watch_all(&self, caller: &Caller) -> ServiceResult<WatchAll> {
        let scope = Scope::of(caller)?;
        let watch = self.inner.hub.watch(Topic::Owner(scope.owner()));
        let (uploads, revisions) = (self.clone(), HashMap::new());
        Ok(WatchAll { uploads, scope, snapshot: VecDeque::new(), next_page: NextPage::Newest, watch, revisions })
    }

    async fn under_way(&self, scope: Scope, after: Option<&Position>) -> ServiceResult<Vec<Arc<Progress>>> {
        let filter = ImageFilter::of(&UNDER_WAY);
        let order = ImageOrder::NEWEST;
        let page = Page { scope, filter: &filter, order, after, before: None, limit: SNAPSHOT_PAGE };
        let images = db::listing::page(self.inner.db.conn(), page).await?;
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let mut variants = db::variants::of_images(self.inner.db.conn(), &ids).await?;
        let snapshot = images.into_iter().map(|image| {
            let variants = variants.remove(&image.id).unwrap_or_default();
            Arc::new(Progress { image, variants, made_ready: None })
        });
        Ok(snapshot.collect())
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
