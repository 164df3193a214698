//! What was read a moment ago, for what nearly every request asks and what nearly never changes.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};

/// As many are remembered; beyond that it begins anew.
const MOST: usize = 10_000;

/// Values with the time of their reading. A change by this process is to be forgotten at once; one by another process
/// is seen when the moment is over.
pub struct Memory<K, V> {
    moment: TimeDelta,
    known: RwLock<HashMap<K, (V, DateTime<Utc>)>>,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// Remembers for so long.
    pub fn of(moment: TimeDelta) -> Self {
        Self { moment, known: RwLock::default() }
    }

    /// What was read a moment ago.
    pub fn recall(&self, key: &K, now: DateTime<Utc>) -> Option<V> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (value, read_at) = known.get(key)?;
        (now - *read_at < self.moment).then(|| value.clone())
    }

    /// Keeps what was read just now.
    pub fn remember(&self, key: K, value: V, now: DateTime<Utc>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (value, now));
    }

    /// Forgets everything: something of it was changed.
    pub fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
