//! Service: albums, and what is shared with people, with groups and by links. Decides who may share what; what somebody
//! may do with an image because of it is asked of `domain/access.rs`, like everything else. Knows no door.

mod album_images;
mod albums;
mod link_token;
mod links;
mod open_link;
mod shares;
mod views;

use std::sync::Arc;

use url::Url;

pub use self::{
    album_images::AlbumImagePage,
    albums::{AlbumChange, AlbumPage},
    links::NewShareLink,
    open_link::{Opened, OpenedLink, PASS_LIFE},
    shares::{NewShare, SharedItem, SharedPage, SharedThing, With},
};
use self::{link_token::LinkKey, views::Views};
use crate::{
    clock::Clock,
    db::{self, Db},
    domain::{audit::Audited, error::ServiceResult},
    passwords::{PasswordHasher, TryLimits},
};

/// What the service works with.
pub struct SharingHands {
    pub db: Db,
    pub passwords: PasswordHasher,
}

/// The sharing service.
#[derive(Clone)]
pub struct Sharing {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: Clock,
    passwords: PasswordHasher,
    /// Of the passwords of links.
    tries: TryLimits,
    key: LinkKey,
    views: Views,
    /// What links begin with.
    base: Url,
}

impl Sharing {
    /// Keeps what is being done, in the transaction that does it.
    async fn audit(&self, conn: &impl db::Connection, done: Audited) -> ServiceResult<()> {
        Ok(db::audit::append(conn, &self.inner.clock, done).await?)
    }

    /// Puts the service together. Links are made from the server's secret, and lead to `base`.
    pub fn new(hands: SharingHands, clock: Clock, secret: &[u8], base: Url) -> Self {
        let SharingHands { db, passwords } = hands;
        let (tries, key) = (TryLimits::new(), LinkKey::new(secret));
        Self { inner: Arc::new(Inner { db, clock, passwords, tries, key, views: Views::default(), base }) }
    }
}
