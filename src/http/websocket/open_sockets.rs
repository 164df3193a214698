//! How many sockets and operations each caller has open: one caller's many take nothing from the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::user::CallerKey;

/// How many sockets one caller may have open.
const MAX_SOCKETS: usize = 64;
/// How many operations one caller may have running, on all sockets together.
const MAX_OPERATIONS: usize = 200;

#[derive(Debug, Default)]
struct Open {
    sockets: usize,
    operations: usize,
}

/// Everybody who has a socket open.
#[derive(Clone, Default)]
pub(in crate::http) struct OpenSockets(Arc<Mutex<HashMap<CallerKey, Open>>>);

impl OpenSockets {
    /// A permit for one more socket; `None` when the caller has too many.
    pub(super) fn admit(&self, caller: CallerKey) -> Option<SocketPermit> {
        let is_admitted = self.with(caller, |open| {
            let is_free = open.sockets < MAX_SOCKETS;
            open.sockets += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| SocketPermit { sockets: self.clone(), caller })
    }

    fn with<T>(&self, caller: CallerKey, change: impl FnOnce(&mut Open) -> T) -> T {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sockets.entry(caller).or_default();
        let outcome = change(open);
        if open.sockets == 0 && open.operations == 0 {
            sockets.remove(&caller);
        }
        outcome
    }
}

/// A socket's permit, given back on drop.
pub(super) struct SocketPermit {
    sockets: OpenSockets,
    caller: CallerKey,
}

impl SocketPermit {
    /// A permit for one more operation; `None` when the caller has too many.
    pub(super) fn admit_operation(&self) -> Option<OperationPermit> {
        let is_admitted = self.sockets.with(self.caller, |open| {
            let is_free = open.operations < MAX_OPERATIONS;
            open.operations += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| OperationPermit { sockets: self.sockets.clone(), caller: self.caller })
    }
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        self.sockets.with(self.caller, |open| open.sockets -= 1);
    }
}

/// An operation's permit, given back on drop.
pub(super) struct OperationPermit {
    sockets: OpenSockets,
    caller: CallerKey,
}

impl Drop for OperationPermit {
    fn drop(&mut self) {
        self.sockets.with(self.caller, |open| open.operations -= 1);
    }
}
