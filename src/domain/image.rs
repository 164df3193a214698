//! An image, and what is known of it in each of its states.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    details::Details,
    failure::Failure,
    filename::Filename,
    format::StoredFormat,
    ids::{CategoryId, ImageId, UserId},
};

/// An image from its ticket to its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    pub owner: UserId,
    pub category: CategoryId,
    pub filename: Filename,
    /// What the ticket was issued for; the bytes have to agree.
    pub format: StoredFormat,
    /// In bytes; the ticket's policy lets through neither more nor less.
    pub declared_size: u64,
    /// Where the completed original lives in the bucket.
    pub file_key: String,
    pub details: Details,
    pub state: UploadState,
    /// Grows each time that variants are made anew: what is made then has a key of its own, for caches keep what is under
    /// a key for a year.
    pub generation: u32,
    /// Grows with every change that a subscriber is told of.
    pub revision: u64,
    pub upload_started_at: Option<DateTime<Utc>>,
    pub upload_completed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where an image is in its life, with what is known there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// A ticket was issued.
    Pending,
    /// Bytes are on their way.
    Uploading { received: u64 },
    /// The original is stored; it is being checked and its variants are being made.
    Processing { original: Original, facts: Option<Facts> },
    /// All variants are there.
    Completed { original: Original, facts: Facts },
    /// It ended badly. `kept` is the original where another attempt may succeed.
    Failed { failure: Failure, kept: Option<Kept> },
    /// Was checked and then deleted; it can be restored for a while.
    Trashed { original: Original, facts: Facts, since: DateTime<Utc>, until: DateTime<Utc> },
    /// On its way out, seen by nobody.
    Deleted,
    /// Written by a newer version, or torn: it can be seen, described and deleted, and is left alone otherwise.
    Unknown,
}

/// The states by name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageStatus {
    Pending,
    Uploading,
    Processing,
    Completed,
    Failed,
    Trashed,
    Deleted,
    /// One that a newer version has a name for.
    Unknown,
}

impl ImageStatus {
    /// Every state that this version writes.
    const WRITTEN: [Self; 7] =
        [Self::Pending, Self::Uploading, Self::Processing, Self::Completed, Self::Failed, Self::Trashed, Self::Deleted];

    /// Those that lists and searches can show.
    pub const VISIBLE: [Self; 5] = [Self::Pending, Self::Uploading, Self::Processing, Self::Completed, Self::Failed];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploading => "uploading",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Trashed => "trashed",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Self {
        Self::WRITTEN.into_iter().find(|status| status.name() == name).unwrap_or(Self::Unknown)
    }

    /// Whether anybody sees it outside of the trash.
    pub const fn is_visible(self) -> bool {
        !matches!(self, Self::Trashed | Self::Deleted)
    }

    /// Whether nothing more will be told of the upload.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Trashed | Self::Deleted)
    }
}

/// The object that completion saw, by the storage's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// In bytes.
    pub size: u64,
    /// As the storage gave it, quotes and all.
    pub etag: String,
}

/// The object as the storage describes it, before anybody looked into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOriginal {
    pub original: Original,
    pub content_type: String,
}

/// What is left of an image that failed, for another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub original: Original,
    /// Of one that had been checked before.
    pub facts: Option<Facts>,
}

/// What a failure leaves of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The original, where an attempt before this one found it to be sound.
    WhatWasChecked,
    Nothing,
}

/// What decoding told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// In pixels, after orientation.
    pub width: u32,
    pub height: u32,
    /// A ThumbHash in base64.
    pub placeholder: String,
    /// As `#rrggbb`; unknown of images from before it was asked for.
    pub dominant_colour: Option<String>,
    /// Whether the original moves.
    pub is_animated: bool,
}

impl Facts {
    /// Whether something of this size shows all of the picture, but for what rounding does.
    pub fn has_shape_of(&self, width: u32, height: u32) -> bool {
        let (ours, theirs) = (u64::from(self.width) * u64::from(height), u64::from(width) * u64::from(self.height));
        ours.abs_diff(theirs) <= u64::from(self.width.max(self.height))
    }
}

impl UploadState {
    pub const fn status(&self) -> ImageStatus {
        match self {
            Self::Pending => ImageStatus::Pending,
            Self::Uploading { .. } => ImageStatus::Uploading,
            Self::Processing { .. } => ImageStatus::Processing,
            Self::Completed { .. } => ImageStatus::Completed,
            Self::Failed { .. } => ImageStatus::Failed,
            Self::Trashed { .. } => ImageStatus::Trashed,
            Self::Deleted => ImageStatus::Deleted,
            Self::Unknown => ImageStatus::Unknown,
        }
    }
}

impl Image {
    pub const fn status(&self) -> ImageStatus {
        self.state.status()
    }

    /// Whether it is there for anybody to see or to change.
    pub const fn is_visible(&self) -> bool {
        self.status().is_visible()
    }

    /// Whether its variants can be shown: of a state that this version does not know, nobody can tell.
    pub const fn shows_variants(&self) -> bool {
        !matches!(self.state, UploadState::Unknown)
    }

    /// Whether bytes may still come.
    pub const fn awaits_upload(&self) -> bool {
        matches!(self.state, UploadState::Pending | UploadState::Uploading { .. })
    }

    /// The stored original, where there is one to fetch.
    pub const fn original(&self) -> Option<&Original> {
        match &self.state {
            UploadState::Processing { original, .. }
            | UploadState::Completed { original, .. }
            | UploadState::Trashed { original, .. } => Some(original),
            UploadState::Failed { kept, .. } => match kept {
                Some(kept) => Some(&kept.original),
                None => None,
            },
            UploadState::Pending | UploadState::Uploading { .. } | UploadState::Deleted | UploadState::Unknown => None,
        }
    }

    /// What decoding told, once it did.
    pub const fn facts(&self) -> Option<&Facts> {
        match &self.state {
            UploadState::Processing { facts, .. } => facts.as_ref(),
            UploadState::Completed { facts, .. } | UploadState::Trashed { facts, .. } => Some(facts),
            UploadState::Failed { kept: Some(kept), .. } => kept.facts.as_ref(),
            _ => None,
        }
    }

    /// Since when and until when it is in the trash.
    pub const fn in_trash(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        match &self.state {
            UploadState::Trashed { since, until, .. } => Some((*since, *until)),
            _ => None,
        }
    }

    /// The failure, where there is one.
    pub const fn failure(&self) -> Option<&Failure> {
        match &self.state {
            UploadState::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// The true size once the object is stored, what the ticket says until then.
    pub fn file_size(&self) -> u64 {
        self.original().map_or(self.declared_size, |original| original.size)
    }

    /// How many bytes have arrived, as far as anybody knows.
    pub const fn bytes_received(&self) -> u64 {
        match (&self.state, self.original()) {
            (UploadState::Uploading { received }, _) => *received,
            (_, Some(original)) => original.size,
            (UploadState::Failed { .. }, None) if self.upload_completed_at.is_some() => self.declared_size,
            _ => 0,
        }
    }
}
