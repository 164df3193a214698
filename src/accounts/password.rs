//! Passwords by Argon2id, on blocking threads and never more at once than there are cores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::{sync::Semaphore, time::Instant};

use crate::domain::error::{ServiceError, ServiceResult};

pub(super) struct PasswordHasher {
    /// Each hash takes 19 MiB and a core: many at once would starve everybody else.
    at_once: Arc<Semaphore>,
    /// How many wait or run, and how many may: what this machine hashes within a second.
    waiting: Arc<AtomicUsize>,
    most: usize,
    /// Of no password: checked where there is no user, so that the time taken tells nothing.
    decoy: String,
}

impl PasswordHasher {
    pub(super) fn new() -> ServiceResult<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let since = Instant::now();
        let decoy = hash("")?;
        let each = since.elapsed().max(Duration::from_millis(1));
        let in_a_second = (Duration::from_secs(1).as_micros() / each.as_micros()).max(1);
        let most = cores * usize::try_from(in_a_second).unwrap_or(1);
        Ok(Self { at_once: Arc::new(Semaphore::new(cores)), waiting: Arc::default(), most, decoy })
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
        let _waiting = Waiting::begin(&self.waiting, self.most)?;
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|error| internal(error.into()))?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| internal(error.into()))
    }
}

/// One who waits for a hash, counted until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(count: &Arc<AtomicUsize>, most: usize) -> ServiceResult<Self> {
        let waiting = Self(Arc::clone(count));
        if count.fetch_add(1, Ordering::AcqRel) >= most {
            return Err(ServiceError::RateLimited { retry_after: Duration::from_secs(1) });
        }
        Ok(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn hash(password: &str) -> ServiceResult<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    let hashed = hashed.map_err(|error| ServiceError::Internal(anyhow::anyhow!("argon2: {error}")))?;
    Ok(hashed.to_string())
}
