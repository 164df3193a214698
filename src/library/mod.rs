//! Service: the library that a front end lives in. Decides who sees what; knows no door.

mod categories;
mod find;

use std::sync::Arc;

pub use self::find::{ImagePage, PageRequest};
use crate::{clock::Clock, db::Db, storage::Storage};

/// The library service.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    storage: Storage,
    clock: Clock,
    /// In bytes: no category may allow more.
    max_upload_size: u64,
}

impl Library {
    /// Puts the service together.
    pub fn new(db: Db, storage: Storage, clock: Clock, max_upload_size: u64) -> Self {
        Self { inner: Arc::new(Inner { db, storage, clock, max_upload_size }) }
    }
}
