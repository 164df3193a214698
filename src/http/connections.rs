//! How many connections there are. Whoever comes when there is no room takes the place of the one that has been idle for
//! longest; the last places are for those who are signed in, and for health checks.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::address::TrustedProxies;

/// One place in so many is kept.
const KEPT: usize = 10;

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
    next: u64,
    addresses: HashMap<IpAddr, OfAddress>,
}

#[derive(Default)]
struct OfAddress {
    count: usize,
    /// Those without a request, the longest idle first.
    idle: BTreeMap<u64, CancellationToken>,
}

/// One connection's place, given back on drop.
pub(super) struct Place {
    connections: Connections,
    address: IpAddr,
    /// Ends the connection.
    pub close: CancellationToken,
    /// Where it is among the idle; zero while it is not.
    idle_at: Mutex<u64>,
    busy: AtomicUsize,
    is_kept: AtomicBool,
}

/// A request that is under way: its connection is not idle.
pub(super) struct Busy(Arc<Place>);

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits: Arc::new(limits), open: Arc::default() }
    }

    /// A place for one more; `None` when all are busy.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Arc<Place>> {
        let mut open = self.lock();
        let of_address = open.addresses.get(&address).map_or(0, |known| known.count);
        if of_address >= self.limits.of_address && !self.limits.proxies.contains(address) {
            open.end_idle(address)?;
        }
        if open.count >= self.limits.all {
            let crowded = open.addresses.iter().filter(|(_, of)| !of.idle.is_empty()).max_by_key(|(_, of)| of.count);
            let crowded = *crowded?.0;
            open.end_idle(crowded)?;
        }
        open.count += 1;
        open.addresses.entry(address).or_default().count += 1;
        let is_kept = open.count > self.limits.all - self.limits.all / KEPT;
        let place = Arc::new(Place {
            connections: self.clone(),
            address,
            close: CancellationToken::new(),
            idle_at: Mutex::new(0),
            busy: AtomicUsize::new(0),
            is_kept: AtomicBool::new(is_kept),
        });
        place.be_idle(&mut open);
        Some(place)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Ends the connection of this address that has been idle for longest. It gives its place back by itself, a moment
    /// later, so for that moment there is one more.
    fn end_idle(&mut self, address: IpAddr) -> Option<()> {
        let (_, close) = self.addresses.get_mut(&address)?.idle.pop_first()?;
        close.cancel();
        Some(())
    }
}

impl Place {
    /// A request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        if self.busy.fetch_add(1, Ordering::AcqRel) == 0 {
            let mut open = self.connections.lock();
            let at = std::mem::take(&mut *self.idle_at.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(of_address) = open.addresses.get_mut(&self.address) {
                of_address.idle.remove(&at);
            }
        }
        Busy(Arc::clone(self))
    }

    fn be_idle(&self, open: &mut Open) {
        open.next += 1;
        let at = open.next;
        *self.idle_at.lock().unwrap_or_else(PoisonError::into_inner) = at;
        let of_address = open.addresses.entry(self.address).or_default();
        of_address.idle.insert(at, self.close.clone());
    }
}

impl Busy {
    /// Whether only those who are signed in, and health checks, are answered here.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_kept.load(Ordering::Relaxed)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut open = self.0.connections.lock();
        if self.0.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.be_idle(&mut open);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.count -= 1;
        let at = *self.idle_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_address) = open.addresses.get_mut(&self.address) {
            of_address.count -= 1;
            of_address.idle.remove(&at);
            if of_address.count == 0 {
                open.addresses.remove(&self.address);
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
        let places: Vec<_> = (0..3).map(|_| connections.admit(address(1)).expect("room")).collect();
        let busy = places[0].begin();
        let fourth = connections.admit(address(1)).expect("room");
        assert_eq!(places.iter().map(|place| place.close.is_cancelled()).collect::<Vec<_>>(), [false, true, false]);
        assert!(connections.admit(address(2)).is_some(), "others are not concerned");
        let all_busy = [places[2].begin(), fourth.begin()];
        assert!(connections.admit(address(1)).is_none(), "nobody is idle");
        drop(busy);
        assert!(connections.admit(address(1)).is_some());
        assert!(places[0].close.is_cancelled());
        drop(all_busy);
    }

    #[test]
    fn the_most_crowded_address_makes_room_and_the_last_places_are_kept() {
        let connections = connections(20, 20);
        let many: Vec<_> = (0..18).map(|_| connections.admit(address(1)).expect("room")).collect();
        assert!(many.iter().all(|place| !place.begin().is_kept()));
        let others = [address(2), address(3)].map(|address| connections.admit(address).expect("room"));
        assert!(others.iter().all(|place| place.begin().is_kept()));
        let last = connections.admit(address(4)).expect("room");
        assert!(many[0].close.is_cancelled() && last.begin().is_kept());
        drop((many, others, last));
        assert_eq!(connections.lock().count, 0);
        assert!(connections.lock().addresses.is_empty());
    }
}
