//! Step 5, a job by the clock: nothing is left lying about, and nothing is lost that could be brought to its end.
//!
//! Every decision about a row is made under its lock, by the same rules as everybody else's, so a sweep may run
//! beside anything, also beside another sweep.

use chrono::TimeDelta;

use super::{Uploads, orphans::OrphanPages, swept::Swept};
use crate::{
    db::{self, images::StaleImages},
    domain::{
        change::Change,
        error::{Refusal, ServiceResult, refusals_apart},
        failure::{Failure, FailureCode},
        ids::ImageId,
        image::{Image, ImageStatus, Keep},
        job::{Job, JobError},
    },
    storage::StorageKey,
};

const EVERY: TimeDelta = TimeDelta::hours(1);
/// How long nobody touched what the sweep takes in hand: its own client or job may be at it this moment.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(2);
/// How long an expired upload stays to be seen.
const EXPIRED_VISIBLE: TimeDelta = TimeDelta::days(7);
const PAGE: u64 = 200;

impl Uploads {
    /// Has a sweep run soon, if none is waiting anyway: to be called when a process starts.
    pub async fn schedule_sweep(&self) -> ServiceResult<()> {
        Ok(self.inner.queue.enqueue(self.inner.db.conn(), Job::Sweep, self.now()).await?)
    }

    /// The job: sweeps, and has the next one run in an hour.
    ///
    /// # Errors
    /// When the storage or the database is away: what was done stays done.
    pub async fn run_sweep(&self) -> Result<Swept, JobError> {
        let swept = self.sweep().await?;
        let next = self.now() + EVERY;
        self.inner.queue.enqueue(self.inner.db.conn(), Job::Sweep, next).await?;
        tracing::info!(?swept, "sweep finished");
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
        self.requeue_regeneration().await?;
        self.delete_the_overdue(&mut swept).await?;
        db::sessions::remove_expired(self.inner.db.conn(), self.now()).await?;
        db::mails::remove_expired(self.inner.db.conn(), self.now()).await?;
        db::api_tokens::remove_expired(self.inner.db.conn(), self.now()).await?;
        self.inner.changes.remove_old_events(self.inner.rules.event_retention).await?;
        while db::audit::remove_some(self.inner.db.conn(), self.now() - self.inner.rules.audit_retention).await? {}
        self.complete_the_stored(&mut swept).await?;
        self.expire_the_silent(&mut swept).await?;
        self.remove_orphans(&mut swept).await?;
        self.abort_strangers(&mut swept).await?;
        swept.indexed = self.index().await?;
        Ok(swept)
    }

    async fn requeue_the_lost(&self, swept: &mut Swept) -> ServiceResult<()> {
        for (status, job) in [(ImageStatus::Processing, process as fn(ImageId) -> Job), (ImageStatus::Deleted, discard)]
        {
            let mut stale = StaleImages::of(status, self.now() - LEFT_ALONE, PAGE);
            while let Some(images) = stale.next(self.inner.db.conn()).await? {
                let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
                for id in self.inner.queue.without_job(&ids).await? {
                    self.inner.queue.enqueue(self.inner.db.conn(), job(id), self.now()).await?;
                    swept.requeued += 1;
                }
            }
        }
        self.tell_of_jobs();
        Ok(())
    }

    /// Expired uploads that were seen for a week, and what was in the trash for as long as it was to be.
    async fn delete_the_overdue(&self, swept: &mut Swept) -> ServiceResult<()> {
        let now = self.now();
        let seen_since = now - EXPIRED_VISIBLE;
        let is_overdue = |image: &Image| match image.in_trash() {
            Some((_, until)) => until <= now,
            None => {
                let is_expired = image.failure().is_some_and(|why| why.code == FailureCode::UploadExpired);
                is_expired && image.updated_at <= seen_since
            }
        };
        let expired = StaleImages::failed(FailureCode::UploadExpired, seen_since, PAGE);
        let trashed = StaleImages::of(ImageStatus::Trashed, now, PAGE);
        for mut stale in [expired, trashed] {
            while let Some(images) = stale.next(self.inner.db.conn()).await? {
                for Image { id, .. } in images.into_iter().filter(is_overdue) {
                    let deleted = self.change_if(id, is_overdue, |image| Some(image.delete(now))).await;
                    swept.deleted += u64::from(swept.of_image(id, deleted)?);
                }
            }
        }
        Ok(())
    }

    /// Uploads whose clients fell silent behind their last byte.
    async fn complete_the_stored(&self, swept: &mut Swept) -> ServiceResult<()> {
        let mut continuation = None;
        loop {
            let page = self.inner.storage.list(StorageKey::INCOMING, continuation).await?;
            let ids: Vec<ImageId> = page.objects.iter().filter_map(|object| object.key.image()).collect();
            let left_alone_since = self.now() - LEFT_ALONE;
            for image in db::images::find_many(self.inner.db.conn(), &ids).await? {
                if image.awaits_upload() && image.updated_at <= left_alone_since {
                    let is_completed = self.complete_or_expire(&image).await;
                    swept.completed += u64::from(swept.of_image(image.id, is_completed)?);
                }
            }
            continuation = page.continuation;
            if continuation.is_none() {
                return Ok(());
            }
        }
    }

    /// Completes an upload whose file is there. Says whether it could.
    async fn complete_or_expire(&self, image: &Image) -> ServiceResult<bool> {
        let is_completed = self.complete_stored(image.id).await?;
        if !is_completed {
            self.wait_or_expire(image).await?;
        }
        Ok(is_completed)
    }

    /// Uploads that gave no sign of life for too long.
    async fn expire_the_silent(&self, swept: &mut Swept) -> ServiceResult<()> {
        let now = self.now();
        let silent_since = now - self.inner.rules.upload_expiry;
        let is_silent = |image: &Image| image.awaits_upload() && image.updated_at <= silent_since;
        for status in [ImageStatus::Pending, ImageStatus::Uploading] {
            let mut stale = StaleImages::of(status, silent_since, PAGE);
            while let Some(images) = stale.next(self.inner.db.conn()).await? {
                for Image { id, .. } in images {
                    let outcome = self.complete_or_fail(id, is_silent).await;
                    let [completed, expired] = swept.of_image(id, outcome)?;
                    swept.completed += u64::from(completed);
                    swept.expired += u64::from(expired);
                }
            }
        }
        Ok(())
    }

    /// Completes an upload whose file is there; otherwise lets it fail, if it is still silent. Says which of both it did.
    async fn complete_or_fail(
        &self,
        id: ImageId,
        is_silent: impl Fn(&Image) -> bool + Send + Sync,
    ) -> ServiceResult<[bool; 2]> {
        let is_stored = self.stored_object(id).await?.is_some();
        if is_stored && self.complete_stored(id).await? {
            return Ok([true, false]);
        }
        let now = self.now();
        let expire = |image: &Image| image.fail(expired(is_stored), Keep::WhatWasChecked, now);
        Ok([false, self.change_if(id, is_silent, expire).await?])
    }

    /// Changes an image that is still as it was found. Says whether it was.
    async fn change_if(
        &self,
        id: ImageId,
        is_so: impl Fn(&Image) -> bool + Send + Sync,
        change: impl FnOnce(&Image) -> Option<Change> + Send,
    ) -> ServiceResult<bool> {
        let decide =
            |image: &Image| if is_so(image) { Ok(change(image)) } else { Err(Refusal::image_not_found().into()) };
        Ok(refusals_apart(self.change(id, decide).await)?.is_ok())
    }

    /// Looks through the whole bucket before anything is removed: too many orphans at once are none.
    async fn remove_orphans(&self, swept: &mut Swept) -> ServiceResult<()> {
        if let Some(objects) = self.too_many_orphans().await? {
            swept.suspicious = objects;
            tracing::error!(
                objects,
                "too many objects without a database row, none were removed: check that this database belongs to this bucket"
            );
            return Ok(());
        }
        let mut pages = OrphanPages::of(self).await?;
        let mut failed = Ok(());
        while let Some(page) = pages.next().await? {
            let count = page.orphans.len() as u64;
            let keys: Vec<StorageKey> = page.orphans.into_iter().map(|object| object.key).collect();
            match self.inner.storage.delete(&keys).await {
                Ok(()) => swept.removed += count,
                Err(error) => failed = Err(error.into()),
            }
        }
        failed
    }
}

const fn process(image: ImageId) -> Job {
    Job::Process { image }
}

const fn discard(image: ImageId) -> Job {
    Job::Discard { image }
}

fn expired(is_stored: bool) -> Failure {
    let message = if is_stored {
        "The file was uploaded, but the storage limit was exceeded until the ticket expired: request a new ticket."
    } else {
        "The file was not uploaded in time: request a new ticket."
    };
    Failure { code: FailureCode::UploadExpired, message: message.to_owned() }
}
