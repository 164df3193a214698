//! Time and randomness, from here alone, so that tests can hold the clock.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rand::Rng;
use uuid::{ContextV7, Timestamp, Uuid};

/// Tells the time to the microsecond, which is what every database keeps.
#[derive(Clone, Default)]
pub struct Clock {
    held: Option<Arc<Mutex<DateTime<Utc>>>>,
    ids: Arc<Mutex<ContextV7>>,
}

impl Clock {
    /// A clock that stands still at the present until it is moved.
    pub fn held() -> Self {
        let now = Self::default().now();
        Self { held: Some(Arc::new(Mutex::new(now))), ids: Arc::default() }
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.held.as_ref().map(|held| *held.lock().unwrap_or_else(PoisonError::into_inner));
        now.unwrap_or_else(Utc::now).trunc_subsecs(6)
    }

    /// Moves a held clock forward; the real one goes by itself.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(held) = &self.held {
            *held.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }

    /// A UUIDv7: later ones of this process sort behind earlier ones, also within a millisecond.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let context = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.timestamp().unsigned_abs();
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.timestamp_subsec_nanos()))
    }

    /// A UUIDv7 of another moment.
    pub fn id_of(&self, moment: DateTime<Utc>) -> Uuid {
        let milliseconds = moment.timestamp_millis().unsigned_abs();
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random_bytes()).into_uuid()
    }

    /// Bytes that nobody can guess.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws lots")]
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }

    /// A share of `span`, different each time, so that retries of many do not fall together.
    pub fn jitter(&self, span: TimeDelta) -> TimeDelta {
        let share = i32::from(self.random_bytes::<1>()[0]);
        span * share / 256
    }
}
