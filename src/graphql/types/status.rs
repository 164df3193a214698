//! Where images are in their lives, and how they end badly.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// Where an image is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ImageStatus {
    /// A ticket was issued.
    Pending,
    /// Bytes are on their way.
    Uploading,
    /// The original is stored; it is being checked and its variants are being made.
    Processing,
    /// All variants are there.
    Completed,
    /// It ended badly: see `failure`.
    Failed,
    /// On its way out, seen by nobody; or in the trash, seen there alone.
    Deleted,
    /// A newer version of the server put it into a state that this one does not know. It is left alone until then.
    Unknown,
}

impl From<domain::image::ImageStatus> for ImageStatus {
    fn from(status: domain::image::ImageStatus) -> Self {
        match status {
            domain::image::ImageStatus::Pending => Self::Pending,
            domain::image::ImageStatus::Uploading => Self::Uploading,
            domain::image::ImageStatus::Processing => Self::Processing,
            domain::image::ImageStatus::Completed => Self::Completed,
            domain::image::ImageStatus::Failed => Self::Failed,
            domain::image::ImageStatus::Trashed | domain::image::ImageStatus::Deleted => Self::Deleted,
            domain::image::ImageStatus::Unknown => Self::Unknown,
        }
    }
}

impl From<ImageStatus> for domain::image::ImageStatus {
    fn from(status: ImageStatus) -> Self {
        match status {
            ImageStatus::Pending => Self::Pending,
            ImageStatus::Uploading => Self::Uploading,
            ImageStatus::Processing => Self::Processing,
            ImageStatus::Completed => Self::Completed,
            ImageStatus::Failed => Self::Failed,
            ImageStatus::Deleted => Self::Deleted,
            ImageStatus::Unknown => Self::Unknown,
        }
    }
}

/// Why an upload failed.
#[derive(SimpleObject)]
pub struct ImageFailure {
    /// The kind of failure, for programs.
    code: ImageFailureCode,
    /// What happened and what to do, for the person who uploaded.
    message: String,
}

/// The ways in which an upload can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::failure::FailureCode")]
pub enum ImageFailureCode {
    /// The bytes are no image that can be read.
    NotAnImage,
    /// The bytes are another format than the ticket was issued for.
    ContentTypeMismatch,
    /// The file is damaged or incomplete.
    Corrupt,
    /// The image has more pixels than the server takes.
    TooManyPixels,
    /// The object is larger than was announced.
    FileTooLarge,
    /// Nothing was uploaded in time.
    UploadExpired,
    /// The server could not do it: generateVariants tries again.
    ProcessingFailed,
    /// A newer version of the server wrote a reason that this one does not know; see the message.
    Unknown,
}

/// The failure of an image as the schema shows it.
pub fn failure_of(image: &domain::image::Image) -> Option<ImageFailure> {
    let failure = image.failure()?;
    Some(ImageFailure { code: failure.code.into(), message: failure.message.clone() })
}
