//! What a camera wrote into a file beside the picture.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What was read; all of it may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    pub camera_make: Option<String>,
    pub camera_model: Option<String>,
    pub taken_at: Option<TakenAt>,
    /// For the owner's eyes alone.
    pub location: Option<GeoPoint>,
    /// Every tag by its standard name, but for those of the location.
    pub exif: BTreeMap<String, String>,
    /// The tags of the location, for the owner's eyes alone.
    pub location_exif: BTreeMap<String, String>,
    /// What the file has and no variant has.
    #[serde(default)]
    pub removed: Vec<Removed>,
    /// Nothing, where the file says nothing.
    #[serde(default)]
    pub suggested: Suggested,
    /// What else is to be said of the variants, for people.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// In characters.
pub const MAX_RIGHTS_CHARS: usize = 1000;

/// What people wrote into the file about its picture, for the owner's eyes alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    pub title: Option<String>,
    pub description: Option<String>,
    /// In the order of the file, each once.
    pub keywords: Vec<String>,
    /// Whose picture it is, and what may be done with it.
    pub rights: Option<String>,
}

/// What is left out of every variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    Exif,
    Gps,
    Xmp,
    Iptc,
    IccProfile,
}

/// When a picture was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenAt {
    /// Without an offset: the camera's clock, taken for UTC.
    pub at: DateTime<Utc>,
    /// How far the camera's clock was from UTC, where it said so. Example: `+09:00`.
    pub offset: Option<String>,
}

/// A place on Earth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeoPoint {
    /// In degrees, -90 to 90, north positive.
    pub latitude: f64,
    /// In degrees, -180 to 180, east positive.
    pub longitude: f64,
}
