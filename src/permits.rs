//! Ground: what there is of something, shared so that nobody waits behind one who asks for much.
//!
//! First come, first served, but for those who have as much as one may have: they are passed over until they gave
//! something back.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// How much there is, and how much of it one may have.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub all: u64,
    /// Whoever has nothing may have more than this at once.
    pub of_one: u64,
    /// How many requests of one may wait; more are refused.
    pub waiting_of_one: usize,
}

/// Permits for the holders of keys, such as users.
#[derive(Debug)]
pub struct FairPermits<K: Eq + Hash + Clone> {
    share: Share,
    state: Arc<Mutex<State<K>>>,
}

impl<K: Eq + Hash + Clone> Clone for FairPermits<K> {
    fn clone(&self) -> Self {
        Self { share: self.share, state: Arc::clone(&self.state) }
    }
}

#[derive(Debug)]
struct State<K: Eq + Hash + Clone> {
    free: u64,
    used: HashMap<K, u64>,
    waiting: VecDeque<Waiting<K>>,
}

#[derive(Debug)]
struct Waiting<K: Eq + Hash + Clone> {
    key: K,
    units: u64,
    granted: oneshot::Sender<Permit<K>>,
}

/// So many units, given back on drop.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash + Clone> {
    permits: FairPermits<K>,
    key: K,
    units: u64,
}

/// A request while it waits.
struct Waiter<'a, K: Eq + Hash + Clone> {
    permits: &'a FairPermits<K>,
    permit: oneshot::Receiver<Permit<K>>,
}

impl<K: Eq + Hash + Clone> Drop for Waiter<'_, K> {
    /// Whoever waited behind a request that is given up may go on now.
    fn drop(&mut self) {
        self.permit.close();
        self.permits.grant(&mut self.permits.lock());
    }
}

/// One who waits for as much as one may already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyWaiting;

impl<K: Eq + Hash + Clone> FairPermits<K> {
    /// With all of it free.
    pub fn new(share: Share) -> Self {
        let state = State { free: share.all, used: HashMap::new(), waiting: VecDeque::new() };
        Self { share, state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for so many units. Who asks for more than there is, gets all there is.
    ///
    /// # Errors
    /// When as many requests with this key wait as may.
    pub async fn acquire(&self, key: K, units: u64) -> Result<Permit<K>, TooManyWaiting> {
        let units = units.clamp(1, self.share.all);
        let permit = {
            let mut state = self.lock();
            // Whoever gave up waiting does not count against others with the same key.
            state.waiting.retain(|waiting| !waiting.granted.is_closed());
            let is_free = self.may_have(&state, &key, units) && state.free >= units && state.waiting.is_empty();
            if is_free {
                state.take(&key, units);
                return Ok(Permit { permits: self.clone(), key, units });
            }
            let of_one = state.waiting.iter().filter(|waiting| waiting.key == key).count();
            if of_one >= self.share.waiting_of_one {
                return Err(TooManyWaiting);
            }
            let (granted, permit) = oneshot::channel();
            state.waiting.push_back(Waiting { key, units, granted });
            self.grant(&mut state);
            permit
        };
        // The sender stays in the line until it is granted.
        let mut waiter = Waiter { permits: self, permit };
        (&mut waiter.permit).await.map_err(|_| TooManyWaiting)
    }

    /// How many units nobody has.
    pub fn free(&self) -> u64 {
        self.lock().free
    }

    fn may_have(&self, state: &State<K>, key: &K, units: u64) -> bool {
        let used = state.used.get(key).copied().unwrap_or(0);
        used == 0 || used.saturating_add(units) <= self.share.of_one
    }

    fn grant(&self, state: &mut State<K>) {
        let mut at = 0;
        while let Some(waiting) = state.waiting.get(at) {
            if waiting.granted.is_closed() {
                state.waiting.remove(at);
                continue;
            }
            if !self.may_have(state, &waiting.key, waiting.units) {
                at += 1;
                continue;
            }
            if waiting.units > state.free {
                return;
            }
            let Some(Waiting { key, units, granted }) = state.waiting.remove(at) else { return };
            state.take(&key, units);
            if let Err(mut unwanted) = granted.send(Permit { permits: self.clone(), key, units }) {
                // Nobody waits for it any more. Dropped as it is, it would ask for the lock that is held here.
                state.give_back(&unwanted.key, std::mem::take(&mut unwanted.units));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> State<K> {
    fn take(&mut self, key: &K, units: u64) {
        self.free -= units;
        *self.used.entry(key.clone()).or_insert(0) += units;
    }

    fn give_back(&mut self, key: &K, units: u64) {
        self.free += units;
        if let Some(used) = self.used.get_mut(key) {
            *used -= units;
            if *used == 0 {
                self.used.remove(key);
            }
        }
    }
}

impl<K: Eq + Hash + Clone> Drop for Permit<K> {
    fn drop(&mut self) {
        if self.units > 0 {
            let mut state = self.permits.lock();
            state.give_back(&self.key, self.units);
            self.permits.grant(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{FairPermits, Share, TooManyWaiting};

    fn permits() -> FairPermits<&'static str> {
        FairPermits::new(Share { all: 4, of_one: 3, waiting_of_one: 2 })
    }

    #[test]
    fn nobody_has_all_and_who_comes_later_does_not_wait_behind_who_has_most() {
        let permits = permits();
        let held: Vec<_> =
            (0..3).map(|_| permits.acquire("ann", 1).now_or_never().expect("free").expect("one")).collect();
        let mut fourth = Box::pin(permits.acquire("ann", 1));
        assert!(fourth.as_mut().now_or_never().is_none(), "one place is kept");
        let ben = permits.acquire("ben", 1).now_or_never().expect("free").expect("one");
        assert_eq!(permits.free(), 0);
        drop(held);
        let fourth = fourth.now_or_never().expect("free").expect("one");
        drop((fourth, ben));
        assert_eq!(permits.free(), 4);
    }

    #[test]
    fn who_needs_much_is_not_overtaken_for_ever_and_may_have_all_alone() {
        let permits = permits();
        let small = permits.acquire("ann", 1).now_or_never().expect("free").expect("one");
        let mut large = Box::pin(permits.acquire("ben", 9));
        assert!(large.as_mut().now_or_never().is_none());
        let mut later = Box::pin(permits.acquire("cem", 1));
        assert!(later.as_mut().now_or_never().is_none(), "it waits behind");
        drop(small);
        let large = large.now_or_never().expect("free").expect("all");
        assert_eq!(permits.free(), 0);
        drop(large);
        assert!(later.now_or_never().expect("free").is_ok());
    }

    #[test]
    fn few_wait_and_who_is_gone_waits_no_more() {
        let permits = permits();
        let held = permits.acquire("ann", 3).now_or_never().expect("free").expect("three");
        let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(permits.acquire("ann", 1))).collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.as_mut().now_or_never().is_none()));
        assert_eq!(permits.acquire("ann", 1).now_or_never().expect("an answer").err(), Some(TooManyWaiting));
        waiting.clear();
        let mut next = Box::pin(permits.acquire("ann", 1));
        assert!(next.as_mut().now_or_never().is_none(), "who is gone leaves a place to wait");
        drop((next, held));
        assert_eq!(permits.free(), 4, "nothing is kept for those who are gone");
    }

    #[test]
    fn who_gives_up_waiting_for_much_holds_up_nobody() {
        let permits = permits();
        let held = permits.acquire("ann", 1).now_or_never().expect("free").expect("one");
        let mut large = Box::pin(permits.acquire("ben", 4));
        assert!(large.as_mut().now_or_never().is_none());
        let mut later = Box::pin(permits.acquire("cem", 1));
        assert!(later.as_mut().now_or_never().is_none(), "it waits behind");
        drop(large);
        let later = later.now_or_never().expect("free").expect("one");
        drop((held, later));
        assert_eq!(permits.free(), 4);
    }
}
