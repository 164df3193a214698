//! Service: the life of an upload, one file a step.
//!
//! request → receive → complete → process, and remove from anywhere; the sweep after all of them. Decides and
//! owns the transactions; knows no door. An image is changed as `change` does it: locked, written back together
//! with the job that follows from it, committed, and only then told.

mod complete;
mod litter;
mod process;
mod quota;
mod receive;
mod regenerate;
mod remove;
mod request;
mod sweep;
mod trash;
mod watch;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DatabaseTransaction;

pub use self::{
    litter::Litter,
    request::NewUpload,
    sweep::Swept,
    watch::{WatchAll, WatchOne},
};
use crate::{
    budget::Budget,
    clock::Clock,
    db::{self, Db},
    domain::{
        error::{Refusal, ServiceError, ServiceResult},
        ids::ImageId,
        image::Image,
        job::Job,
        progress::Progress,
        ticket::Unfinished,
        user::{Caller, Permission},
        variant::Variant,
        variant_spec::{VariantSet, VariantSpec},
    },
    events::Hub,
    imaging::workshop::Workshop,
    queue::Queue,
    storage::Storage,
};

/// What the operator decided about uploads.
#[derive(Debug, Clone)]
pub struct UploadRules {
    /// How long a ticket is good for.
    pub ticket_life: TimeDelta,
    /// In bytes: what each user may have in the storage; `None` is as much as they like.
    pub storage_quota: Option<u64>,
    /// How many unfinished uploads each user may have, and of how many bytes together; `None` is as many as they like.
    pub max_unfinished: Option<Unfinished>,
    /// How long a deleted image can be restored; zero is not at all.
    pub trash_retention: TimeDelta,
    /// How long an upload may give no sign of life.
    pub upload_expiry: TimeDelta,
    /// Where originals lie while they are being made, without a name.
    pub spool: PathBuf,
    /// What is made of every image.
    pub variants: VariantSet,
}

/// What the service works with.
pub struct UploadHands {
    pub db: Db,
    pub queue: Queue,
    pub storage: Storage,
    pub hub: Hub,
    pub workshop: Workshop,
    pub budget: Budget,
}

/// The upload service.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    queue: Queue,
    storage: Storage,
    hub: Hub,
    clock: Clock,
    workshop: Workshop,
    budget: Budget,
    rules: UploadRules,
    /// Whether a sweep of this process saw that every image is in the search's index.
    all_searchable: AtomicBool,
}

/// What follows from looking at a locked image.
enum Next {
    /// Leave it as it is.
    Nothing,
    /// Write it back.
    Save,
    /// Write it back, and enqueue what comes next, at once or later.
    SaveAnd(Job, DateTime<Utc>),
}

impl Uploads {
    /// Puts the service together.
    pub fn new(hands: UploadHands, clock: Clock, rules: UploadRules) -> Self {
        let UploadHands { db, queue, storage, hub, workshop, budget } = hands;
        let all_searchable = AtomicBool::new(false);
        Self { inner: Arc::new(Inner { db, queue, storage, hub, clock, workshop, budget, rules, all_searchable }) }
    }

    /// How many variants an image is going to have that has these: they, and those that are still to be made.
    pub fn variants_count(&self, ready: &[Variant]) -> usize {
        ready.len() + self.missing(ready).count()
    }

    fn is_whole(&self, ready: &[Variant]) -> bool {
        self.missing(ready).next().is_none()
    }

    fn missing<'a>(&'a self, ready: &'a [Variant]) -> impl Iterator<Item = &'a VariantSpec> {
        let is_ready = |spec: &VariantSpec| ready.iter().any(|variant| variant.name == spec.name);
        self.inner.rules.variants.iter().filter(move |spec| !is_ready(spec))
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// The image, if it is the caller's to deal with in that way. What is not, is not there.
    async fn find_for(&self, caller: &Caller, id: ImageId, permission: Permission) -> ServiceResult<Image> {
        let user = caller.user()?;
        let image = db::images::find(self.inner.db.conn(), id).await?;
        let image = image.filter(Image::is_visible);
        let image = image.filter(|image| user.may_with_image_of(image.owner, permission));
        Ok(image.ok_or_else(Refusal::image_not_found)?)
    }

    /// Changes one image. Deleted ones are not there to be changed.
    async fn change(
        &self,
        id: ImageId,
        decide: impl FnOnce(&mut Image) -> ServiceResult<Next> + Send,
    ) -> ServiceResult<Image> {
        self.change_if(id, Image::is_visible, decide).await
    }

    /// Changes one image, if it is there in that sense.
    async fn change_if(
        &self,
        id: ImageId,
        is_there: impl FnOnce(&Image) -> bool + Send,
        decide: impl FnOnce(&mut Image) -> ServiceResult<Next> + Send,
    ) -> ServiceResult<Image> {
        let transaction = self.inner.db.begin().await?;
        let found = db::images::lock(&transaction, id).await?;
        let before = found.filter(is_there).ok_or_else(Refusal::image_not_found)?;
        let mut image = before.clone();
        let next = decide(&mut image)?;
        if let Next::Nothing = next {
            return Ok(image);
        }
        if before.awaits_upload() && !image.awaits_upload() {
            self.check_room_for(&transaction, &image).await?;
            // The upload is over: nobody has to complete it in its client's stead.
            self.inner.queue.withdraw(&transaction, Job::CompleteUnattended(id)).await?;
        }
        if image.details == before.details {
            db::images::update(&transaction, &image).await?;
        } else {
            db::images::redescribe(&transaction, &image).await?;
        }
        if let Next::SaveAnd(job, run_at) = next {
            self.inner.queue.enqueue(&transaction, job, run_at).await?;
        }
        let variants = db::variants::of_image(&transaction, id).await?;
        let news = Progress { image: image.clone(), variants, made_ready: None };
        self.commit(transaction, (image.revision > before.revision).then_some(news)).await?;
        Ok(image)
    }

    /// Commits, then wakes the worker and tells the watchers: all of it or, where it fails, nothing, also when
    /// whoever waits for it is gone meanwhile.
    async fn commit(&self, transaction: DatabaseTransaction, news: Option<Progress>) -> ServiceResult<()> {
        let inner = Arc::clone(&self.inner);
        let committed = tokio::spawn(async move {
            transaction.commit().await?;
            inner.queue.announce();
            if let Some(news) = news {
                inner.hub.publish(news);
            }
            Ok(())
        });
        committed.await.map_err(|error| ServiceError::Internal(error.into()))?
    }
}
