//! What was read a moment ago, for what nearly every request asks and what nearly never changes.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

/// As many are remembered; beyond that it begins anew.
const MOST: usize = 10_000;

/// Values with the time of their reading. A change by this process is to be forgotten at once; one by another process
/// is seen when the moment is over.
pub struct Memory<K, V> {
    moment: TimeDelta,
    known: RwLock<HashMap<K, (V, DateTime<Utc>)>>,
    changes: AtomicU64,
}

/// What was known to have changed when a reading began.
#[derive(Clone, Copy)]
pub struct Since(u64);

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// Remembers for so long.
    pub fn of(moment: TimeDelta) -> Self {
        Self { moment, known: RwLock::default(), changes: AtomicU64::new(0) }
    }

    /// What was read a moment ago.
    pub fn recall<Q>(&self, key: &Q, now: DateTime<Utc>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (value, read_at) = known.get(key)?;
        // A clock that was put back makes nothing younger.
        let is_fresh = (TimeDelta::zero()..self.moment).contains(&(now - *read_at));
        is_fresh.then(|| value.clone())
    }

    /// To be called before something is read that is to be remembered.
    pub fn reading(&self) -> Since {
        Since(self.changes.load(Ordering::Acquire))
    }

    /// Keeps what was read, unless something was changed meanwhile.
    pub fn remember(&self, key: K, value: V, now: DateTime<Utc>, since: Since) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::Acquire) != since.0 {
            return;
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (value, now));
    }

    /// Forgets everything: something of it was changed.
    pub fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::Release);
        known.clear();
    }
}
