//! Log-ins and tokens that end while their sockets are open, and users who may do something else than before: one look a
//! moment asks for all of them together.

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

use crate::{accounts::Accounts, domain::caller::Standing};

/// How soon a socket hears of it, whether this process changed it or another one.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What sockets depend on.
#[derive(Clone)]
pub(in crate::http) struct Standings {
    accounts: Accounts,
    watched: Arc<Mutex<HashMap<Standing, Watched>>>,
    is_looking: Arc<AtomicBool>,
}

struct Watched {
    sockets: usize,
    fallen: CancellationToken,
}

/// What one socket depends on.
pub(super) struct WatchedStanding {
    standings: Standings,
    standing: Standing,
    /// Done when it stands no more. One for the whole life of the socket: all sockets of a log-in share its lock.
    pub fallen: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Standings {
    pub(in crate::http) fn new(accounts: Accounts) -> Self {
        Self { accounts, watched: Arc::default(), is_looking: Arc::default() }
    }

    /// Watches it for a socket.
    pub(super) fn watch(&self, standing: Standing) -> WatchedStanding {
        let mut watched = self.lock();
        if !self.is_looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.clone().look_again_and_again());
        }
        let one = watched.entry(standing).or_insert_with(|| Watched { sockets: 0, fallen: CancellationToken::new() });
        one.sockets += 1;
        WatchedStanding { standings: self.clone(), standing, fallen: Box::pin(one.fallen.clone().cancelled_owned()) }
    }

    /// As long as any socket is open.
    async fn look_again_and_again(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let standings: Vec<Standing> = {
                let watched = self.lock();
                if watched.is_empty() {
                    // Under the lock: whoever comes next begins anew.
                    self.is_looking.store(false, Ordering::Release);
                    return;
                }
                watched.keys().copied().collect()
            };
            match self.accounts.fallen_of(&standings).await {
                Ok(fallen) => {
                    let watched = self.lock();
                    let tokens = fallen.iter().filter_map(|standing| watched.get(standing));
                    tokens.for_each(|watched| watched.fallen.cancel());
                }
                Err(error) => tracing::warn!(error = ?error, "the check of the open sockets' credentials failed"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Standing, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WatchedStanding {
    fn drop(&mut self) {
        let mut watched = self.standings.lock();
        if let Some(one) = watched.get_mut(&self.standing) {
            one.sockets -= 1;
            if one.sockets == 0 {
                watched.remove(&self.standing);
            }
        }
    }
}
