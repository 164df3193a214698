//! How many connections there are. Whoever comes when there is no room takes the permit of the one that has been idle for
//! longest; the last permits are for those who are signed in, and for health checks.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::address::TrustedProxies;
use crate::domain::caller::CallerKey;

/// One permit in so many is kept.
const KEPT: usize = 10;
/// Whoever has more than one permit in so many is a crowd.
const CROWD: usize = 8;

/// What the operator decided about connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    pub all: usize,
    /// Of an address that is no trusted proxy.
    pub of_address: usize,
    pub proxies: TrustedProxies,
}

/// All connections of this process.
#[derive(Clone)]
pub(super) struct Connections {
    limits: Arc<ConnectionLimits>,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    count: usize,
    /// Those with a request under way, and sockets.
    busy: usize,
    next: u64,
    callers: HashMap<CallerKey, OfCaller>,
}

#[derive(Default)]
struct OfCaller {
    count: usize,
    /// Those without a request, the longest idle first.
    idle: BTreeMap<u64, CancellationToken>,
}

/// One connection's permit, given back on drop.
pub(super) struct ConnectionPermit {
    connections: Connections,
    /// Of IPv6 the network: one household has all of its addresses.
    caller: CallerKey,
    /// Ends the connection.
    pub close: CancellationToken,
    state: Mutex<PlaceState>,
}

#[derive(Default)]
struct PlaceState {
    /// Where it is among the idle; zero while it is not.
    idle_at: u64,
    requests: usize,
}

/// A request that is under way: its connection is not idle.
pub(super) struct Busy {
    permit: Arc<ConnectionPermit>,
    is_kept: bool,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits: Arc::new(limits), open: Arc::default() }
    }

    /// A permit for one more; `None` when all are busy.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Arc<ConnectionPermit>> {
        let caller = CallerKey::of_address(address);
        let mut open = self.lock();
        let of_caller = open.callers.get(&caller).map_or(0, |known| known.count);
        if of_caller >= self.limits.of_address && !self.limits.proxies.contains(address) {
            open.end_idle(caller)?;
        } else if open.count >= self.limits.all {
            let leaves = open.who_leaves(self.limits.all)?;
            open.end_idle(leaves)?;
        }
        open.count += 1;
        open.callers.entry(caller).or_default().count += 1;
        let permit = ConnectionPermit {
            connections: self.clone(),
            caller,
            close: CancellationToken::new(),
            state: Mutex::default(),
        };
        permit.be_idle(&mut open);
        drop(open);
        Some(Arc::new(permit))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Whoever has far more than others; otherwise whoever has been idle for longest.
    fn who_leaves(&self, all: usize) -> Option<CallerKey> {
        let with_idle = || self.callers.iter().filter(|(_, of)| !of.idle.is_empty());
        let crowded = with_idle().max_by_key(|(_, of)| of.count).filter(|(_, of)| of.count > all / CROWD);
        let longest = || with_idle().min_by_key(|(_, of)| of.idle.keys().next().copied());
        crowded.or_else(longest).map(|(caller, _)| *caller)
    }

    /// Ends the connection of this caller that has been idle for longest. It gives its permit back by itself, a moment
    /// later, so for that moment there is one more.
    fn end_idle(&mut self, caller: CallerKey) -> Option<()> {
        let (_, close) = self.callers.get_mut(&caller)?.idle.pop_first()?;
        close.cancel();
        Some(())
    }
}

impl ConnectionPermit {
    /// A request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        let mut open = self.connections.lock();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        if state.requests == 1 {
            open.busy += 1;
            let at = std::mem::take(&mut state.idle_at);
            if let Some(of_caller) = open.callers.get_mut(&self.caller) {
                of_caller.idle.remove(&at);
            }
        }
        let all = self.connections.limits.all;
        Busy { permit: Arc::clone(self), is_kept: open.busy > all - all / KEPT }
    }

    fn be_idle(&self, open: &mut Open) {
        open.next += 1;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle_at = open.next;
        let of_caller = open.callers.entry(self.caller).or_default();
        of_caller.idle.insert(open.next, self.close.clone());
    }
}

impl Busy {
    /// Whether so many requests are under way that only those who are signed in, and health checks, are answered.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut open = self.permit.connections.lock();
        let is_idle = {
            let mut state = self.permit.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.requests -= 1;
            state.requests == 0
        };
        if is_idle {
            open.busy -= 1;
            self.permit.be_idle(&mut open);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.count -= 1;
        let at = self.state.lock().unwrap_or_else(PoisonError::into_inner).idle_at;
        if let Some(of_caller) = open.callers.get_mut(&self.caller) {
            of_caller.count -= 1;
            of_caller.idle.remove(&at);
            if of_caller.count == 0 {
                open.callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, of_address: usize) -> Connections {
        Connections::new(ConnectionLimits { all, of_address, proxies: TrustedProxies::default() })
    }

    fn address(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn who_has_been_idle_for_longest_makes_room() {
        let connections = connections(100, 3);
        let permits: Vec<_> = (0..3).map(|_| connections.admit(address(1)).expect("room")).collect();
        let busy = permits[0].begin();
        let fourth = connections.admit(address(1)).expect("room");
        assert_eq!(permits.iter().map(|permit| permit.close.is_cancelled()).collect::<Vec<_>>(), [false, true, false]);
        assert!(connections.admit(address(2)).is_some(), "others are not concerned");
        let all_busy = [permits[2].begin(), fourth.begin()];
        assert!(connections.admit(address(1)).is_none(), "nobody is idle");
        drop(busy);
        assert!(connections.admit(address(1)).is_some());
        assert!(permits[0].close.is_cancelled());
        drop(all_busy);
    }

    #[test]
    fn a_crowd_makes_room_first_and_a_network_is_one_caller() {
        let connections = connections(20, 20);
        let guest = connections.admit(address(9)).expect("room");
        let many: Vec<_> = (0..19_u16)
            .map(|last| {
                let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last);
                connections.admit(address.into()).expect("room")
            })
            .collect();
        let last = connections.admit(address(4)).expect("room");
        assert!(many[0].close.is_cancelled() && !guest.close.is_cancelled(), "though the guest is idle for longer");
        drop((many, guest, last));
        assert_eq!(connections.lock().count, 0);
        assert!(connections.lock().callers.is_empty());
    }

    #[test]
    fn the_last_places_are_kept_by_how_many_are_busy_now() {
        let connections = connections(20, 20);
        let permits: Vec<_> = (0..20).map(|last| connections.admit(address(last)).expect("room")).collect();
        assert!(!permits[19].begin().is_kept(), "nineteen are idle");
        let busy: Vec<_> = permits[..18].iter().map(ConnectionPermit::begin).collect();
        assert!(busy.iter().all(|busy| !busy.is_kept()) && permits[18].begin().is_kept());
        drop(busy);
        assert!(!permits[18].begin().is_kept(), "and not for ever");
    }
}
