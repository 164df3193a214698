//! Service: the library that a front end lives in. Decides who sees what; knows no door.

mod categories;
mod cursor;
mod edit;
mod export;
mod find;
mod list;
mod seed;
mod similar;
mod stats;

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;

use self::cursor::CursorSigner;
pub use self::{
    edit::{BatchEdit, ImageEdit},
    list::{FilterRequest, ImagePage, PageRequest, Take},
};
use crate::{
    changes::Changes,
    clock::Clock,
    db::Db,
    domain::{category::Category, error::ServiceResult, ids::CategoryId},
    events::Hub,
    queue::Queue,
    storage::Storage,
    ttl_cache::TtlCache,
};

/// How late another process's change of a category may be seen.
const CATEGORY_TTL: TimeDelta = TimeDelta::seconds(2);

/// What the operator decided about the library.
#[derive(Debug, Clone)]
pub struct LibraryRules {
    /// In bytes: no category may allow more.
    pub max_upload_size: u64,
    /// In bytes: what each user may have in the storage; `None` is as much as they like.
    pub storage_quota: Option<u64>,
    /// Where files lie while they are being made, without a name.
    pub spool: PathBuf,
}

/// What the service works with.
pub struct LibraryHands {
    pub db: Db,
    pub changes: Changes,
    pub queue: Queue,
    pub hub: Hub,
    pub storage: Storage,
}

/// The library service.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    changes: Changes,
    queue: Queue,
    hub: Hub,
    storage: Storage,
    clock: Clock,
    cursors: CursorSigner,
    /// As they are shown; what decides reads them anew.
    categories: TtlCache<CategoryId, Arc<Category>>,
    rules: LibraryRules,
}

impl Library {
    /// Puts the service together. Cursors are signed with the server's secret.
    ///
    /// # Errors
    /// Never for a secret that access tokens can be signed with.
    pub fn new(hands: LibraryHands, clock: Clock, secret: &[u8], rules: LibraryRules) -> ServiceResult<Self> {
        let LibraryHands { db, changes, queue, hub, storage } = hands;
        let (cursors, categories) = (CursorSigner::new(secret)?, TtlCache::new(CATEGORY_TTL));
        Ok(Self { inner: Arc::new(Inner { db, changes, queue, hub, storage, clock, cursors, categories, rules }) })
    }
}
