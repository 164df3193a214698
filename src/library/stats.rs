//! Statistics, from kept counters: the same effort for ten images as for a million.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};

use super::Library;
use crate::{
    db,
    domain::{
        access::Scope,
        caller::Caller,
        details::MAX_TAG_CHARS,
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::UserId,
        stats::{DayCount, Stats, TagCount, Total},
    },
};

impl Library {
    /// What the caller has.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn stats(&self, caller: &Caller) -> ServiceResult<Stats> {
        let mut counts = db::counts::all(self.inner.db.conn(), Scope::of(caller)?).await?;
        counts.retain(|count| count.status.is_visible());
        Ok(Stats::of(counts))
    }

    /// The caller's images by the day of their ticket, in UTC: so many days up to today, oldest first, none left out.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn stats_by_day(&self, caller: &Caller, days: u16) -> ServiceResult<Vec<DayCount>> {
        let today = self.inner.clock.now().date_naive();
        let from = today - TimeDelta::days(i64::from(days) - 1);
        let found = db::counts::days(self.inner.db.conn(), Scope::of(caller)?, from).await?;
        let mut found: BTreeMap<NaiveDate, DayCount> = found.into_iter().map(|count| (count.day, count)).collect();
        let every_day = from.iter_days().take(usize::from(days));
        let of = |day| found.remove(&day).unwrap_or(DayCount { day, total: Total::default() });
        Ok(every_day.map(of).collect())
    }

    /// The caller's tags that begin with these characters, those of most images first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller; a refusal of what no tag can begin with.
    pub async fn tags(&self, caller: &Caller, prefix: &str, first: u64) -> ServiceResult<Vec<TagCount>> {
        let scope = Scope::of(caller)?;
        if prefix.chars().count() > MAX_TAG_CHARS || prefix.chars().any(char::is_control) {
            let why = "`prefix` has at most 50 characters, without control characters.";
            return Err(Refusal::on("prefix", UserErrorCode::InvalidValue, why).into());
        }
        let read = self.inner.db.slow_read(scope.owner()).await?;
        let found = db::counts::tags(read.conn()?, scope, &ways_of_writing(prefix.trim()), first).await?;
        read.finish();
        Ok(found)
    }

    /// How many bytes each of these users has in the storage, the trash included.
    pub async fn storage_used(&self, users: &[UserId]) -> ServiceResult<Vec<(UserId, u64)>> {
        Ok(db::counts::bytes_of(self.inner.db.conn(), users).await?)
    }

    /// How many bytes each user may have in the storage, if there is a limit.
    pub fn storage_quota(&self) -> Option<u64> {
        self.inner.rules.storage_quota
    }
}

/// As it is, in small letters, in capitals, and with a capital first: tags keep their case, and who types one
/// does not know it.
fn ways_of_writing(prefix: &str) -> Vec<String> {
    let (small, capitals) = (prefix.to_lowercase(), prefix.to_uppercase());
    let mut chars = small.chars();
    let capitalised = chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    let mut ways = vec![prefix.to_owned(), small.clone(), capitals, capitalised];
    ways.sort_unstable();
    ways.dedup();
    ways
}
