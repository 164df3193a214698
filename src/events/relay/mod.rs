//! Between processes: what happened in one is told to the others, over PostgreSQL's NOTIFY or over Redis.
//!
//! Carries hints, never states: whoever hears one reads the rows. So a hint that is lost costs time alone, and after each gap
//! everything is looked at again.

mod link;
mod message;
mod outbox;
mod postgres;
mod redis;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

pub use self::message::{Happened, Hints};
pub(super) use self::outbox::Outbox;
use self::{
    link::{Link, LinkError},
    message::Message,
};
use crate::measures;

/// How often a process says something, if only to itself: whoever does not hear its own words is cut off.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a process that is not cut off may go without hearing itself.
const SILENCE: Duration = Duration::from_secs(10);
/// How soon a broken connection is made again, at first and at most.
const RETRY_AFTER: Duration = Duration::from_millis(200);
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(5);
/// How many messages wait for whoever reads rows; when there are more, everything is looked at again.
const WAITING: usize = 1024;

/// What carries hints.
#[derive(Clone, PartialEq, Eq)]
pub enum Carrier {
    /// The database, by its URL.
    Postgres(String),
    /// Redis or Valkey, by its URL, and the channel that the processes of one installation share.
    Redis { url: String, channel: String },
}

impl Carrier {
    /// Sends a heartbeat as `id`, and waits until it is heard.
    ///
    /// # Errors
    /// When it cannot be sent, or is not heard.
    pub async fn try_out(&self, id: Uuid) -> anyhow::Result<()> {
        let trying = async {
            let mut link = Link::open(self).await?;
            link.send(&Message { from: id, hints: Hints::default() }.to_text()?).await?;
            while Message::from_text(&link.receive().await?).is_none_or(|message| message.from != id) {}
            Ok::<_, LinkError>(())
        };
        Ok(tokio::time::timeout(SILENCE, trying).await.map_err(|_| LinkError::Silent)??)
    }
}

/// What was heard of the other processes.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Hints(Hints),
    /// Some may have been missed: everything has to be looked at again.
    Gap,
}

/// A process's connection to the others.
pub struct Relay {
    heard: mpsc::Receiver<Heard>,
    is_connected: Arc<AtomicBool>,
}

/// Keeps the connection.
struct Keeper {
    carrier: Carrier,
    /// Who sends, so that nobody listens to themselves.
    id: Uuid,
    outbox: Arc<Outbox>,
    heard: mpsc::Sender<Heard>,
    /// What was heard did not fit into the queue.
    has_gap: bool,
    is_connected: Arc<AtomicBool>,
}

impl Relay {
    /// Connects, and goes on trying. What is put into the outbox is told to the others from now on.
    pub(super) fn start(carrier: Carrier, id: Uuid, outbox: Arc<Outbox>) -> Self {
        let (to, heard) = mpsc::channel(WAITING);
        let is_connected = Arc::new(AtomicBool::new(false));
        let keeper = Keeper { carrier, id, outbox, heard: to, has_gap: false, is_connected: Arc::clone(&is_connected) };
        tokio::spawn(keeper.keep());
        Self { heard, is_connected }
    }

    /// What is heard next.
    pub async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // The runtime ends.
            None => std::future::pending().await,
        }
    }

    /// All that waits to be heard, after the first: so that rows are read once for all of it.
    pub fn try_next(&mut self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }

    /// Tells whether hints arrive now, in both directions.
    pub fn connectivity(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_connected)
    }
}

impl Keeper {
    /// Until nobody listens any more.
    async fn keep(mut self) {
        let mut pause = RETRY_AFTER;
        loop {
            let (began, listener) = (Instant::now(), self.heard.clone());
            let error = tokio::select! {
                Err(error) = self.connect_and_carry() => error,
                () = listener.closed() => return,
            };
            measures::set("darkroom_relay_connected", 0);
            if self.is_connected.swap(false, Ordering::Relaxed) || pause == RETRY_AFTER {
                tracing::warn!(%error, "the connection to the other processes broke; they are heard of late until it is back");
            }
            pause = if began.elapsed() > SILENCE { RETRY_AFTER } else { (pause * 2).min(RETRY_AFTER_AT_MOST) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect_and_carry(&mut self) -> Result<std::convert::Infallible, LinkError> {
        let mut link =
            tokio::time::timeout(SILENCE, Link::open(&self.carrier)).await.map_err(|_| LinkError::Silent)??;
        // Whatever happened before, nobody was told of it: neither those here nor those there.
        self.outbox.put_gap();
        self.hear(Heard::Gap);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut cut_off = Instant::now() + SILENCE;
        // The first of the messages that this process has sent and not heard yet.
        let mut sent: Option<Instant> = None;
        loop {
            tokio::select! {
                text = link.receive() => {
                    if self.take_in(&text?) {
                        cut_off = Instant::now() + SILENCE;
                        if let Some(sent) = sent.take() {
                            measures::relay_round_trip(sent.elapsed());
                        }
                        measures::set("darkroom_relay_connected", 1);
                        if !self.is_connected.swap(true, Ordering::Relaxed) {
                            tracing::info!("connected to the other processes");
                        }
                    }
                }
                // What happens while this is sent goes together the next time.
                () = self.outbox.filled() => {
                    sent.get_or_insert_with(Instant::now);
                    self.send(&mut link).await?;
                }
                _ = heartbeat.tick() => {
                    sent.get_or_insert_with(Instant::now);
                    self.send(&mut link).await?;
                }
                () = tokio::time::sleep_until(cut_off) => return Err(LinkError::Silent),
            }
        }
    }

    /// Sends as much as one message has room for; if there is nothing, a heartbeat.
    async fn send(&self, link: &mut Link) -> Result<(), LinkError> {
        let text = Message { from: self.id, hints: self.outbox.take() }.to_text()?;
        tokio::time::timeout(SILENCE, link.send(&text)).await.map_err(|_| LinkError::Silent)?
    }

    /// Says whether the message was our own.
    fn take_in(&mut self, text: &str) -> bool {
        match Message::from_text(text) {
            Some(message) if message.from == self.id => return true,
            Some(message) if message.hints.has_gap => self.hear(Heard::Gap),
            Some(message) if message.hints == Hints::default() => {}
            Some(message) => self.hear(Heard::Hints(message.hints)),
            // Of a version that says it in another way.
            None => self.hear(Heard::Gap),
        }
        false
    }

    fn hear(&mut self, heard: Heard) {
        let heard = if self.has_gap { Heard::Gap } else { heard };
        self.has_gap = self.heard.try_send(heard).is_err();
    }
}
