//! Files that are being sent under a ticket: one for each place, the newest. What the others have written goes with them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::Uri;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{path::ObjectPath, request::is_presigned};

/// What is being sent to this process, by where it goes.
#[derive(Clone, Default)]
pub(super) struct RunningUploads(Arc<Mutex<Uploads>>);

#[derive(Default)]
struct Uploads {
    by_path: HashMap<String, Running>,
    begun: u64,
}

struct Running {
    number: u64,
    ended: CancellationToken,
}

/// One of them, until it is dropped.
pub(super) struct RunningUpload {
    uploads: RunningUploads,
    path: String,
    number: u64,
    ended: CancellationToken,
    received: watch::Sender<u64>,
}

impl RunningUploads {
    /// Begins one, and ends the one that went to the same place.
    pub(super) fn begin(&self, path: &str) -> RunningUpload {
        let ended = CancellationToken::new();
        let mut uploads = self.lock();
        uploads.begun += 1;
        let number = uploads.begun;
        if let Some(before) = uploads.by_path.remove(path) {
            before.ended.cancel();
        }
        uploads.by_path.insert(path.to_owned(), Running { number, ended: ended.clone() });
        RunningUpload {
            uploads: self.clone(),
            path: path.to_owned(),
            number,
            ended,
            received: watch::Sender::default(),
        }
    }

    /// The same for a request by a presigned URL; nothing for one that is signed by its headers, as whoever has the
    /// credentials does, who may send the same twice at once.
    pub(super) fn begin_by_url(&self, uri: &Uri, path: &ObjectPath) -> Option<RunningUpload> {
        is_presigned(uri).then(|| self.begin(path.path()))
    }

    /// Ends what is being sent to a place that is not to be had any more, or below it.
    pub(super) fn end_at(&self, path: &ObjectPath) {
        let is_there =
            |at: &str| at.strip_prefix(path.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.lock().by_path.retain(|at, running| {
            let stays = !is_there(at);
            if !stays {
                running.ended.cancel();
            }
            stays
        });
    }

    fn lock(&self) -> MutexGuard<'_, Uploads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningUpload {
    /// Says how many bytes have come.
    pub(super) fn count(&self, bytes: u64) {
        self.received.send_replace(bytes);
    }

    /// How many bytes have come, from now on until it ends.
    pub(super) fn received(&self) -> watch::Receiver<u64> {
        self.received.subscribe()
    }

    /// Whoever cancels it ends this.
    pub(super) fn unwanted(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Waits until another one takes its place, or nobody wants it any more.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for RunningUpload {
    fn drop(&mut self) {
        let mut uploads = self.uploads.lock();
        if uploads.by_path.get(&self.path).is_some_and(|running| running.number == self.number) {
            uploads.by_path.remove(&self.path);
        }
    }
}
