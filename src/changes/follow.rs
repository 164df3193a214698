//! Following the log of events: what happened to a user's images, from a place on and without end.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;

use super::Changes;
use crate::{
    db,
    domain::{
        access::Scope,
        caller::{Caller, TokenScope},
        error::{ServiceError, ServiceResult},
        event::{Event, Place},
        ids::ImageId,
        image::{Image, ImageStatus},
    },
    events::Nudge,
    tasks::in_task,
};

/// How many events are read at once.
const PAGE: u64 = 100;
/// How many events of all owners one look takes in.
const LOOK: u64 = 10_000;
/// How soon a page that could not be read is read again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a reader to whose images nothing happens stays at its place: far less than events are kept.
const STEP_EVERY: Duration = Duration::from_mins(10);

/// An event, and its image as it is now.
#[derive(Debug, Clone)]
pub struct Followed {
    pub event: Event,
    /// `None` once it is deleted.
    pub image: Option<Arc<Image>>,
}

/// Reads a user's events, one after the other.
pub struct Follow {
    changes: Changes,
    scope: Scope,
    place: Place,
    nudge: Nudge,
    read: VecDeque<Followed>,
}

/// How far this process has looked for what others added to the log.
pub(super) type Seen = Mutex<Option<Place>>;

impl Follow {
    /// The next event.
    ///
    /// # Errors
    /// `ResyncRequired` where the log does not reach back to the reader's place any more.
    pub async fn next(&mut self) -> ServiceResult<Followed> {
        loop {
            if let Some(followed) = self.read.pop_front() {
                return Ok(followed);
            }
            let (changes, scope, place) = (self.changes.clone(), self.scope, self.place);
            match in_task(async move { changes.read_page(scope, place).await }).await {
                Ok((page, place)) => {
                    self.place = place;
                    if page.is_empty() {
                        // Looked again by the clock too: whoever stands still for long is behind the end of the log.
                        let _ = tokio::time::timeout(STEP_EVERY, self.nudge.wait()).await;
                    }
                    self.read = page;
                }
                Err(ServiceError::ResyncRequired) => return Err(ServiceError::ResyncRequired),
                Err(error) => {
                    tracing::warn!(error = ?error, "reading a page of events failed; it will be retried");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }
}

impl Changes {
    /// The place of the last event there is.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn end_of_log(&self, caller: &Caller) -> ServiceResult<Place> {
        caller.acting(TokenScope::Read)?;
        Ok(db::event_log::end(self.inner.db.conn()).await?)
    }

    /// Follows what happens to the caller's own images: behind a place, or from now on.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller; `ResyncRequired` where the log does not reach back that far.
    pub async fn follow(&self, caller: &Caller, behind: Option<Place>) -> ServiceResult<Follow> {
        let scope = Scope::of(caller)?;
        let nudge = self.inner.hub.wait_for_events(scope.owner());
        let end = db::event_log::end(self.inner.db.conn()).await?;
        let place = behind.unwrap_or(end);
        // What is ahead of the end is a place in another database's log, or in one that was restored.
        if place > end || place < db::event_log::removed_through(self.inner.db.conn()).await? {
            return Err(ServiceError::ResyncRequired);
        }
        Ok(Follow { changes: self.clone(), scope, place, nudge, read: VecDeque::new() })
    }

    /// The next events of a scope behind a place, and the place up to which that is all of them.
    async fn read_page(&self, scope: Scope, behind: Place) -> ServiceResult<(VecDeque<Followed>, Place)> {
        let conn = self.inner.db.conn();
        // Asked first: whoever has no event up to here goes on from here, however long nothing happens to their images.
        let end = db::event_log::end(conn).await?;
        // The log went back: another database took over without its last events.
        if behind > end {
            return Err(ServiceError::ResyncRequired);
        }
        let events = db::event_log::behind(conn, scope, behind, PAGE).await?;
        // Asked afterwards: what was removed before the page was read is missing from it.
        if behind < db::event_log::removed_through(conn).await? {
            return Err(ServiceError::ResyncRequired);
        }
        let mut ids: Vec<ImageId> = events.iter().map(|event| event.what.image).collect();
        ids.sort_unstable();
        ids.dedup();
        let images = db::images::find_many(conn, &ids).await?.into_iter();
        let images: HashMap<ImageId, Arc<Image>> = images
            .filter(|image| image.status() != ImageStatus::Deleted)
            .map(|image| (image.id, Arc::new(image)))
            .collect();
        let place = events.last().map_or(end, |last| last.place);
        let followed = |event: Event| Followed { event, image: images.get(&event.what.image).cloned() };
        Ok((events.into_iter().map(followed).collect(), place))
    }

    /// Looks for events that other processes wrote, and tells those who follow: two queries, however many they are.
    pub async fn look_for_events(&self) -> ServiceResult<()> {
        if !self.inner.hub.has_event_readers() {
            *self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(());
        }
        let seen = *self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = self.inner.db.conn();
        let end = db::event_log::end(conn).await?;
        let now_seen = if let Some(seen) = seen.filter(|seen| *seen <= end) {
            let (owners, last) = db::event_log::owners_behind(conn, seen, LOOK).await?;
            for owner in owners {
                self.inner.hub.nudge(owner);
            }
            last
        } else {
            // Whoever began to read before this may have missed something in between.
            self.inner.hub.nudge_all();
            end
        };
        *self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(now_seen);
        Ok(())
    }

    /// Removes the events that are older than they are kept.
    ///
    /// # Errors
    /// When the database does not answer: what was removed until then stays so.
    pub async fn remove_old_events(&self, retention: TimeDelta) -> ServiceResult<()> {
        let now = self.inner.clock.now();
        loop {
            let transaction = self.inner.db.begin().await?;
            let has_more = db::event_log::remove_some(&transaction, now - retention, now).await?;
            transaction.commit().await?;
            if !has_more {
                return Ok(());
            }
        }
    }
}
