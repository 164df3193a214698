//! From the log of events to what is sent: each event is looked at once for all webhooks, and becomes a delivery for each that wants it.

use std::collections::HashMap;

use super::{Webhooks, payload};
use crate::{
    db,
    domain::{
        access::Scope,
        error::ServiceResult,
        event::Event,
        ids::{ImageId, UserId, WebhookId},
        image::Image,
        job::{Job, JobError},
        webhook::{Delivery, DeliveryState, Images, Replay, Subject, Webhook},
    },
};

/// How many events are looked at in one transaction.
const PAGE: u64 = 100;

impl Webhooks {
    /// Looks whether there is something new for any webhook, and has it dispatched. To be called every second or so.
    pub async fn look(&self) -> ServiceResult<()> {
        if db::webhooks::is_behind(self.inner.db.conn()).await? {
            let now = self.inner.clock.now();
            self.inner.queue.enqueue(self.inner.db.conn(), Job::DispatchEvents, now).await?;
            self.inner.queue.announce();
        }
        Ok(())
    }

    /// The job: makes deliveries of every event that nobody looked at.
    ///
    /// # Errors
    /// When the database does not answer: what was dispatched until then stays so.
    pub async fn dispatch(&self) -> Result<(), JobError> {
        while self.dispatch_page().await? {}
        Ok(())
    }

    /// Says whether there may be more.
    async fn dispatch_page(&self) -> ServiceResult<bool> {
        let transaction = self.inner.db.begin().await?;
        let Some(first_wanted) = db::webhooks::first_wanted(&transaction).await? else { return Ok(false) };
        let cursor = db::webhooks::cursor(&transaction).await?;
        let from = cursor.max(first_wanted);
        let events = db::event_log::all_behind(&transaction, from, PAGE).await?;
        let last = events.last().map_or(from, |event| event.place);
        if last == cursor || !db::webhooks::advance(&transaction, cursor, last).await? {
            // Nothing is new, or somebody else looks at it.
            return Ok(false);
        }
        let mut owners: Vec<UserId> = events.iter().map(|event| event.what.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        let images = images_of(&transaction, &events).await?;
        for webhook in db::webhooks::listening(&transaction, &owners).await? {
            let new = events.iter().filter(|event| event.place > webhook.after);
            self.put(&transaction, &webhook, new, &images).await?;
        }
        self.commit_jobs(transaction).await?;
        Ok(events.len() as u64 == PAGE)
    }

    /// Makes deliveries of the next events that a webhook is to have once more. Says whether there may be more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn replay_page(&self, id: WebhookId) -> ServiceResult<bool> {
        let transaction = self.inner.db.begin().await?;
        let webhook = db::webhooks::lock(&transaction, id).await?.filter(|webhook| webhook.disabled.is_none());
        let Some(webhook) = webhook else { return Ok(false) };
        let Some(Replay { after, through }) = webhook.replay else { return Ok(false) };
        let events = match webhook.images {
            Images::OfOwner => db::event_log::behind(&transaction, Scope::of_owner(webhook.owner), after, PAGE).await?,
            Images::All => db::event_log::all_behind(&transaction, after, PAGE).await?,
        };
        let is_page_full = events.len() as u64 == PAGE;
        let last = events.last().map_or(through, |event| event.place);
        if db::webhooks::may_listen(&transaction, &webhook).await? {
            let images = images_of(&transaction, &events).await?;
            self.put(&transaction, &webhook, events.iter().filter(|event| event.place <= through), &images).await?;
        }
        let has_more = is_page_full && last < through;
        let replay = has_more.then_some(Replay { after: last, through });
        db::webhooks::update(&transaction, &Webhook { replay, ..webhook }).await?;
        self.commit_jobs(transaction).await?;
        Ok(has_more)
    }

    /// Adds the deliveries of what a webhook wants, and has them sent.
    async fn put(
        &self,
        transaction: &db::Transaction,
        webhook: &Webhook,
        events: impl Iterator<Item = &Event> + Send,
        images: &HashMap<ImageId, Image>,
    ) -> ServiceResult<()> {
        let now = self.inner.clock.now();
        let deliveries: Vec<Delivery> = events
            .filter(|event| webhook.wants(&event.what))
            .map(|event| {
                let Event { place, what } = *event;
                let subject = Subject::Event { place, kind: what.kind, image: what.image };
                Delivery {
                    id: webhook.delivery_of(place),
                    webhook: webhook.id,
                    subject,
                    payload: payload::of_event(subject, event, images.get(&what.image)),
                    state: DeliveryState::Pending { due_at: now },
                    attempts: 0,
                    last: None,
                    created_at: now,
                }
            })
            .collect();
        if deliveries.is_empty() {
            return Ok(());
        }
        db::webhook_deliveries::put(transaction, &deliveries).await?;
        self.send_soon(transaction, webhook.id).await
    }

    /// Has what is due at a webhook sent now, though it may wait for a later attempt at something else.
    pub(super) async fn send_soon(&self, transaction: &db::Transaction, webhook: WebhookId) -> ServiceResult<()> {
        let job = Job::Deliver { webhook };
        self.inner.queue.withdraw(transaction, job).await?;
        Ok(self.inner.queue.enqueue(transaction, job, self.inner.clock.now()).await?)
    }
}

async fn images_of(conn: &impl db::Connection, events: &[Event]) -> ServiceResult<HashMap<ImageId, Image>> {
    let mut ids: Vec<ImageId> = events.iter().map(|event| event.what.image).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(db::images::find_many(conn, &ids).await?.into_iter().map(|image| (image.id, image)).collect())
}
