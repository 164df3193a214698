//! Slots: how many jobs of each kind run at once. No owner has all of a kind: one in four is kept for whoever comes next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{ids::UserId, job::JobKind},
    queue::FreeKind,
};

/// Jobs that wait for the storage or the database most of the time.
const OF_UPKEEP: usize = 4;

/// What runs in this process.
#[derive(Clone)]
pub(super) struct Slots {
    of_images: usize,
    running: Arc<Mutex<HashMap<JobKind, Running>>>,
}

#[derive(Default)]
struct Running {
    all: usize,
    of_owners: HashMap<UserId, usize>,
}

/// One running job, counted until it is dropped.
pub(super) struct Slot {
    slots: Slots,
    kind: JobKind,
    owner: Option<UserId>,
}

impl Slots {
    /// With so many for the processing of images.
    pub(super) fn new(of_images: usize) -> Self {
        Self { of_images, running: Arc::default() }
    }

    /// How many there are of all kinds.
    pub(super) const fn in_all(of_images: usize) -> usize {
        of_images + 5 * OF_UPKEEP + 6
    }

    const fn of_kind(&self, kind: JobKind) -> usize {
        match kind {
            JobKind::Process => self.of_images,
            JobKind::CompleteUnattended | JobKind::Discard | JobKind::Forget | JobKind::SendMail | JobKind::Deliver => {
                OF_UPKEEP
            }
            JobKind::Sweep
            | JobKind::Index
            | JobKind::Regenerate
            | JobKind::RemoveUser
            | JobKind::ExportData
            | JobKind::DispatchEvents => 1,
        }
    }

    /// The kinds that there are slots for, each with the owners who have as many as one may. With one slot alone, owners
    /// take turns in it.
    pub(super) fn free(&self) -> Vec<FreeKind> {
        let running = self.lock();
        let none = Running::default();
        let free = JobKind::ALL.into_iter().filter_map(|kind| {
            let (slots, running) = (self.of_kind(kind), running.get(&kind).unwrap_or(&none));
            let of_one = slots.saturating_sub(slots.div_ceil(4)).max(1);
            let busy = running.of_owners.iter().filter(|(_, count)| **count >= of_one).map(|(owner, _)| *owner);
            (running.all < slots).then(|| FreeKind { kind, busy: busy.collect() })
        });
        free.collect()
    }

    /// Counts one more, until the slot is dropped.
    pub(super) fn take(&self, kind: JobKind, owner: Option<UserId>) -> Slot {
        let mut running = self.lock();
        let of_kind = running.entry(kind).or_default();
        of_kind.all += 1;
        if let Some(owner) = owner {
            *of_kind.of_owners.entry(owner).or_insert(0) += 1;
        }
        Slot { slots: self.clone(), kind, owner }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobKind, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.slots.lock();
        let Some(of_kind) = running.get_mut(&self.kind) else { return };
        of_kind.all -= 1;
        let Some(owner) = self.owner else { return };
        if let Some(count) = of_kind.of_owners.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                of_kind.of_owners.remove(&owner);
            }
        }
    }
}
