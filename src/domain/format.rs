//! The image formats that Darkroom takes in, with the names that files and browsers give them.

use serde::{Deserialize, Serialize};

/// A format that can be uploaded and decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageFormat {
    Jpeg,
    Png,
    WebP,
    Gif,
    Heic,
    Avif,
}

impl ImageFormat {
    /// Every format, in the order in which messages name them.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif, Self::Heic, Self::Avif];

    /// The media type, which is also the only `Content-Type` that a ticket's policy lets through.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// The extensions that stand for this format, lower case and without the dot.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Png => &["png"],
            Self::WebP => &["webp"],
            Self::Gif => &["gif"],
            Self::Heic => &["heic", "heif"],
            Self::Avif => &["avif"],
        }
    }

    /// The format of a file extension in any case, if it is one that Darkroom takes.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let extension = extension.to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.extensions().contains(&extension.as_str()))
    }

    /// The format of a media type in any case, if it is one that Darkroom takes. Browsers call HEIC both names.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        if content_type.eq_ignore_ascii_case("image/heif") {
            return Some(Self::Heic);
        }
        Self::ALL.into_iter().find(|format| format.content_type().eq_ignore_ascii_case(content_type))
    }

    /// Every extension of every format.
    pub fn all_extensions() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().flat_map(|format| format.extensions().iter().copied())
    }
}

/// The format of an image that is kept: one of ours, or one that a newer version takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredFormat {
    Known(ImageFormat),
    /// By its media type.
    Unknown(String),
}

impl StoredFormat {
    /// The format of a media type.
    pub fn of(content_type: String) -> Self {
        ImageFormat::from_content_type(&content_type).map_or(Self::Unknown(content_type), Self::Known)
    }

    pub fn content_type(&self) -> &str {
        match self {
            Self::Known(format) => format.content_type(),
            Self::Unknown(content_type) => content_type,
        }
    }

    /// The format, where it is one that this version can read.
    pub const fn known(&self) -> Option<ImageFormat> {
        match self {
            Self::Known(format) => Some(*format),
            Self::Unknown(_) => None,
        }
    }
}

impl From<ImageFormat> for StoredFormat {
    fn from(format: ImageFormat) -> Self {
        Self::Known(format)
    }
}
