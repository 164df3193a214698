//! How often a password may be tried: slower after each failure, by account and address together and by address alone.
//!
//! An account that many addresses try at once is slowed down for addresses that it never was signed in from, and for no
//! other: its owner is not locked out by whoever guesses.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use crate::domain::{caller::CallerKey, error::ServiceError};

/// How many accounts and addresses are remembered of each kind; beyond that those tried least recently are forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();
/// Failures without a pause, of one account from one address, and of one address.
const FREE_OF_BOTH: u32 = 5;
const FREE_OF_ADDRESS: u32 = 20;
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// After so long without a failure they are forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// The failures of this process, by account or by whatever else has a password.
pub struct TryLimits {
    /// Failures without a pause of one account from anywhere, and the longest pause behind them.
    of_account: (u32, TimeDelta),
    state: Mutex<State>,
}

struct State {
    of_both: LruCache<(String, CallerKey), Failures>,
    of_address: LruCache<CallerKey, Failures>,
    of_account: LruCache<String, Failures>,
    /// Where accounts were signed in from.
    known: LruCache<(String, CallerKey), ()>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: DateTime<Utc>,
    not_before: DateTime<Utc>,
}

impl TryLimits {
    /// For passwords: whoever may be the owner on a new machine does not wait for long.
    #[expect(clippy::new_without_default, reason = "there are several, and they are made on purpose")]
    pub fn new() -> Self {
        Self::with((30, TimeDelta::seconds(20)))
    }

    /// For codes of six digits, which are guessed by who has the password.
    pub fn of_codes() -> Self {
        Self::with((10, TimeDelta::minutes(15)))
    }

    fn with(of_account: (u32, TimeDelta)) -> Self {
        let state = State {
            of_both: LruCache::new(REMEMBERED),
            of_address: LruCache::new(REMEMBERED),
            of_account: LruCache::new(REMEMBERED),
            known: LruCache::new(REMEMBERED),
        };
        Self { of_account, state: Mutex::new(state) }
    }

    /// Counts a try as a failure until it is known to be none: many at once are not free.
    pub fn begin(&self, account: &str, address: IpAddr, now: DateTime<Utc>) -> Result<(), ServiceError> {
        let address = CallerKey::of_address(address);
        let both = (account.to_owned(), address);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = state.known.contains(&both);
        let waits = [
            wait(&mut state.of_both, &both, now),
            wait(&mut state.of_address, &address, now),
            if is_known { TimeDelta::zero() } else { wait(&mut state.of_account, account, now) },
        ];
        let longest = waits.into_iter().max().and_then(|wait| wait.to_std().ok()).unwrap_or_default();
        if longest > Duration::ZERO {
            return Err(ServiceError::RateLimited { retry_after: longest });
        }
        count(&mut state.of_both, both, now, FREE_OF_BOTH, MAX_PAUSE);
        count(&mut state.of_address, address, now, FREE_OF_ADDRESS, MAX_PAUSE);
        if !is_known {
            let (free, longest) = self.of_account;
            count(&mut state.of_account, account.to_owned(), now, free, longest);
        }
        Ok(())
    }

    /// The try was none of somebody who guesses.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let address = CallerKey::of_address(address);
        let both = (account.to_owned(), address);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.of_both.pop(&both);
        // Of an address that others guess from, only this try is taken back.
        if let Some(failures) = state.of_address.get_mut(&address) {
            failures.count = failures.count.saturating_sub(1);
            failures.not_before = failures.last;
        }
        if let Some(failures) = state.of_account.get_mut(account) {
            failures.count = failures.count.saturating_sub(1);
        }
        state.known.put(both, ());
    }
}

fn wait<K, Q>(failures: &mut LruCache<K, Failures>, key: &Q, now: DateTime<Utc>) -> TimeDelta
where
    K: std::hash::Hash + Eq + std::borrow::Borrow<Q>,
    Q: std::hash::Hash + Eq + ?Sized,
{
    failures.get(key).map_or(TimeDelta::zero(), |failures| failures.not_before - now)
}

fn count<K: std::hash::Hash + Eq>(
    failures: &mut LruCache<K, Failures>,
    key: K,
    now: DateTime<Utc>,
    free: u32,
    longest: TimeDelta,
) {
    let before = failures.get(&key).filter(|failures| now - failures.last < FORGOTTEN_AFTER);
    let count = before.map_or(0, |failures| failures.count).saturating_add(1);
    let doubled = count.checked_sub(free).map_or(TimeDelta::zero(), |beyond| TimeDelta::seconds(1 << beyond.min(10)));
    failures.put(key, Failures { count, last: now, not_before: now + doubled.min(longest) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn address(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(192, 0, 2, last).into()
    }

    fn pause(outcome: Result<(), ServiceError>) -> Duration {
        match outcome {
            Err(ServiceError::RateLimited { retry_after }) => retry_after,
            Err(error) => panic!("{error:?}"),
            Ok(()) => Duration::ZERO,
        }
    }

    #[test]
    fn each_failure_is_followed_by_a_longer_pause_that_ends() {
        let (limits, mut now) = (TryLimits::new(), Clock::held().now());
        let mut pauses = Vec::new();
        for _ in 0..18 {
            assert_eq!(pause(limits.begin("ann", address(1), now)), Duration::ZERO);
            let wait = pause(limits.begin("ann", address(1), now));
            if wait > Duration::ZERO {
                pauses.push(wait.as_secs());
                now += TimeDelta::from_std(wait).expect("a pause");
            }
        }
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert!(pauses.iter().all(|pause| *pause <= 300) && pauses.ends_with(&[300]), "{pauses:?}");
        assert_eq!(pause(limits.begin("ann", address(2), now)), Duration::ZERO, "from elsewhere");
        limits.succeeded("ann", address(2));
        assert_eq!(pause(limits.begin("ann", address(1), now + TimeDelta::hours(2))), Duration::ZERO);
    }

    #[test]
    fn who_was_signed_in_before_is_not_locked_out_by_a_thousand_addresses() {
        let (limits, now) = (TryLimits::new(), Clock::held().now());
        limits.begin("ann", address(1), now).expect("the first");
        limits.succeeded("ann", address(1));
        let tried = (2..=250).filter(|last| limits.begin("ann", address(*last), now).is_ok()).count();
        assert!(tried < 40, "{tried} guesses in an instant");
        assert_eq!(pause(limits.begin("ann", address(1), now)), Duration::ZERO);
        let elsewhere = pause(limits.begin("ann", address(251), now));
        assert!(elsewhere <= Duration::from_secs(20), "{elsewhere:?}");
        assert_eq!(pause(limits.begin("ben", address(2), now)), Duration::ZERO, "another account");
    }
}
