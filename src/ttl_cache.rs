//! Ground: a cache whose entries live for a moment, for what nearly every request asks and what nearly never changes.
//!
//! Not `moka`: an entry's age goes by the injected clock, and what was read before a change is not kept after it.

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

/// A full cache is emptied.
const MAX_ENTRIES: usize = 10_000;

/// Values with the time of their reading. A change by this process is to clear the cache at once; one by another process
/// is seen when the entries have expired.
pub struct TtlCache<K, V> {
    time_to_live: TimeDelta,
    entries: RwLock<HashMap<K, (V, DateTime<Utc>)>>,
    version: AtomicU64,
}

/// The version of a cache when something began to be read.
#[derive(Clone, Copy)]
pub struct Version(u64);

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    /// An empty cache.
    pub fn new(time_to_live: TimeDelta) -> Self {
        Self { time_to_live, entries: RwLock::default(), version: AtomicU64::new(0) }
    }

    /// The value, unless it has expired.
    pub fn get<Q>(&self, key: &Q, now: DateTime<Utc>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (value, read_at) = entries.get(key)?;
        // A clock that was put back makes nothing younger.
        let is_fresh = (TimeDelta::zero()..self.time_to_live).contains(&(now - *read_at));
        is_fresh.then(|| value.clone())
    }

    /// To be asked before something is read that is to be inserted.
    pub fn version(&self) -> Version {
        Version(self.version.load(Ordering::Acquire))
    }

    /// Keeps what was read, unless the cache was cleared since.
    pub fn insert(&self, key: K, value: V, now: DateTime<Utc>, read_at: Version) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if self.version.load(Ordering::Acquire) != read_at.0 {
            return;
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (value, now));
    }

    /// Forgets everything, also what is being read: something of it was changed.
    pub fn clear(&self) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        self.version.fetch_add(1, Ordering::Release);
        entries.clear();
    }
}
