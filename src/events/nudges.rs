//! Nudges: that something was added to the log of an owner's events. What it was, the log says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::domain::ids::UserId;

/// Who waits for what happens to an owner's images.
#[derive(Clone, Default)]
pub(super) struct Nudges {
    owners: Arc<Mutex<HashMap<UserId, watch::Sender<()>>>>,
}

/// One reader's end of it.
pub struct Nudge(watch::Receiver<()>);

impl Nudges {
    /// Waits from now on. Begin first and read the log afterwards: nothing falls between.
    pub(super) fn begin(&self, owner: UserId) -> Nudge {
        Nudge(self.lock().entry(owner).or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    pub(super) fn nudge(&self, owner: UserId) {
        if let Some(readers) = self.lock().get(&owner) {
            readers.send_replace(());
        }
    }

    pub(super) fn nudge_all(&self) {
        for readers in self.lock().values() {
            readers.send_replace(());
        }
    }

    /// Whether anybody waits. Forgets the owners for whom nobody does.
    pub(super) fn has_readers(&self) -> bool {
        let mut owners = self.lock();
        owners.retain(|_, readers| readers.receiver_count() > 0);
        !owners.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<()>>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nudge {
    /// Waits for something that was added since the last call. Safe to drop and call again.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            // The owner was forgotten: never while somebody waits.
            std::future::pending::<()>().await;
        }
    }
}
