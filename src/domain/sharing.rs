//! Albums, and what is shared with others: with people, with groups, and with everybody who has a link.

use chrono::{DateTime, Utc};

use super::{
    ids::{AlbumId, GroupId, ImageId, ShareId, ShareLinkId, UserId},
    image::Image,
};

/// What somebody may do with what was shared with them. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShareAccess {
    View,
    Edit,
}

impl ShareAccess {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Edit => "edit",
        }
    }

    /// The access of a name; that of a newer version lets see at least.
    pub fn named(name: &str) -> Self {
        if name == Self::Edit.name() { Self::Edit } else { Self::View }
    }
}

/// What can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shareable {
    Image(ImageId),
    Album(AlbumId),
}

/// With whom something is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// Whoever has the account of this address, now or later. Lower case.
    Email(String),
    Group(GroupId),
}

/// An image or an album that somebody else may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub id: ShareId,
    pub of: Shareable,
    pub with: Grantee,
    pub access: ShareAccess,
    pub shared_by: UserId,
    pub created_at: DateTime<Utc>,
}

/// A named set of images of one owner, in an order of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Album {
    pub id: AlbumId,
    pub owner: UserId,
    pub name: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An image's place in an album: grows in the album's order, with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlbumPlace(pub i64);

/// An image in its album.
#[derive(Debug, Clone)]
pub struct PlacedImage {
    pub place: AlbumPlace,
    pub image: Image,
}

/// A link that shows an image or an album to everybody who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    pub id: ShareLinkId,
    pub of: Shareable,
    pub made_by: UserId,
    pub password_hash: Option<String>,
    pub shows_original: bool,
    pub expires_at: Option<DateTime<Utc>>,
    /// How often it was opened.
    pub views: u64,
    pub last_viewed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}
