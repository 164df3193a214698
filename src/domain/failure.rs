//! Why an upload failed, in words that the person who uploaded can use.

use serde::Serialize;

/// Why an upload failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub code: FailureCode,
    /// For the person who uploaded.
    pub message: String,
}

/// The kinds of failure. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    NotAnImage,
    ContentTypeMismatch,
    Corrupt,
    TooManyPixels,
    FileTooLarge,
    UploadExpired,
    ProcessingFailed,
    /// One that a newer version has a name for.
    Unknown,
}

impl FailureCode {
    /// Every kind that this version writes.
    const WRITTEN: [Self; 7] = [
        Self::NotAnImage,
        Self::ContentTypeMismatch,
        Self::Corrupt,
        Self::TooManyPixels,
        Self::FileTooLarge,
        Self::UploadExpired,
        Self::ProcessingFailed,
    ];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAnImage => "not_an_image",
            Self::ContentTypeMismatch => "content_type_mismatch",
            Self::Corrupt => "corrupt",
            Self::TooManyPixels => "too_many_pixels",
            Self::FileTooLarge => "file_too_large",
            Self::UploadExpired => "upload_expired",
            Self::ProcessingFailed => "processing_failed",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Self {
        Self::WRITTEN.into_iter().find(|code| code.name() == name).unwrap_or(Self::Unknown)
    }
}
