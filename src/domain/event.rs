//! What happened to images: the entries of the log of events.

use std::{fmt, net::IpAddr, num::ParseIntError, str::FromStr};

use chrono::{DateTime, Utc};
use enumset::EnumSetType;

use super::ids::{ImageId, UserId};

/// What happened.
#[derive(Debug, Hash, EnumSetType)]
pub enum EventKind {
    /// All of its variants are there, for the first time or anew.
    Completed,
    Failed,
    /// Its title, description, alternative text or tags changed.
    Described,
    /// It is in another category.
    Moved,
    Trashed,
    Restored,
    Deleted,
    /// Something that a newer version wrote, and that this one has no name for.
    Unknown,
}

impl EventKind {
    /// Every kind that this version writes.
    pub const WRITTEN: [Self; 7] =
        [Self::Completed, Self::Failed, Self::Described, Self::Moved, Self::Trashed, Self::Restored, Self::Deleted];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Described => "described",
            Self::Moved => "moved",
            Self::Trashed => "trashed",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Self {
        Self::WRITTEN.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Unknown)
    }
}

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A user, and where the request came from.
    User(UserId, Option<IpAddr>),
    /// Somebody without an account, or who is not signed in yet.
    Anonymous(IpAddr),
    /// The server itself: a job, or the sweep.
    System,
}

/// A place in the log. Whatever is committed later has a larger one; 0 is before everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// As clients hold on to it: opaque to them.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Place {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// An event that is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEvent {
    pub at: DateTime<Utc>,
    pub actor: Actor,
    pub kind: EventKind,
    pub image: ImageId,
    pub owner: UserId,
}

/// An event, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub place: Place,
    pub what: NewEvent,
}
