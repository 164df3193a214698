//! Posts that are under way: one for each key, the newest. What the others have written goes with them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// The posts of this process, by their keys.
#[derive(Clone, Default)]
pub(super) struct RunningPosts(Arc<Mutex<Posts>>);

#[derive(Default)]
struct Posts {
    by_key: HashMap<String, Running>,
    begun: u64,
}

struct Running {
    number: u64,
    replaced: CancellationToken,
}

/// One post, until it is dropped.
pub(super) struct RunningPost {
    posts: RunningPosts,
    key: String,
    number: u64,
    replaced: CancellationToken,
}

impl RunningPosts {
    /// Begins a post, and ends the one that ran under this key.
    pub(super) fn begin(&self, key: &str) -> RunningPost {
        let replaced = CancellationToken::new();
        let mut posts = self.lock();
        posts.begun += 1;
        let number = posts.begun;
        if let Some(before) = posts.by_key.remove(key) {
            before.replaced.cancel();
        }
        posts.by_key.insert(key.to_owned(), Running { number, replaced: replaced.clone() });
        RunningPost { posts: self.clone(), key: key.to_owned(), number, replaced }
    }

    fn lock(&self) -> MutexGuard<'_, Posts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningPost {
    /// Waits until another post takes the place of this one.
    pub(super) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for RunningPost {
    fn drop(&mut self) {
        let mut posts = self.posts.lock();
        if posts.by_key.get(&self.key).is_some_and(|running| running.number == self.number) {
            posts.by_key.remove(&self.key);
        }
    }
}
