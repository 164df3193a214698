//! How many sockets and operations each caller has open: one caller's many take nothing from the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{domain::caller::CallerKey, measures};

/// What one caller may have.
#[derive(Debug, Clone, Copy)]
pub struct SocketLimits {
    /// Open at once.
    pub sockets: usize,
    /// Running at once, on all sockets together.
    pub operations: usize,
}

#[derive(Debug, Default)]
struct Open {
    sockets: usize,
    operations: usize,
}

/// Everybody who has a socket open.
#[derive(Clone)]
pub(in crate::http) struct OpenSockets {
    limits: SocketLimits,
    open: Arc<Mutex<HashMap<CallerKey, Open>>>,
}

impl OpenSockets {
    pub(in crate::http) fn new(limits: SocketLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// A permit for one more socket; `None` when the caller has too many.
    pub(super) fn admit(&self, caller: CallerKey) -> Option<SocketPermit> {
        let is_admitted = self.with(caller, |open| {
            let is_free = open.sockets < self.limits.sockets;
            open.sockets += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| {
            measures::sockets(1.0);
            SocketPermit { sockets: self.clone(), caller }
        })
    }

    fn with<T>(&self, caller: CallerKey, change: impl FnOnce(&mut Open) -> T) -> T {
        let mut sockets = self.open.lock().unwrap_or_else(PoisonError::into_inner);
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
            let is_free = open.operations < self.sockets.limits.operations;
            open.operations += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| OperationPermit { sockets: self.sockets.clone(), caller: self.caller })
    }
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        measures::sockets(-1.0);
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
