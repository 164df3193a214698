//! The key that is signed with, asked for anew only when it ends: an instance's role is a request away.

use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Credentials, StorageError};

/// How long before their end temporary credentials are asked for anew, as the SDK does it.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// Credentials that are good at present.
#[derive(Clone)]
pub(super) struct CurrentCredentials {
    pub(super) credentials: Arc<Credentials>,
    /// When they are to be asked for anew.
    pub(super) stale_at: DateTime<Utc>,
}

/// Where credentials come from, and what came last.
pub(super) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    known: RwLock<Option<CurrentCredentials>>,
}

impl CachedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, known: RwLock::default() }
    }

    /// # Errors
    /// When there are none.
    pub(super) async fn get(&self, now: DateTime<Utc>) -> Result<CurrentCredentials, StorageError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| now < known.stale_at) {
            return Ok(known);
        }
        let found = self.provider.provide_credentials().await;
        let found = found.map_err(|error| StorageError::Unavailable(error.into()))?;
        let credentials = Arc::new(Credentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: found.secret_access_key().to_owned(),
            session_token: found.session_token().map(str::to_owned),
        });
        let ends = found.expiry().map_or(DateTime::<Utc>::MAX_UTC, |ends| DateTime::<Utc>::from(ends) - MARGIN);
        let current = CurrentCredentials { credentials, stale_at: ends };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(current.clone());
        Ok(current)
    }
}
