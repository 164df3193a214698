//! What is to be told to the other processes, until it is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::message::{Happened, Hints};

/// What waits while the connection is broken; beyond that the others are told to look at everything.
const MOST: usize = 10_000;

/// Filled after each commit, and emptied by whoever sends.
#[derive(Default)]
pub struct Outbox {
    hints: Mutex<Hints>,
    filled: Notify,
}

impl Outbox {
    /// How many images one message tells of: PostgreSQL carries at most 8000 bytes.
    const AT_ONCE: usize = 30;

    pub(in crate::events) fn put(&self, happened: Happened) {
        let mut hints = self.lock();
        if hints.images.len() >= MOST {
            hints.images.clear();
            hints.has_gap = true;
        }
        hints.images.push(happened);
        drop(hints);
        self.filled.notify_one();
    }

    pub(in crate::events) fn put_jobs(&self) {
        self.lock().has_jobs = true;
        self.filled.notify_one();
    }

    pub(super) fn put_gap(&self) {
        *self.lock() = Hints { has_gap: true, has_jobs: true, images: Vec::new() };
        self.filled.notify_one();
    }

    /// Waits until there is something. Safe to drop and call again.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// As much as one message has room for.
    pub(super) fn take(&self) -> Hints {
        let mut hints = self.lock();
        let count = hints.images.len().min(Self::AT_ONCE);
        let images = hints.images.drain(..count).collect();
        if !hints.images.is_empty() {
            self.filled.notify_one();
        }
        Hints { images, has_jobs: std::mem::take(&mut hints.has_jobs), has_gap: std::mem::take(&mut hints.has_gap) }
    }

    fn lock(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
