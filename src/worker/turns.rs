//! No owner has all slots of a worker: one in four is kept for whoever comes next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::ids::UserId;

/// How many jobs each owner has running in this process.
#[derive(Clone)]
pub(super) struct Turns {
    most: usize,
    running: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One running job of an owner, counted until it is dropped.
pub(super) struct Turn {
    turns: Turns,
    owner: UserId,
}

impl Turns {
    /// Of a worker with so many slots. With one slot alone, owners take turns in it.
    pub(super) fn of(slots: usize) -> Self {
        Self { most: slots.saturating_sub(slots.div_ceil(4)).max(1), running: Arc::default() }
    }

    /// The owners who have as many jobs running as one may.
    pub(super) fn busy(&self) -> Vec<UserId> {
        let running = self.lock();
        running.iter().filter(|(_, count)| **count >= self.most).map(|(owner, _)| *owner).collect()
    }

    /// Counts one more, until the turn is dropped.
    pub(super) fn take(&self, owner: Option<UserId>) -> Option<Turn> {
        let owner = owner?;
        *self.lock().entry(owner).or_insert(0) += 1;
        Some(Turn { turns: self.clone(), owner })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.turns.lock();
        if let Some(count) = running.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.owner);
            }
        }
    }
}
