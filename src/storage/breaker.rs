//! A storage that is asked only as long as it answers: whoever needs it while it is away is told so at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{fs::File, time::timeout};
use url::Url;

use super::{
    Copied, ListedPage, ObjectHead, ObjectStore, ObjectUrls, PartStore, S3, StorageError, StorageKey, UnfinishedMark,
    UnfinishedPage,
};
use crate::{
    clock::Clock,
    domain::{multipart::StoredPart, ticket::UploadTarget},
    measures,
};

/// After so many requests in a row without an answer, each for something else, nobody asks any more: one object that cannot be
/// read is not the storage.
const FAILURES: usize = 3;
/// How long nobody asks; then one does, and the others wait for what becomes of it.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// How long the storage may take to say what it knows of an object: a client waits for that.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// An S3 behind a circuit breaker.
pub struct Breaker {
    s3: S3,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// Asked; what was asked for in a row without an answer.
    Closed { failed: Vec<String> },
    /// Not asked before this time.
    Open { until: DateTime<Utc> },
}

impl Breaker {
    /// A storage that is taken to be there until it does not answer.
    pub const fn new(s3: S3, clock: Clock) -> Self {
        Self { s3, clock, state: Mutex::new(State::Closed { failed: Vec::new() }) }
    }

    async fn call<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        if !self.may_ask() {
            return Err(StorageError::Unavailable(anyhow::anyhow!("the storage did not answer a moment ago")));
        }
        let answer = asked.await;
        self.note(what, &answer);
        answer
    }

    fn may_ask(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (&State::Open { until }, now) = (&*state, self.clock.now()) else { return true };
        // A clock that is set back must not keep it shut.
        if now < until && until - now <= PAUSE {
            return false;
        }
        *state = State::Open { until: now + PAUSE };
        true
    }

    /// Whoever is refused was answered.
    fn note<T>(&self, what: &str, answer: &Result<T, StorageError>) {
        let is_answered = !matches!(answer, Err(StorageError::Unavailable(_)));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = matches!(*state, State::Open { .. });
        match &mut *state {
            _ if is_answered => *state = State::Closed { failed: Vec::new() },
            State::Closed { failed } if failed.iter().any(|known| known == what) => {}
            State::Closed { failed } if failed.len() + 1 < FAILURES => failed.push(what.to_owned()),
            _ => *state = State::Open { until: self.clock.now() + PAUSE },
        }
        let is_open = matches!(*state, State::Open { .. });
        if was_open != is_open {
            measures::available("storage", !is_open);
        }
        match (was_open, is_open) {
            (false, true) => tracing::error!("the storage does not answer: it is asked once a second until it does"),
            (true, false) => tracing::info!("the storage answers again"),
            _ => {}
        }
    }
}

#[async_trait]
impl ObjectStore for Breaker {
    // Signing asks nobody, and whoever has a ticket may find the storage there.
    async fn sign_upload(
        &self,
        key: &StorageKey,
        content_type: &str,
        size: u64,
        expires_at: DateTime<Utc>,
    ) -> Result<UploadTarget, StorageError> {
        self.s3.sign_upload(key, content_type, size, expires_at).await
    }

    async fn urls(&self) -> Result<Arc<ObjectUrls>, StorageError> {
        self.s3.urls().await
    }

    async fn head(&self, key: &StorageKey) -> Result<Option<ObjectHead>, StorageError> {
        let asked = async {
            let answer = timeout(HEAD_WITHIN, self.s3.head(key)).await;
            answer.unwrap_or_else(|error| Err(StorageError::Unavailable(error.into())))
        };
        self.call(key.as_str(), asked).await
    }

    async fn copy(
        &self,
        from: &StorageKey,
        etag: &str,
        to: &StorageKey,
        content_type: &str,
    ) -> Result<Copied, StorageError> {
        self.call(from.as_str(), self.s3.copy(from, etag, to, content_type)).await
    }

    async fn download(&self, key: &StorageKey, limit: u64, to: &mut File) -> Result<bool, StorageError> {
        self.call(key.as_str(), self.s3.download(key, limit, to)).await
    }

    async fn put(&self, key: &StorageKey, bytes: Bytes, content_type: &str) -> Result<(), StorageError> {
        self.call(key.as_str(), self.s3.put(key, bytes, content_type)).await
    }

    async fn put_file(&self, key: &StorageKey, file: File, size: u64, content_type: &str) -> Result<(), StorageError> {
        self.call(key.as_str(), self.s3.put_file(key, file, size, content_type)).await
    }

    async fn delete(&self, keys: &[StorageKey]) -> Result<(), StorageError> {
        self.call("delete", self.s3.delete(keys)).await
    }

    async fn list(&self, prefix: &str, continuation: Option<String>) -> Result<ListedPage, StorageError> {
        self.call("list", self.s3.list(prefix, continuation)).await
    }

    // Whoever asks whether it is there wants to know.
    async fn ping(&self) -> Result<(), StorageError> {
        let answer = self.s3.ping().await;
        self.note("ping", &answer);
        answer
    }
}

#[async_trait]
impl PartStore for Breaker {
    async fn create_multipart(&self, key: &StorageKey, content_type: &str) -> Result<String, StorageError> {
        self.call(key.as_str(), self.s3.create_multipart(key, content_type)).await
    }

    async fn sign_part(
        &self,
        key: &StorageKey,
        upload_id: &str,
        part: (u16, u64),
        expires_at: DateTime<Utc>,
    ) -> Result<Url, StorageError> {
        self.s3.sign_part(key, upload_id, part, expires_at).await
    }

    async fn parts(&self, key: &StorageKey, upload_id: &str) -> Result<Option<Vec<StoredPart>>, StorageError> {
        self.call(key.as_str(), self.s3.parts(key, upload_id)).await
    }

    async fn complete_multipart(
        &self,
        key: &StorageKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<bool, StorageError> {
        self.call(key.as_str(), self.s3.complete_multipart(key, upload_id, parts)).await
    }

    async fn abort_multipart(&self, key: &StorageKey, upload_id: &str) -> Result<(), StorageError> {
        self.call(key.as_str(), self.s3.abort_multipart(key, upload_id)).await
    }

    async fn multiparts(&self, prefix: &str, after: Option<UnfinishedMark>) -> Result<UnfinishedPage, StorageError> {
        self.call("multiparts", self.s3.multiparts(prefix, after)).await
    }
}
