//! How often links are opened: counted beside the requests, and written a moment later, for all links together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Sharing;
use crate::{
    db,
    domain::{error::ServiceResult, ids::ShareLinkId, sharing::ShareLink},
};

/// How late a view may be written. Those of a process that is killed meanwhile are lost.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);

/// What is not written yet.
#[derive(Default)]
pub(super) struct Views(Mutex<HashMap<ShareLinkId, u64>>);

impl Sharing {
    /// Counts that a link was opened.
    pub fn count_view(&self, link: &ShareLink) {
        let mut waiting = self.inner.views.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            tokio::spawn(self.clone().write_views());
        }
        *waiting.entry(link.id).or_insert(0) += 1;
    }

    async fn write_views(self) {
        tokio::time::sleep(WRITTEN_WITHIN).await;
        let views = std::mem::take(&mut *self.inner.views.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = self.write(views).await {
            tracing::warn!(error = ?error, "writing how often links were opened failed; these views are not counted");
        }
    }

    async fn write(&self, views: HashMap<ShareLinkId, u64>) -> ServiceResult<()> {
        let (transaction, now) = (self.inner.db.begin().await?, self.inner.clock.now());
        // Always in the same order, so that no two processes wait for each other.
        let mut views: Vec<_> = views.into_iter().collect();
        views.sort_unstable();
        for (link, count) in views {
            db::share_links::count_views(&transaction, link, count, now).await?;
        }
        Ok(transaction.commit().await?)
    }
}
