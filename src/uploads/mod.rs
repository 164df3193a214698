//! Service: the life of an upload, one file a step.
//!
//! request → receive (or parts by `multipart`) → complete → process, and remove from anywhere; the sweep after all of them. Decides, and has
//! `changes/` write what it decided; knows no door.

mod complete;
mod index;
mod multipart;
mod orphans;
mod process;
mod receive;
mod refresh;
mod regeneration;
mod remake;
mod removal;
mod remove;
mod reprocess;
mod request;
mod revive;
mod sweep;
mod swept;
mod trash;
mod watch;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

pub use self::{
    orphans::Orphan,
    request::NewUpload,
    swept::Swept,
    watch::{WatchAll, WatchOne},
};
use self::{receive::PartsToCount, refresh::Seen};
use crate::{
    budget::Budget,
    changes::{Changes, Decision},
    clock::Clock,
    db::{self, Db},
    domain::{
        access::{self, Action},
        caller::Caller,
        change::Locked,
        error::{Refusal, ServiceResult},
        event::Actor,
        ids::{CategoryId, ImageId},
        image::Image,
        variant::Variant,
        variant_spec::{VariantSet, VariantSpec},
    },
    events::Hub,
    imaging::sandbox::Sandbox,
    queue::Queue,
    storage::Storage,
};
use chrono::{DateTime, TimeDelta, Utc};

/// What the operator decided about uploads.
#[derive(Debug, Clone)]
pub struct UploadRules {
    /// How long a ticket is good for.
    pub ticket_life: TimeDelta,
    /// How long a deleted image can be restored; zero is not at all.
    pub trash_retention: TimeDelta,
    /// How long an upload may give no sign of life.
    pub upload_expiry: TimeDelta,
    /// How long events are kept.
    pub event_retention: TimeDelta,
    /// How long the audit log keeps its entries.
    pub audit_retention: TimeDelta,
    /// Where originals lie while they are being made, without a name.
    pub spool: PathBuf,
    /// What is made of every image.
    pub variants: VariantSet,
}

/// What the service works with.
pub struct UploadHands {
    pub db: Db,
    pub changes: Changes,
    pub queue: Queue,
    pub storage: Storage,
    pub hub: Hub,
    pub sandbox: Sandbox,
    pub budget: Budget,
}

/// The upload service.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    changes: Changes,
    queue: Queue,
    storage: Storage,
    hub: Hub,
    clock: Clock,
    sandbox: Sandbox,
    budget: Budget,
    rules: UploadRules,
    /// Whether this process saw that every image has an entry in the search's index.
    all_searchable: AtomicBool,
    /// What the last look for changes by other processes saw.
    seen: Mutex<Seen>,
    parts_to_count: PartsToCount,
}

impl Uploads {
    /// Puts the service together.
    pub fn new(hands: UploadHands, clock: Clock, rules: UploadRules) -> Self {
        let UploadHands { db, changes, queue, storage, hub, sandbox, budget } = hands;
        let (all_searchable, seen) = (AtomicBool::new(false), Mutex::default());
        Self {
            inner: Arc::new(Inner {
                db,
                changes,
                queue,
                storage,
                hub,
                clock,
                sandbox,
                budget,
                rules,
                all_searchable,
                seen,
                parts_to_count: PartsToCount::default(),
            }),
        }
    }

    /// How many variants an image is going to have that has these: they, and those that are still to be made.
    pub fn variants_count(&self, image: &Image, ready: &[Variant]) -> usize {
        ready.len() + self.missing(image, ready).count()
    }

    fn is_whole(&self, image: &Image, ready: &[Variant]) -> bool {
        self.missing(image, ready).next().is_none()
    }

    fn missing<'a>(&'a self, image: &Image, ready: &'a [Variant]) -> impl Iterator<Item = &'a VariantSpec> + use<'a> {
        let is_ready = |spec: &VariantSpec| ready.iter().any(|variant| variant.name == spec.name);
        self.variants_of(image).iter().filter(move |spec| !is_ready(spec))
    }

    /// What is made of an image.
    fn variants_of(&self, image: &Image) -> &VariantSet {
        if image.category == CategoryId::AVATARS { VariantSet::of_avatars() } else { &self.inner.rules.variants }
    }

    /// Wakes the workers, here and in other processes, once jobs are committed.
    fn tell_of_jobs(&self) {
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// The image, if it is the caller's to deal with in that way.
    async fn find_for(&self, caller: &Caller, id: ImageId, action: Action) -> ServiceResult<Image> {
        let user = caller.acting(action.scope())?.id();
        let found = db::images::find(self.inner.db.conn(), id).await?;
        let image = found.ok_or_else(Refusal::image_not_found)?;
        let shared = db::shares::access_to(self.inner.db.conn(), user, &image).await?;
        access::check(caller, action, &image, shared)?;
        Ok(image)
    }

    /// Changes an image in a job, which nobody asked for.
    async fn change(&self, id: ImageId, decide: impl FnOnce(&Image) -> Decision + Send) -> ServiceResult<Image> {
        self.inner.changes.change(id, Actor::System, |locked| decide(&locked.image)).await
    }

    /// Changes an image for a caller who may deal with it in that way.
    async fn change_for(
        &self,
        caller: &Caller,
        action: Action,
        id: ImageId,
        decide: impl FnOnce(&Image) -> Decision + Send,
    ) -> ServiceResult<Image> {
        let actor = caller.actor(action.scope())?;
        let decide = |locked: &Locked| {
            access::check(caller, action, &locked.image, locked.shared)?;
            decide(&locked.image)
        };
        self.inner.changes.change(id, actor, decide).await
    }
}
