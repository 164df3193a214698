//! Passwords by Argon2id, on blocking threads and never more at once than there are cores.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::{sync::Semaphore, time::Instant};

use super::normalised;
use crate::domain::error::{ServiceError, ServiceResult};

/// How long a hash takes, as long as none was made.
const GUESSED: Duration = Duration::from_millis(50);

/// Hashes and checks passwords: one for the whole process.
#[derive(Clone)]
pub struct PasswordHasher {
    /// Each hash takes 19 MiB and a core: many at once would starve everybody else.
    at_once: Arc<Semaphore>,
    cores: usize,
    /// How many wait or run.
    waiting: Arc<AtomicUsize>,
    /// In microseconds: how long the last one took.
    each: Arc<AtomicU64>,
    /// Of no password: checked where there is no user, so that the time taken tells nothing. Made by the first check,
    /// whatever that is for: a process that signs nobody in has no need of 19 MiB.
    decoy: Arc<OnceLock<String>>,
}

/// What became of a password that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// And is to be hashed anew.
    RightByOldParameters,
}

impl PasswordHasher {
    /// With as many hashes at once as there are cores.
    #[expect(clippy::new_without_default, reason = "there is one, and it is made on purpose")]
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let each = Arc::new(AtomicU64::new(micros(GUESSED)));
        Self { at_once: Arc::new(Semaphore::new(cores)), cores, waiting: Arc::default(), each, decoy: Arc::default() }
    }

    /// What this machine hashes within a second: more do not wait.
    fn most(&self) -> usize {
        let in_a_second = micros(Duration::from_secs(1)) / self.each.load(Ordering::Relaxed).max(1);
        self.cores * usize::try_from(in_a_second).unwrap_or(1).max(1)
    }

    /// The hash to keep.
    pub async fn hash(&self, password: String) -> ServiceResult<String> {
        let password = normalised(&password);
        self.run(move || hash(&password)).await?
    }

    /// Whether a password is the one that was hashed; never, where there is no hash.
    pub async fn verify(&self, password: String, kept: Option<String>) -> ServiceResult<Verdict> {
        let exists = kept.is_some();
        let password = normalised(&password);
        let decoy = Arc::clone(&self.decoy);
        let is_right = self.run(move || {
            let decoy = decoy.get_or_init(|| hash("").unwrap_or_default());
            let Ok(kept) = PasswordHash::new(kept.as_ref().unwrap_or(decoy)) else { return Verdict::Wrong };
            let argon2 = Argon2::default();
            match argon2.verify_password(password.as_bytes(), &kept) {
                Err(_) => Verdict::Wrong,
                Ok(()) if is_current(&kept, argon2.params()) => Verdict::Right,
                Ok(()) => Verdict::RightByOldParameters,
            }
        });
        let verdict = is_right.await?;
        Ok(if exists { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ServiceResult<T> {
        let internal = |error: anyhow::Error| ServiceError::Internal(error);
        let _waiting = Waiting::begin(&self.waiting, self.most())?;
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|error| internal(error.into()))?;
        let each = Arc::clone(&self.each);
        let work = move || {
            let since = Instant::now();
            let done = work();
            each.store(micros(since.elapsed()), Ordering::Relaxed);
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

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whether a hash was made as this version makes them.
fn is_current(kept: &PasswordHash, params: &Params) -> bool {
    kept.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && Params::try_from(kept).is_ok_and(|of_kept| {
            (of_kept.m_cost(), of_kept.t_cost(), of_kept.p_cost())
                == (params.m_cost(), params.t_cost(), params.p_cost())
        })
}

fn hash(password: &str) -> ServiceResult<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    let hashed = hashed.map_err(|error| ServiceError::Internal(anyhow::anyhow!("argon2: {error}")))?;
    Ok(hashed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_wait_than_are_hashed_within_a_second() {
        let nothing: fn() = || ();
        let hasher = PasswordHasher { cores: 2, ..PasswordHasher::new() };
        hasher.each.store(micros(Duration::from_millis(250)), Ordering::Relaxed);
        // All cores are busy with other work.
        let busy = hasher.at_once.acquire_many(u32::try_from(hasher.at_once.available_permits()).expect("few"));
        let busy = busy.await.expect("permits");
        let mut eight: Vec<_> = (0..8).map(|_| Box::pin(hasher.run(nothing))).collect();
        for waiting in &mut eight {
            assert!(futures_util::poll!(waiting).is_pending());
        }
        let ninth = hasher.run(nothing).await;
        assert!(matches!(ninth, Err(ServiceError::RateLimited { .. })), "{ninth:?}");
        // Who gives up makes room for another one.
        eight.pop();
        eight.push(Box::pin(hasher.run(nothing)));
        drop(busy);
        futures_util::future::try_join_all(eight).await.expect("eight turns");
        assert_eq!(hasher.waiting.load(Ordering::Relaxed), 0);
    }
}
