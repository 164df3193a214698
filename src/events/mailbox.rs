//! A watcher's mailbox: the newest state of each image, and of none more than one.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::{ids::ImageId, progress::Progress};

#[derive(Default)]
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    news: Notify,
}

#[derive(Default)]
struct Letters {
    newest: HashMap<ImageId, Arc<Progress>>,
    /// The images in the order in which their letters are due.
    order: VecDeque<ImageId>,
}

impl Mailbox {
    /// Puts a state in the place of an older one of the same image.
    pub(super) fn put(&self, progress: Arc<Progress>) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let id = progress.image.id;
        match letters.newest.get(&id) {
            Some(known) if known.image.revision >= progress.image.revision => return,
            Some(_) => {}
            None => letters.order.push_back(id),
        }
        letters.newest.insert(id, progress);
        drop(letters);
        self.news.notify_one();
    }

    fn take(&self) -> Option<Arc<Progress>> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let id = letters.order.pop_front()?;
        letters.newest.remove(&id)
    }
}

/// One watcher's end. Dropping it ends the watch.
pub struct Watch {
    // Taken on drop, before the registry looks for mailboxes that nobody holds.
    mailbox: Option<Arc<Mailbox>>,
    on_drop: Box<dyn Fn() + Send + Sync>,
}

impl Watch {
    pub(super) fn new(mailbox: Arc<Mailbox>, on_drop: impl Fn() + Send + Sync + 'static) -> Self {
        Self { mailbox: Some(mailbox), on_drop: Box::new(on_drop) }
    }

    /// The next state. Of an image that changed several times since, only the newest.
    /// Safe to drop and call again: nothing is taken until it is returned.
    pub async fn next(&mut self) -> Arc<Progress> {
        loop {
            let Some(mailbox) = &self.mailbox else { std::future::pending().await };
            if let Some(progress) = mailbox.take() {
                return progress;
            }
            mailbox.news.notified().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.mailbox.take());
        (self.on_drop)();
    }
}
