//! Hand: what each caller may still ask for: points that come back with time, as the APIs of GitHub and Shopify have it.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

use crate::domain::{caller::CallerKey, error::ServiceError};

/// Whoever is nobody has a fifth of what a user has: many share an address, but all can be it.
const OF_NOBODY: u32 = 5;
/// Beyond so many callers, those with a full bucket are forgotten from time to time.
const MAX_KNOWN: u64 = 10_000;

type Limiter = RateLimiter<CallerKey, HashMapStateStore<CallerKey>, DefaultClock, StateInformationMiddleware>;

/// What the operator decided about points.
#[derive(Debug, Clone, Copy)]
pub struct BudgetSettings {
    /// What a user can have at most; zero is no limit.
    pub points: u32,
    /// How many come back each second.
    pub per_second: u32,
}

/// The buckets of all callers of this process.
#[derive(Clone)]
pub struct Budget {
    buckets: Option<Arc<Buckets>>,
}

struct Buckets {
    of_users: Bucket,
    of_nobody: Bucket,
    charges: AtomicU64,
}

struct Bucket {
    limiter: Limiter,
    burst: u32,
    per_second: u32,
}

/// What is left after something was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub points: u32,
    pub per_second: u32,
}

/// There is not as much left as was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    pub requested: u64,
    pub remaining: u64,
    pub retry_after: Duration,
}

impl From<Exhausted> for ServiceError {
    fn from(exhausted: Exhausted) -> Self {
        Self::RateLimited { retry_after: exhausted.retry_after }
    }
}

impl Budget {
    /// With every bucket full.
    pub fn new(settings: BudgetSettings) -> Self {
        let bucket = |share: u32| {
            let burst = NonZeroU32::new(settings.points / share)?;
            let per_second = NonZeroU32::new(settings.per_second / share).unwrap_or(NonZeroU32::MIN);
            let limiter = RateLimiter::hashmap(Quota::per_second(per_second).allow_burst(burst)).with_middleware();
            Some(Bucket { limiter, burst: burst.get(), per_second: per_second.get() })
        };
        let buckets = bucket(1)
            .zip(bucket(OF_NOBODY))
            .map(|(of_users, of_nobody)| Arc::new(Buckets { of_users, of_nobody, charges: AtomicU64::new(0) }));
        Self { buckets }
    }

    /// Takes points; what costs more than a full bucket takes all of it. `None` where there is no limit.
    ///
    /// # Errors
    /// When there are not enough; then none is taken.
    pub fn charge(&self, caller: CallerKey, points: u64) -> Result<Option<Left>, Exhausted> {
        let Some(buckets) = &self.buckets else { return Ok(None) };
        buckets.forget_the_full();
        let bucket = match caller {
            CallerKey::User(_) => &buckets.of_users,
            CallerKey::Address(_) => &buckets.of_nobody,
        };
        let asked = u32::try_from(points).unwrap_or(u32::MAX).clamp(1, bucket.burst);
        let asked_or_one = NonZeroU32::new(asked).unwrap_or(NonZeroU32::MIN);
        match bucket.limiter.check_key_n(&caller, asked_or_one) {
            Ok(Ok(state)) => Ok(Some(Left { points: state.remaining_burst_capacity(), per_second: bucket.per_second })),
            Ok(Err(until)) => {
                let retry_after = until.wait_time_from(bucket.limiter.clock().now());
                let missing = (retry_after.as_secs_f64() * f64::from(bucket.per_second)).ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "never negative; saturates"
                )]
                let remaining = u64::from(asked).saturating_sub(missing as u64);
                Err(Exhausted { requested: points, remaining, retry_after })
            }
            // Never: no more is asked for than a bucket can have.
            Err(_) => Err(Exhausted { requested: points, remaining: 0, retry_after: Duration::from_secs(1) }),
        }
    }
}

impl Buckets {
    fn forget_the_full(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % MAX_KNOWN == MAX_KNOWN - 1 {
            for bucket in [&self.of_users, &self.of_nobody] {
                bucket.limiter.retain_recent();
                bucket.limiter.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, BudgetSettings};
    use crate::domain::{caller::CallerKey, ids::UserId};

    #[test]
    fn what_is_spent_is_gone_for_its_spender_alone_and_a_refusal_says_what_is_left() {
        let budget = Budget::new(BudgetSettings { points: 1000, per_second: 1 });
        let (ann, ben) = (CallerKey::User(UserId(uuid::Uuid::max())), CallerKey::User(UserId(uuid::Uuid::nil())));
        let left = budget.charge(ann, 700).expect("enough").expect("a limit");
        assert_eq!((left.points, left.per_second), (300, 1));
        let refused = budget.charge(ann, 400).expect_err("not enough");
        assert_eq!((refused.requested, refused.remaining), (400, 300));
        assert!((90..=100).contains(&refused.retry_after.as_secs()), "{:?}", refused.retry_after);
        assert!(budget.charge(ann, 300).is_ok(), "a refusal takes nothing");
        assert!(budget.charge(ben, 5_000_000).is_ok(), "what costs more than there can be takes all");
        assert!(budget.charge(ben, 1).is_err());
        let nobody = CallerKey::Address(std::net::Ipv4Addr::LOCALHOST.into());
        assert_eq!(budget.charge(nobody, 200).expect("a fifth").expect("a limit").points, 0);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let budget = Budget::new(BudgetSettings { points: 0, per_second: 0 });
        let nobody = CallerKey::Address(std::net::Ipv4Addr::LOCALHOST.into());
        assert_eq!(budget.charge(nobody, u64::MAX), Ok(None));
    }
}
