//! The one way to change an image: lock it, decide, write what follows, commit, tell.
//!
//! The services `uploads` and `library` decide; here it is written. What they decide is a `Change`, plain domain code;
//! its rows, its jobs and its events are written in one transaction, and whoever watches is told after the commit.
//! Knows no door and no other service. `tests/it/layers.rs` fails where anybody else writes an image's row.

mod add;
mod batch;
mod follow;
mod give;
mod quota;
mod write;

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use serde_json::json;

pub use self::{
    add::Added,
    follow::{Follow, Followed},
};
use self::{follow::Seen, write::Written};
use crate::{
    clock::Clock,
    db::{self, Db},
    domain::{
        audit::{AuditAction, Audited},
        change::{Change, Locked},
        error::{Refusal, ServiceError, ServiceResult},
        event::{Actor, EventKind, NewEvent},
        ids::ImageId,
        image::Image,
        sharing::ShareAccess,
        ticket::Unfinished,
    },
    events::Hub,
    measures,
    queue::Queue,
};

/// What a decision about a locked image comes to: `None` leaves it as it is.
pub type Decision = ServiceResult<Option<Change>>;

/// How much each user may have.
#[derive(Debug, Clone, Copy)]
pub struct QuotaRules {
    /// In bytes: what each user may have in the storage; `None` is as much as they like.
    pub storage_quota: Option<u64>,
    /// How many unfinished uploads each user may have, and of how many bytes together; `None` is as many as they like.
    pub max_unfinished: Option<Unfinished>,
    /// How long a ticket is good for.
    pub ticket_life: TimeDelta,
}

/// Writes every change of an image.
#[derive(Clone)]
pub struct Changes {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    queue: Queue,
    hub: Hub,
    clock: Clock,
    rules: QuotaRules,
    seen: Seen,
}

impl Changes {
    /// Puts the service together.
    pub fn new(db: Db, queue: Queue, hub: Hub, clock: Clock, rules: QuotaRules) -> Self {
        Self { inner: Arc::new(Inner { db, queue, hub, clock, rules, seen: Seen::default() }) }
    }

    /// Changes one image as `decide` says, which sees it under its lock.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, whatever `decide` refuses, and `QUOTA_EXCEEDED`; then nothing is changed.
    pub fn change<'a>(
        &'a self,
        id: ImageId,
        actor: Actor,
        decide: impl FnOnce(&Locked) -> Decision + Send + 'a,
    ) -> BoxFuture<'a, ServiceResult<Image>> {
        // In a box: it is a part of so many futures, and not a small one.
        Box::pin(async move {
            let transaction = self.inner.db.begin().await?;
            let image = db::image_writes::lock(&transaction, id).await?.ok_or_else(Refusal::image_not_found)?;
            let variants = db::variants::of_image(&transaction, id).await?;
            let shared = shared_with(&transaction, actor, std::slice::from_ref(&image)).await?.remove(&id);
            let before = Locked { image, variants, shared };
            let Some(change) = decide(&before)? else { return Ok(before.image) };
            let written = self.write(&transaction, actor, before, change).await?;
            let image = written.image.clone();
            self.commit(transaction, vec![written]).await?;
            Ok(image)
        })
    }

    /// Writes the events, commits, then wakes the worker and tells the watchers: all of it or, where it fails, nothing,
    /// also when whoever waits for it is gone meanwhile.
    async fn commit(&self, transaction: db::Transaction, written: Vec<Written>) -> ServiceResult<()> {
        let inner = Arc::clone(&self.inner);
        let committed = tokio::spawn(async move {
            let deletions = written.iter().flat_map(|written| &written.events).filter_map(deletion);
            db::audit::append_many(&transaction, &inner.clock, deletions).await?;
            // Last of all: from here on, whoever else has something for the log waits.
            let events: Vec<_> = written.iter().flat_map(|written| &written.events).copied().collect();
            db::event_log::append(&transaction, &events).await?;
            transaction.commit().await?;
            inner.queue.announce();
            if written.iter().any(|written| written.has_jobs) {
                inner.hub.tell_of_jobs();
            }
            for Written { image, news, events, .. } in written {
                for event in &events {
                    measures::change(event.kind.name());
                }
                inner.hub.tell(&image, news, !events.is_empty());
            }
            Ok(())
        });
        committed.await.map_err(|error| ServiceError::Internal(error.into()))?
    }
}

/// What the audit log has of an event: who deleted an image.
fn deletion(event: &NewEvent) -> Option<Audited> {
    let is_permanent = event.kind == EventKind::Deleted;
    let is_deletion = is_permanent || event.kind == EventKind::Trashed;
    let deleted = Audited::new(AuditAction::ImageDeleted, event.actor, Some(event.image.0));
    let about = json!({"ownerId": event.owner, "permanently": is_permanent});
    (is_deletion && event.actor != Actor::System).then(|| deleted.with(about))
}

/// What was shared of others' images with whoever changes them.
async fn shared_with(
    transaction: &db::Transaction,
    actor: Actor,
    images: &[Image],
) -> ServiceResult<HashMap<ImageId, ShareAccess>> {
    match actor {
        Actor::User(user, _) => Ok(db::shares::access_to_images(transaction, user, images).await?),
        Actor::Anonymous(_) | Actor::System => Ok(HashMap::new()),
    }
}
