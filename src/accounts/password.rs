//! Passwords by Argon2id, on blocking threads and never more at once than there are cores.

use std::{sync::Arc, thread};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::domain::error::{ServiceError, ServiceResult};

pub(super) struct PasswordHasher {
    /// Each hash takes 19 MiB and a core: many at once would starve everybody else.
    at_once: Arc<Semaphore>,
    /// Of no password: checked where there is no user, so that the time taken tells nothing.
    decoy: String,
}

impl PasswordHasher {
    pub(super) fn new() -> ServiceResult<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { at_once: Arc::new(Semaphore::new(cores)), decoy: hash("")? })
    }

    /// The hash to keep.
    pub(super) async fn hash(&self, password: String) -> ServiceResult<String> {
        self.run(move || hash(&password)).await?
    }

    /// Whether a password is the one that was hashed; never, where there is no hash.
    pub(super) async fn verify(&self, password: String, kept: Option<String>) -> ServiceResult<bool> {
        let exists = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.decoy.clone());
        let is_right = self.run(move || {
            let Ok(kept) = PasswordHash::new(&kept) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &kept).is_ok()
        });
        Ok(is_right.await? && exists)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ServiceResult<T> {
        let internal = |error: anyhow::Error| ServiceError::Internal(error);
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|error| internal(error.into()))?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| internal(error.into()))
    }
}

fn hash(password: &str) -> ServiceResult<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    let hashed = hashed.map_err(|error| ServiceError::Internal(anyhow::anyhow!("argon2: {error}")))?;
    Ok(hashed.to_string())
}
