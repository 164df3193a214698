//! An image and the only ways in which its state may change.

use chrono::{DateTime, Utc};

use super::{
    details::{Details, DetailsChange},
    error::{Refusal, UserErrorCode},
    filename::Filename,
    format::ImageFormat,
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
    pub format: ImageFormat,
    /// In bytes; the ticket's policy lets through neither more nor less.
    pub declared_size: u64,
    /// Where the completed original lives in the bucket.
    pub file_key: String,
    pub details: Details,
    pub state: UploadState,
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
    Failed { failure: Failure, kept: Option<Original> },
    /// On its way out, seen by nobody.
    Deleted,
}

/// The states by name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageStatus {
    Pending,
    Uploading,
    Processing,
    Completed,
    Failed,
    Deleted,
}

impl ImageStatus {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Uploading, Self::Processing, Self::Completed, Self::Failed, Self::Deleted];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploading => "uploading",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// Whether nothing more will be told of the upload.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Deleted)
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

/// What decoding told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// In pixels, after orientation.
    pub width: u32,
    pub height: u32,
    /// A ThumbHash in base64.
    pub placeholder: String,
}

/// Why an upload failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: FailureCode,
    /// For the person who uploaded.
    pub message: String,
}

/// The kinds of failure. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    NotAnImage,
    ContentTypeMismatch,
    Corrupt,
    TooManyPixels,
    FileTooLarge,
    UploadExpired,
    ProcessingFailed,
}

impl FailureCode {
    pub const ALL: [Self; 7] = [
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
        }
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
            Self::Deleted => ImageStatus::Deleted,
        }
    }
}

impl Image {
    pub const fn status(&self) -> ImageStatus {
        self.state.status()
    }

    /// Whether bytes may still come.
    pub const fn awaits_upload(&self) -> bool {
        matches!(self.state, UploadState::Pending | UploadState::Uploading { .. })
    }

    /// The stored original, where there is one to fetch.
    pub const fn original(&self) -> Option<&Original> {
        match &self.state {
            UploadState::Processing { original, .. } | UploadState::Completed { original, .. } => Some(original),
            UploadState::Failed { kept, .. } => kept.as_ref(),
            UploadState::Pending | UploadState::Uploading { .. } | UploadState::Deleted => None,
        }
    }

    /// What decoding told, once it did.
    pub const fn facts(&self) -> Option<&Facts> {
        match &self.state {
            UploadState::Processing { facts, .. } => facts.as_ref(),
            UploadState::Completed { facts, .. } => Some(facts),
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

    /// Notes that so many bytes have arrived. Says whether that was news: a count never shrinks.
    ///
    /// # Errors
    /// `INVALID_STATE` once the upload is over.
    pub fn receive(&mut self, bytes: u64, now: DateTime<Utc>) -> Result<bool, Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("The upload is over."));
        }
        let bytes = bytes.min(self.declared_size);
        if bytes <= self.bytes_received() {
            return Ok(false);
        }
        self.upload_started_at.get_or_insert(now);
        self.enter(UploadState::Uploading { received: bytes }, now);
        Ok(true)
    }

    /// The storage has the object: from here on it is ours to check.
    ///
    /// # Errors
    /// `INVALID_STATE` where no upload is awaited.
    pub fn complete(&mut self, original: Original, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("The upload is over."));
        }
        self.upload_started_at.get_or_insert(now);
        self.upload_completed_at = Some(now);
        self.enter(UploadState::Processing { original, facts: None }, now);
        Ok(())
    }

    /// The same ticket was used once more before anything was made of the first object.
    /// Says whether the image was still being processed.
    pub fn replace_original(&mut self, newer: Original, now: DateTime<Utc>) -> bool {
        let processing = matches!(self.state, UploadState::Processing { .. });
        if processing {
            self.enter(UploadState::Processing { original: newer, facts: None }, now);
        }
        processing
    }

    /// Keeps what decoding told. Says whether the image was still being processed.
    pub fn learn(&mut self, learned: Facts, now: DateTime<Utc>) -> bool {
        let UploadState::Processing { original, .. } = &self.state else { return false };
        self.enter(UploadState::Processing { original: original.clone(), facts: Some(learned) }, now);
        true
    }

    /// Another variant is ready. Says whether the image was still being processed.
    pub fn add_variant(&mut self, now: DateTime<Utc>) -> bool {
        let processing = matches!(self.state, UploadState::Processing { .. });
        if processing {
            self.enter(self.state.clone(), now);
        }
        processing
    }

    /// All variants are there. Says whether the image was still being processed.
    pub fn finish(&mut self, now: DateTime<Utc>) -> bool {
        let UploadState::Processing { original, facts: Some(facts) } = &self.state else { return false };
        self.enter(UploadState::Completed { original: original.clone(), facts: facts.clone() }, now);
        true
    }

    /// It cannot be done, and its objects are to go. Says whether the image was still on its way.
    pub fn fail(&mut self, failure: Failure, now: DateTime<Utc>) -> bool {
        let on_its_way = !self.status().is_terminal();
        if on_its_way {
            self.enter(UploadState::Failed { failure, kept: None }, now);
        }
        on_its_way
    }

    /// We cannot do it, through no fault of the bytes, which are kept for another attempt.
    /// Says whether the image was still being processed.
    pub fn give_up(&mut self, failure: Failure, now: DateTime<Utc>) -> bool {
        let UploadState::Processing { original, .. } = &self.state else { return false };
        self.enter(UploadState::Failed { failure, kept: Some(original.clone()) }, now);
        true
    }

    /// Back to the workshop, to make variants anew.
    ///
    /// # Errors
    /// `INVALID_STATE` where there is no checked original to make them from.
    pub fn reprocess(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let next = match &self.state {
            UploadState::Completed { original, facts } => {
                UploadState::Processing { original: original.clone(), facts: Some(facts.clone()) }
            }
            UploadState::Failed { kept: Some(original), .. } => {
                UploadState::Processing { original: original.clone(), facts: None }
            }
            _ => return Err(self.refuse("Variants are made of a COMPLETED image, or one whose processing failed.")),
        };
        self.enter(next, now);
        Ok(())
    }

    /// Says something else of it. Says whether that was news; subscribers of the upload are not told.
    pub fn describe(&mut self, change: &DetailsChange, now: DateTime<Utc>) -> bool {
        let changed = change.apply_to(&mut self.details);
        if changed {
            self.updated_at = now;
        }
        changed
    }

    /// Gives an upload up before it is over.
    ///
    /// # Errors
    /// `INVALID_STATE` once the upload is over.
    pub fn cancel(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("Only an unfinished upload can be cancelled; delete the image instead."));
        }
        self.delete(now);
        Ok(())
    }

    /// Out of everybody's sight at once; its objects follow.
    pub fn delete(&mut self, now: DateTime<Utc>) {
        self.enter(UploadState::Deleted, now);
    }

    fn enter(&mut self, state: UploadState, now: DateTime<Utc>) {
        self.state = state;
        self.revision += 1;
        self.updated_at = now;
    }

    fn refuse(&self, why: &str) -> Refusal {
        let status = self.status().name().to_uppercase();
        Refusal::on("imageId", UserErrorCode::InvalidState, format!("{why} The image is {status}."))
    }
}
