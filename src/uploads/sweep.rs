//! Step 5, a job by the clock: nothing is left lying about, and nothing is lost that could be brought to its end.
//!
//! Every decision about a row is made under its lock, by the same rules as everybody else's, so a sweep may run
//! beside anything, also beside another sweep.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Next, Uploads, complete::retry};
use crate::{
    db::{self, images::Unsettled},
    domain::{
        error::{ServiceError, ServiceResult},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Image, ImageStatus, UploadState},
        job::{Job, JobError},
    },
    storage::{StorageKey, StoredObject},
};

const EVERY: TimeDelta = TimeDelta::hours(1);
/// How long nobody touched what the sweep takes in hand: its own client or job may be at it this moment.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(2);
/// How long an expired upload stays to be seen.
const EXPIRED_VISIBLE: TimeDelta = TimeDelta::days(7);
/// How old an object is before it can be litter.
const LITTER_AGE: TimeDelta = TimeDelta::days(1);
/// Storages tell the time by clocks of their own, in whole seconds.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);
const PAGE: u64 = 200;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that were stored and are completed now.
    pub completed: u64,
    /// Uploads that never came.
    pub expired: u64,
    /// Images that were deleted: expired uploads after a week, and what was in the trash for long enough.
    pub deleted: u64,
    /// Jobs that were lost and are enqueued again.
    pub requeued: u64,
    /// Images that can be searched for from now on.
    pub indexed: u64,
    /// Objects that no row knew.
    pub removed: u64,
}

/// An object that no row knows.
pub type Litter = StoredObject;

impl Uploads {
    /// Has a sweep run soon, if none is waiting anyway: to be called when a process starts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schedule_sweep(&self) -> ServiceResult<()> {
        Ok(self.inner.queue.enqueue(self.inner.db.conn(), Job::Sweep, self.now()).await?)
    }

    /// The job: sweeps, and has the next one run in an hour.
    ///
    /// # Errors
    /// When the storage or the database is away: what was done stays done.
    pub async fn run_sweep(&self) -> Result<Swept, JobError> {
        let swept = self.sweep().await.map_err(retry)?;
        let next = self.now() + EVERY;
        self.inner.queue.enqueue(self.inner.db.conn(), Job::Sweep, next).await.map_err(JobError::retry)?;
        tracing::info!(?swept, "swept");
        Ok(swept)
    }

    /// Brings everything to its end that nobody else will.
    ///
    /// # Errors
    /// When the storage or the database is away: what was done stays done.
    pub async fn sweep(&self) -> ServiceResult<Swept> {
        let mut swept = Swept::default();
        // What needs no storage comes first: it is done also while the storage is away.
        self.requeue_the_lost(&mut swept).await?;
        self.purge(&mut swept).await?;
        self.index_the_missing(&mut swept).await?;
        db::sessions::remove_expired(self.inner.db.conn(), self.now()).await?;
        self.settle_uploads(&mut swept).await?;
        let mut litter = LitterPages::new(self);
        while let Some(page) = litter.next().await? {
            let keys: Vec<StorageKey> = page.into_iter().map(|object| object.key).collect();
            self.inner.storage.delete(&keys).await?;
            swept.removed += keys.len() as u64;
        }
        Ok(swept)
    }

    /// Gives every object that no row knows, and removes none.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn find_litter(&self, mut each: impl FnMut(Litter) + Send) -> ServiceResult<()> {
        let mut litter = LitterPages::new(self);
        while let Some(page) = litter.next().await? {
            page.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    async fn requeue_the_lost(&self, swept: &mut Swept) -> ServiceResult<()> {
        for (status, job) in
            [(ImageStatus::Processing, Job::Process as fn(ImageId) -> Job), (ImageStatus::Deleted, Job::Discard)]
        {
            let mut unsettled = Unsettled::of(status, self.now() - LEFT_ALONE, PAGE);
            while let Some(images) = unsettled.next(self.inner.db.conn()).await? {
                let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
                for id in self.inner.queue.without_job(&ids).await? {
                    self.inner.queue.enqueue(self.inner.db.conn(), job(id), self.now()).await?;
                    swept.requeued += 1;
                }
            }
        }
        self.inner.queue.announce();
        Ok(())
    }

    /// Deletes expired uploads that were seen for a week, and what was in the trash for long enough.
    async fn purge(&self, swept: &mut Swept) -> ServiceResult<()> {
        let now = self.now();
        let is_expired = |image: &Image| image.failure().is_some_and(|why| why.code == FailureCode::UploadExpired);
        let is_trashed = |image: &Image| image.trashed_at().is_some();
        self.delete_older(ImageStatus::Failed, now - EXPIRED_VISIBLE, is_expired, swept).await?;
        self.delete_older(ImageStatus::Trashed, now - self.inner.rules.trash_retention, is_trashed, swept).await
    }

    async fn delete_older(
        &self,
        status: ImageStatus,
        than: DateTime<Utc>,
        is_meant: impl Fn(&Image) -> bool + Send + Sync,
        swept: &mut Swept,
    ) -> ServiceResult<()> {
        let now = self.now();
        let mut unsettled = Unsettled::of(status, than, PAGE);
        while let Some(images) = unsettled.next(self.inner.db.conn()).await? {
            for image in images.iter().filter(|image| is_meant(image)) {
                let is_still_meant = |image: &Image| is_meant(image) && image.updated_at <= than;
                let decide = |image: &mut Image| {
                    image.delete(now);
                    Ok(Next::SaveAnd(Job::Discard(image.id), now))
                };
                swept.deleted += u64::from(was_done(self.change_if(image.id, is_still_meant, decide).await)?);
            }
        }
        Ok(())
    }

    /// Images from before there was a search.
    async fn index_the_missing(&self, swept: &mut Swept) -> ServiceResult<()> {
        loop {
            let ids = db::search::missing(self.inner.db.conn(), PAGE).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in ids {
                let transaction = self.inner.db.begin().await?;
                if let Some(image) = db::images::lock(&transaction, id).await? {
                    db::images::redescribe(&transaction, &image).await?;
                    transaction.commit().await?;
                    swept.indexed += 1;
                }
            }
        }
    }

    /// Completes what was stored, and expires what never came.
    async fn settle_uploads(&self, swept: &mut Swept) -> ServiceResult<()> {
        for status in [ImageStatus::Pending, ImageStatus::Uploading] {
            let mut unsettled = Unsettled::of(status, self.now() - LEFT_ALONE, PAGE);
            while let Some(images) = unsettled.next(self.inner.db.conn()).await? {
                for image in images {
                    if self.complete_stored(image.id).await? {
                        swept.completed += 1;
                    } else if self.expire(image.id).await? {
                        swept.expired += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Says whether the upload was still awaited, and its sign of life too long ago.
    async fn expire(&self, id: ImageId) -> ServiceResult<bool> {
        let now = self.now();
        let silent_since = now - self.inner.rules.upload_expiry;
        let is_expired = |image: &Image| image.awaits_upload() && image.updated_at <= silent_since;
        let message = "Nothing was uploaded in time: ask for a new ticket.".to_owned();
        let decide = |image: &mut Image| {
            image.fail(Failure { code: FailureCode::UploadExpired, message }, now);
            Ok(Next::SaveAnd(Job::Discard(id), now))
        };
        was_done(self.change_if(id, is_expired, decide).await)
    }
}

/// Whether something was changed; what was not there to be changed was somebody else's to deal with.
fn was_done(changed: ServiceResult<Image>) -> ServiceResult<bool> {
    match changed {
        Ok(_) => Ok(true),
        Err(ServiceError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Walks through the bucket, a page at a time.
struct LitterPages<'a> {
    uploads: &'a Uploads,
    prefixes: Vec<&'static str>,
    continuation: Option<String>,
}

impl<'a> LitterPages<'a> {
    fn new(uploads: &'a Uploads) -> Self {
        Self { uploads, prefixes: StorageKey::PREFIXES.to_vec(), continuation: None }
    }

    /// The litter of the next page, possibly none; `None` behind the last page.
    async fn next(&mut self) -> ServiceResult<Option<Vec<Litter>>> {
        let Some(prefix) = self.prefixes.last() else { return Ok(None) };
        let inner = &self.uploads.inner;
        let page = inner.storage.list(prefix, self.continuation.take()).await?;
        self.continuation = page.continuation;
        if self.continuation.is_none() {
            self.prefixes.pop();
        }
        // What is older than the database is none of its making: a wrong DATABASE_URL must not empty a bucket.
        let Some(oldest) = db::users::first_made_at(inner.db.conn()).await? else { return Ok(Some(Vec::new())) };
        let litter_age = oldest - CLOCKS_DIFFER..self.uploads.now() - LITTER_AGE;
        let objects = page.objects.into_iter().filter(|object| litter_age.contains(&object.modified));
        let objects: Vec<StoredObject> = objects.collect();
        let ids: Vec<ImageId> = objects.iter().filter_map(|object| object.key.image()).collect();
        let images = db::images::find_many(inner.db.conn(), &ids).await?;
        let is_known = |object: &StoredObject| {
            let image = images.iter().find(|image| Some(image.id) == object.key.image());
            image.is_some_and(|image| knows(image, &object.key))
        };
        Ok(Some(objects.into_iter().filter(|object| !is_known(object)).collect()))
    }
}

/// Whether an image in its state has to do with the object.
fn knows(image: &Image, key: &StorageKey) -> bool {
    let is_incoming = *key == StorageKey::incoming(image.id);
    match &image.state {
        UploadState::Pending | UploadState::Uploading { .. } => is_incoming,
        UploadState::Processing { .. } | UploadState::Failed { kept: Some(_), .. } => {
            StorageKey::all_of(image).contains(key)
        }
        UploadState::Completed { .. } | UploadState::Trashed { .. } => {
            !is_incoming && StorageKey::all_of(image).contains(key)
        }
        UploadState::Failed { kept: None, .. } | UploadState::Deleted => false,
    }
}
