//! The sizes that an image is offered in, once they are made.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// In bytes: a name goes into object keys and URLs.
const MAX_NAME: usize = 32;

/// The five sizes that are made where the operator names no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariantType {
    Thumbnail,
    Small,
    Medium,
    Large,
    Webp,
}

impl VariantType {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] = [Self::Thumbnail, Self::Small, Self::Medium, Self::Large, Self::Webp];

    /// The name in keys, in the database and in the operator's file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Webp => "webp",
        }
    }
}

/// What a variant is called: one of the five, or a name of the operator's. Of a-z, 0-9, `-` and `_`, up to 32.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariantName(String);

impl VariantName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of the five it is, if it is one of them.
    pub fn kind(&self) -> Option<VariantType> {
        VariantType::ALL.into_iter().find(|kind| kind.name() == self.0)
    }
}

impl From<VariantType> for VariantName {
    fn from(kind: VariantType) -> Self {
        Self(kind.name().to_owned())
    }
}

impl TryFrom<String> for VariantName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
            return Err(format!(
                "`{name}` is not a valid variant name: use a-z, 0-9, - and _, at most {MAX_NAME} characters"
            ));
        }
        Ok(Self(name))
    }
}

impl From<VariantName> for String {
    fn from(name: VariantName) -> Self {
        name.0
    }
}

impl fmt::Display for VariantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a variant is encoded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariantFormat {
    WebP,
    Jpeg,
}

impl VariantFormat {
    pub const ALL: [Self; 2] = [Self::WebP, Self::Jpeg];

    /// The name in the database and in the operator's file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebP => "webp",
            Self::Jpeg => "jpeg",
        }
    }

    /// The end of an object's key.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::WebP => "webp",
            Self::Jpeg => "jpg",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::WebP => "image/webp",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// The format of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A variant that is stored and can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub name: VariantName,
    pub format: VariantFormat,
    /// Its image's when it was made: a part of its key.
    pub generation: u32,
    /// In pixels.
    pub width: u32,
    pub height: u32,
    /// In bytes.
    pub file_size: u64,
    pub created_at: DateTime<Utc>,
    /// How it was made, as `VariantSpec::settings` has it; unknown of one from before that was kept.
    pub settings: Option<String>,
}

impl Variant {
    /// Puts variants in the order in which they are listed: smallest first, and the five in theirs where a picture
    /// is so small that some are of one size.
    pub fn sort(variants: &mut [Self]) {
        variants.sort_by_cached_key(|variant| {
            let area = u64::from(variant.width) * u64::from(variant.height);
            let kind = variant.name.kind();
            (area, kind.is_none(), kind, variant.name.as_str().to_owned())
        });
    }
}
