//! Whether the database is away: operations are then refused at once, in place of each waiting for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{clock::Clock, db::Db, measures};

/// How long an operation may take before it is asked whether the database is there.
const SLOW: Duration = Duration::from_secs(2);
/// How long the database may take to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often in a row it gives none before it is taken to be away: all connections may be busy for a moment.
const SILENT: u32 = 2;
/// After how long it is asked again while it is away; and up to twice as long, so that processes do not ask together.
const AGAIN: TimeDelta = TimeDelta::milliseconds(500);

/// What is known of the database.
#[derive(Clone)]
pub(super) struct Outage(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    is_asking: AtomicBool,
    is_away: watch::Sender<bool>,
}

/// The database is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    /// Nothing was begun.
    Already,
    /// It was seen to be while something waited for it, which may have been done.
    Since,
}

impl Outage {
    pub(super) fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, clock, is_asking: AtomicBool::new(false), is_away: watch::Sender::new(false) }))
    }

    /// Does what needs the database, unless that is away, or turns out to be.
    pub(super) async fn unless_away<T>(&self, work: impl Future<Output = T>) -> Result<T, Away> {
        if *self.0.is_away.borrow() {
            return Err(Away::Already);
        }
        let watched = async {
            sleep(SLOW).await;
            self.suspect();
            // Its sender is `self`.
            let _ = self.0.is_away.subscribe().wait_for(|is_away| *is_away).await;
        };
        tokio::select! {
            outcome = work => Ok(outcome),
            () = watched => Err(Away::Since),
        }
    }

    /// Has the database asked for a sign of life, until it gives one.
    pub(super) fn suspect(&self) {
        if !self.0.is_asking.swap(true, Ordering::AcqRel) {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move {
                inner.ask().await;
                inner.is_asking.store(false, Ordering::Release);
            });
        }
    }
}

impl Inner {
    async fn ask(&self) {
        let mut silent = 0;
        while !matches!(timeout(PATIENCE, self.db.ping()).await, Ok(Ok(()))) {
            silent += 1;
            if silent >= SILENT && !self.is_away.send_replace(true) {
                measures::available("database", false);
                tracing::error!("the database does not answer: operations are refused until it does");
            }
            let more = self.clock.jitter(AGAIN).to_std().unwrap_or_default();
            sleep(AGAIN.to_std().unwrap_or_default() + more).await;
        }
        if self.is_away.send_replace(false) {
            measures::available("database", true);
            tracing::info!("the database answers again");
        }
    }
}
