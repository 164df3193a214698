//! The hub: hands each state to everybody who watches its image or its owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use uuid::Uuid;

use super::{
    mailbox::{Mailbox, Watch},
    nudges::{Nudge, Nudges},
    relay::{Carrier, Happened, Outbox, Relay},
};
use crate::domain::{
    ids::{ImageId, UserId},
    image::Image,
    progress::Progress,
};

/// What can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One image.
    Image(ImageId),
    /// All images of one owner.
    Owner(UserId),
}

/// The watchers of this process.
#[derive(Clone, Default)]
pub struct Hub {
    watchers: Arc<Mutex<HashMap<Topic, Vec<Weak<Mailbox>>>>>,
    nudges: Nudges,
    /// What the other processes are to be told, where there may be any.
    outbox: Arc<OnceLock<Arc<Outbox>>>,
}

impl Hub {
    /// Watches a topic from now on. Subscribe first and read the row afterwards: nothing falls between.
    pub fn watch(&self, topic: Topic) -> Watch {
        let mailbox = Arc::new(Mailbox::default());
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.entry(topic).or_default().push(Arc::downgrade(&mailbox));
        drop(watchers);
        let registry = Arc::clone(&self.watchers);
        Watch::new(mailbox, move || forget_the_gone(&registry, topic))
    }

    /// Connects this process to the others: from now on they are told of what happens here. `id` is this process's own.
    pub fn connect(&self, carrier: Carrier, id: Uuid) -> Relay {
        Relay::start(carrier, id, Arc::clone(self.outbox.get_or_init(Arc::default)))
    }

    /// Tells of a change, here and in the other processes: those who watch the upload, if that is news to them, and those who
    /// read the log, if there are events. To be called after the commit.
    pub fn tell(&self, image: &Image, news: Option<Progress>, has_events: bool) {
        if let Some(outbox) = self.outbox.get().filter(|_| news.is_some() || has_events) {
            outbox.put(Happened {
                image: image.id,
                owner: image.owner,
                revision: image.revision,
                made_ready: news.as_ref().and_then(|news| news.made_ready.clone()),
                is_news: news.is_some(),
                has_events,
            });
        }
        if let Some(news) = news {
            self.publish(news);
        }
        if has_events {
            self.nudge(image.owner);
        }
    }

    /// Tells the other processes that jobs were enqueued. To be called after the commit.
    pub fn tell_of_jobs(&self) {
        if let Some(outbox) = self.outbox.get() {
            outbox.put_jobs();
        }
    }

    /// Tells everybody in this process who watches this image or its owner.
    pub fn publish(&self, progress: Progress) {
        let progress = Arc::new(progress);
        let topics = [Topic::Image(progress.image.id), Topic::Owner(progress.image.owner)];
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let mailboxes = topics.iter().filter_map(|topic| watchers.get(topic)).flatten();
        for mailbox in mailboxes.filter_map(Weak::upgrade) {
            mailbox.put(Arc::clone(&progress));
        }
    }

    /// Waits for what is added to the log of an owner's events. Begin first and read the log afterwards.
    pub fn wait_for_events(&self, owner: UserId) -> Nudge {
        self.nudges.begin(owner)
    }

    /// Tells those in this process who read an owner's events that there are more.
    pub fn nudge(&self, owner: UserId) {
        self.nudges.nudge(owner);
    }

    /// Tells everybody in this process who reads events that there may be more.
    pub fn nudge_all(&self) {
        self.nudges.nudge_all();
    }

    /// Whether anybody reads events.
    pub fn has_event_readers(&self) -> bool {
        self.nudges.has_readers()
    }

    /// Whether anybody watches anything.
    pub fn has_watchers(&self) -> bool {
        !self.watchers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether somebody watches an image, or everything of its owner.
    pub fn is_watched(&self, image: ImageId, owner: UserId) -> bool {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.contains_key(&Topic::Image(image)) || watchers.contains_key(&Topic::Owner(owner))
    }

    /// The images of which somebody watches each alone.
    pub fn watched_images(&self) -> Vec<ImageId> {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = watchers.keys().filter_map(|topic| match topic {
            Topic::Image(id) => Some(*id),
            Topic::Owner(_) => None,
        });
        ids.collect()
    }

    /// How many watch: for metrics and tests.
    pub fn watcher_count(&self) -> usize {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.values().flatten().filter(|mailbox| mailbox.strong_count() > 0).count()
    }
}

fn forget_the_gone(registry: &Mutex<HashMap<Topic, Vec<Weak<Mailbox>>>>, topic: Topic) {
    let mut watchers = registry.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(mailboxes) = watchers.get_mut(&topic) {
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        if mailboxes.is_empty() {
            watchers.remove(&topic);
        }
    }
}
