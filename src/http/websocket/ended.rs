//! Log-ins that end while their sockets are open: one query a moment asks for all of them together.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{accounts::Accounts, domain::ids::SessionId};

/// How soon a socket ends whose log-in was ended, by this process or another one.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The log-ins that have sockets.
#[derive(Clone)]
pub(in crate::http) struct EndedSessions {
    accounts: Accounts,
    watched: Arc<Mutex<HashMap<SessionId, Watched>>>,
    is_looking: Arc<AtomicBool>,
}

struct Watched {
    sockets: usize,
    ended: CancellationToken,
}

/// A socket of a log-in.
pub(super) struct WatchedSession {
    sessions: EndedSessions,
    id: SessionId,
    /// Done when the log-in ends. One for the whole life of the socket: all sockets of a log-in share its lock.
    pub ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl EndedSessions {
    pub(in crate::http) fn new(accounts: Accounts) -> Self {
        Self { accounts, watched: Arc::default(), is_looking: Arc::default() }
    }

    /// Watches a log-in for a socket.
    pub(super) fn watch(&self, id: SessionId) -> WatchedSession {
        let mut watched = self.lock();
        if !self.is_looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.clone().look_again_and_again());
        }
        let one = watched.entry(id).or_insert_with(|| Watched { sockets: 0, ended: CancellationToken::new() });
        one.sockets += 1;
        WatchedSession { sessions: self.clone(), id, ended: Box::pin(one.ended.clone().cancelled_owned()) }
    }

    /// As long as any socket is open.
    async fn look_again_and_again(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let ids: Vec<SessionId> = {
                let watched = self.lock();
                if watched.is_empty() {
                    // Under the lock: whoever comes next begins anew.
                    self.is_looking.store(false, Ordering::Release);
                    return;
                }
                watched.keys().copied().collect()
            };
            match self.accounts.ended_of(&ids).await {
                Ok(ended) => {
                    let watched = self.lock();
                    let tokens = ended.iter().filter_map(|id| watched.get(id));
                    tokens.for_each(|watched| watched.ended.cancel());
                }
                Err(error) => tracing::warn!(error = ?error, "the check for ended sessions failed"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WatchedSession {
    fn drop(&mut self) {
        let mut watched = self.sessions.lock();
        if let Some(one) = watched.get_mut(&self.id) {
            one.sockets -= 1;
            if one.sockets == 0 {
                watched.remove(&self.id);
            }
        }
    }
}
