//! How many sockets and operations each visitor has open: one visitor's many take nothing from the others.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::{ids::UserId, user::Caller};

/// How many sockets one visitor may have open.
const MAX_SOCKETS: usize = 64;
/// How many operations one visitor may have running, on all sockets together.
const MAX_OPERATIONS: usize = 200;

/// Whom sockets and operations are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Visitor {
    User(UserId),
    /// Somebody without a token, by the address that they come from.
    Stranger(Option<IpAddr>),
}

#[derive(Debug, Default)]
struct Open {
    sockets: usize,
    operations: usize,
}

/// Everybody who has a socket open.
#[derive(Clone, Default)]
pub(in crate::http) struct Visitors(Arc<Mutex<HashMap<Visitor, Open>>>);

impl Visitors {
    /// A place for one more socket; `None` when the visitor has too many.
    pub(super) fn admit(&self, caller: &Caller, peer: Option<IpAddr>) -> Option<SocketPlace> {
        let visitor = match caller {
            Caller::User { user, .. } => Visitor::User(user.id),
            Caller::Anonymous => Visitor::Stranger(peer),
        };
        let is_admitted = self.with(visitor, |open| {
            let is_free = open.sockets < MAX_SOCKETS;
            open.sockets += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| SocketPlace { visitors: self.clone(), visitor })
    }

    fn with<T>(&self, visitor: Visitor, change: impl FnOnce(&mut Open) -> T) -> T {
        let mut visitors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = visitors.entry(visitor).or_default();
        let outcome = change(open);
        if open.sockets == 0 && open.operations == 0 {
            visitors.remove(&visitor);
        }
        outcome
    }
}

/// A socket's place, given back on drop.
pub(super) struct SocketPlace {
    visitors: Visitors,
    visitor: Visitor,
}

impl SocketPlace {
    /// A place for one more operation; `None` when the visitor has too many.
    pub(super) fn admit_operation(&self) -> Option<OperationPlace> {
        let is_admitted = self.visitors.with(self.visitor, |open| {
            let is_free = open.operations < MAX_OPERATIONS;
            open.operations += usize::from(is_free);
            is_free
        });
        is_admitted.then(|| OperationPlace { visitors: self.visitors.clone(), visitor: self.visitor })
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.visitors.with(self.visitor, |open| open.sockets -= 1);
    }
}

/// An operation's place, given back on drop.
pub(super) struct OperationPlace {
    visitors: Visitors,
    visitor: Visitor,
}

impl Drop for OperationPlace {
    fn drop(&mut self) {
        self.visitors.with(self.visitor, |open| open.operations -= 1);
    }
}
