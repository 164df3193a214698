//! The key that is signed with, asked for anew only as it ends: an instance's role is a request away.

use std::sync::Arc;

use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::{Credentials, StorageError};

/// How long before their end temporary credentials are asked for anew.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// How soon they are asked for again, where there are none that last longer.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Credentials that are good at present.
#[derive(Clone)]
pub(super) struct CurrentCredentials {
    pub(super) credentials: Arc<Credentials>,
    /// When they are to be asked for anew.
    pub(super) stale_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// Where credentials come from, and what came last. Many who need new ones at once ask once.
pub(super) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    known: Mutex<Option<CurrentCredentials>>,
}

impl CachedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, known: Mutex::default() }
    }

    /// # Errors
    /// When there are none.
    pub(super) async fn get(&self, now: DateTime<Utc>) -> Result<CurrentCredentials, StorageError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now < known.stale_at) {
            return Ok(known.clone());
        }
        let current = match self.ask(now).await {
            Ok(current) => current,
            // Whoever gives them is away: the old ones are still good.
            Err(error) => match known.take().filter(|known| now < known.ends_at) {
                Some(known) => CurrentCredentials { stale_at: now + ASK_AGAIN, ..known },
                None => return Err(error),
            },
        };
        *known = Some(current.clone());
        Ok(current)
    }

    async fn ask(&self, now: DateTime<Utc>) -> Result<CurrentCredentials, StorageError> {
        let found = self.provider.provide_credentials().await;
        let found = found.map_err(|error| StorageError::Unavailable(error.into()))?;
        let credentials = Arc::new(Credentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: found.secret_access_key().to_owned(),
            session_token: found.session_token().map(str::to_owned),
        });
        let Some(ends_at) = found.expiry().map(DateTime::<Utc>::from) else {
            let never = DateTime::<Utc>::MAX_UTC;
            return Ok(CurrentCredentials { credentials, stale_at: never, ends_at: never });
        };
        let stale_at = (ends_at - MARGIN).max(now + ASK_AGAIN);
        Ok(CurrentCredentials { credentials, stale_at, ends_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_asked_for_anew_before_they_end_and_not_for_each_url() {
        let now: DateTime<Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
        for (life, asked_again_in) in [
            (Some(TimeDelta::hours(1)), Some(TimeDelta::minutes(55))),
            // A role's keeper that is away gives what it has.
            (Some(TimeDelta::minutes(2)), Some(ASK_AGAIN)),
            (None, None),
        ] {
            let ends_at = life.map(|life| (now + life).into());
            let given = aws_sdk_s3::config::Credentials::new("id", "secret", None, ends_at, "test");
            let current = CachedCredentials::new(SharedCredentialsProvider::new(given)).get(now).await.unwrap();
            let stale_at = asked_again_in.map_or(DateTime::<Utc>::MAX_UTC, |after| now + after);
            assert_eq!((current.stale_at, current.credentials.access_key_id.as_str()), (stale_at, "id"));
        }
    }
}
