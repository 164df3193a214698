//! Where images are in their lives, and how they end badly.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// The status of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ImageStatus {
    /// A ticket was issued, and no bytes have arrived.
    Pending,
    /// The file is being uploaded.
    Uploading,
    /// The original is stored. It is being checked, and its variants are being generated.
    Processing,
    /// The image is processed and all variants are ready.
    Completed,
    /// The upload or the processing failed: see `failure`.
    Failed,
    /// The image is deleted, or it is in the trash and visible only there.
    Deleted,
    /// A status that only a newer version of the server knows. This server does not process the image.
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

/// The reason why an upload failed.
#[derive(SimpleObject)]
pub struct ImageFailure {
    /// The kind of failure, for programs.
    code: ImageFailureCode,
    /// An explanation of the failure, and of what to do about it, for the person who uploaded the file.
    message: String,
}

/// The kinds of failures of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::failure::FailureCode")]
pub enum ImageFailureCode {
    /// The file is not an image in a supported format.
    NotAnImage,
    /// The format of the file differs from the content type of the ticket.
    ContentTypeMismatch,
    /// The file is damaged or incomplete.
    Corrupt,
    /// The image has more pixels than the server accepts.
    TooManyPixels,
    /// The object is larger than the size that was announced.
    FileTooLarge,
    /// The file was not uploaded in time, or exceeded the storage limit until its ticket expired.
    UploadExpired,
    /// The server failed to process the image. Call `generateVariants` to try again.
    ProcessingFailed,
    /// A failure that only a newer version of the server knows. See `message`.
    Unknown,
}

/// The failure of an image as the schema shows it.
pub fn failure_of(image: &domain::image::Image) -> Option<ImageFailure> {
    let failure = image.failure()?;
    Some(ImageFailure { code: failure.code.into(), message: failure.message.clone() })
}
