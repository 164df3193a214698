//! The five sizes that every image is offered in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which of the sizes; all of them are WebP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantType {
    Thumbnail,
    Small,
    Medium,
    Large,
    Webp,
}

impl VariantType {
    /// All of them, smallest first: the order in which they are made and listed.
    pub const ALL: [Self; 5] = [Self::Thumbnail, Self::Small, Self::Medium, Self::Large, Self::Webp];

    /// The side in pixels of the square that the variant fits in; `None` is full size.
    pub const fn fits_in(self) -> Option<u32> {
        match self {
            Self::Thumbnail => Some(150),
            Self::Small => Some(300),
            Self::Medium => Some(600),
            Self::Large => Some(1200),
            Self::Webp => None,
        }
    }

    /// The name in keys and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Webp => "webp",
        }
    }

    /// The type of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A variant that is stored and can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub kind: VariantType,
    /// In pixels.
    pub width: u32,
    pub height: u32,
    /// In bytes.
    pub file_size: u64,
    pub created_at: DateTime<Utc>,
}

impl Variant {
    pub const CONTENT_TYPE: &'static str = "image/webp";
}
