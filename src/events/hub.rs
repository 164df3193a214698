//! The hub: hands each state to everybody who watches its image or its owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{
    mailbox::{Mailbox, Watch},
    nudges::{Nudge, Nudges},
};
use crate::domain::{
    ids::{ImageId, UserId},
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

    /// Tells everybody who watches this image or its owner. To be called after the commit.
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

    /// Tells those who read an owner's events that there are more. To be called after the commit.
    pub fn nudge(&self, owner: UserId) {
        self.nudges.nudge(owner);
    }

    /// Tells everybody who reads events that there may be more.
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
