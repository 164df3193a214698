//! Service: webhooks. Tells addresses that users chose of what happens to images, behind the log of events; signed, repeated and kept
//! account of as Standard Webhooks says. Knows no door.

mod deliver;
mod dispatch;
mod endpoints;
mod payload;
mod replay;
mod signature;

use std::sync::Arc;

use chrono::TimeDelta;

pub use self::{
    endpoints::{NewWebhook, SecretWebhook, WebhookChange},
    replay::DeliveryPage,
};
use crate::{
    clock::Clock,
    db::{self, Db},
    domain::{audit::Audited, error::ServiceResult},
    events::Hub,
    outbound::Outbound,
    queue::Queue,
};

/// What the service works with.
pub struct WebhookHands {
    pub db: Db,
    pub queue: Queue,
    pub hub: Hub,
    pub outbound: Outbound,
}

/// The webhook service.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    queue: Queue,
    hub: Hub,
    outbound: Outbound,
    clock: Clock,
    /// What the secrets of webhooks are made from.
    key: Vec<u8>,
    /// How long the account of deliveries is kept.
    retention: TimeDelta,
}

impl Webhooks {
    /// Puts the service together. Secrets are made from the server's; the account of deliveries is kept for `retention`.
    pub fn new(hands: WebhookHands, clock: Clock, secret: &[u8], retention: TimeDelta) -> Self {
        let WebhookHands { db, queue, hub, outbound } = hands;
        let key = [b"webhooks of ".as_slice(), secret].concat();
        Self { inner: Arc::new(Inner { db, queue, hub, outbound, clock, key, retention }) }
    }

    /// Keeps what is being done, in the transaction that does it.
    async fn audit(&self, conn: &impl db::Connection, done: Audited) -> ServiceResult<()> {
        Ok(db::audit::append(conn, &self.inner.clock, done).await?)
    }

    /// Commits what enqueued jobs, and wakes whoever does them.
    async fn commit_jobs(&self, transaction: db::Transaction) -> ServiceResult<()> {
        transaction.commit().await?;
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
        Ok(())
    }
}
