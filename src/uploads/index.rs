//! Makes images findable that no search finds: those from before an upgrade, and those that a server of an older version
//! described since. The newest first, a few at a time.

use std::{sync::atomic::Ordering, time::Duration};

use super::Uploads;
use crate::{
    db::search::{self, Outdated},
    domain::{
        error::{ServiceError, ServiceResult},
        ids::ImageId,
        job::Job,
    },
};

/// In one transaction.
const PAGE: u64 = 100;
/// Between two transactions. A writer of SQLite that finds another at work looks again after 100 ms at most.
const PAUSE: Duration = Duration::from_millis(100);

impl Uploads {
    /// Has the job run now: to be called when a process starts. A sweep may be waiting since before the upgrade.
    pub async fn schedule_index(&self) -> ServiceResult<()> {
        Ok(self.inner.queue.enqueue(self.inner.db.conn(), Job::Index, self.now()).await?)
    }

    /// The job: looks for such images and goes on until there are none. Says how many there were.
    ///
    /// # Errors
    /// When the database does not answer: what was done stays done.
    pub async fn index(&self) -> ServiceResult<u64> {
        let mut indexed = 0;
        // Once all have an entry, none can come without.
        if !self.inner.all_searchable.load(Ordering::Relaxed) {
            indexed += self.index_all(Outdated::Missing).await?;
            self.inner.all_searchable.store(true, Ordering::Relaxed);
        }
        Ok(indexed + self.index_all(Outdated::Older).await?)
    }

    async fn index_all(&self, kind: Outdated) -> ServiceResult<u64> {
        let (mut before, mut indexed) = (None, 0);
        loop {
            let ids = search::outdated(self.inner.db.conn(), kind, before, PAGE).await?;
            let Some(last) = ids.last() else { return Ok(indexed) };
            before = Some(*last);
            indexed += self.make_findable(&ids).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// All at once, or each by itself where one of them cannot be read: those before it are not to wait for it.
    async fn make_findable(&self, ids: &[ImageId]) -> ServiceResult<u64> {
        let changes = &self.inner.changes;
        match changes.make_findable(ids).await {
            Err(ServiceError::Internal(_)) => {}
            outcome => return outcome,
        }
        let mut indexed = 0;
        for id in ids {
            match changes.make_findable(std::slice::from_ref(id)).await {
                Err(ServiceError::Internal(error)) => {
                    tracing::error!(image = %id, ?error, "an image cannot be made findable by searches");
                }
                outcome => indexed += outcome?,
            }
        }
        Ok(indexed)
    }
}
