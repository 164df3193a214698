//! From the ticket to the stored object.

use chrono::{DateTime, Utc};

use crate::domain::{
    change::Change,
    details::DetailsChange,
    error::Refusal,
    event::EventKind,
    failure::{Failure, FailureCode},
    image::{Image, StoredOriginal, UploadState},
    job::Job,
};

impl Image {
    /// So many bytes have arrived, as far as anybody knows; a count never shrinks.
    ///
    /// # Errors
    /// `INVALID_STATE` once the upload is over.
    pub fn receive(&self, bytes: u64, now: DateTime<Utc>) -> Result<Option<Change>, Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("The upload is over."));
        }
        let received = bytes.min(self.declared_size);
        if received <= self.bytes_received() {
            return Ok(None);
        }
        let mut change = Change::into_state(self, UploadState::Uploading { received }, now);
        change.image.upload_started_at.get_or_insert(now);
        Ok(Some(change))
    }

    /// The last byte has arrived: whoever sent it has until `unattended_at` to complete the upload.
    ///
    /// # Errors
    /// `INVALID_STATE` once the upload is over.
    pub fn receive_last(
        &self,
        bytes: u64,
        unattended_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Change, Refusal> {
        let change = self.receive(bytes, now)?.unwrap_or_else(|| Change::silently(self.clone()));
        Ok(change.then(Job::CompleteUnattended { image: self.id }, unattended_at))
    }

    /// A sign of life from its client, without a byte: a fresh ticket was asked for.
    pub fn touch(&self, now: DateTime<Utc>) -> Change {
        let mut image = self.clone();
        image.updated_at = now;
        Change::silently(image)
    }

    /// The storage has the object: from here on it is ours to check. What is not what was announced is refused at once.
    ///
    /// # Errors
    /// `INVALID_STATE` where no upload is awaited.
    pub fn complete(
        &self,
        stored: &StoredOriginal,
        details: &DetailsChange,
        now: DateTime<Utc>,
    ) -> Result<Change, Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("The upload is over."));
        }
        let failure = self.not_what_was_announced(stored);
        let has_failed = failure.is_some();
        let state = match failure {
            Some(failure) => UploadState::Failed { failure, kept: None },
            None => UploadState::Processing { original: stored.original.clone(), facts: None },
        };
        let mut change = Change::into_state(self, state, now);
        details.apply_to(&mut change.image.details);
        change.image.upload_started_at.get_or_insert(now);
        change.image.upload_completed_at = Some(now);
        Ok(if has_failed {
            change.then(Job::Discard { image: self.id }, now).event(EventKind::Failed)
        } else {
            change.then(Job::Process { image: self.id }, now)
        })
    }

    /// A storage that holds nobody to a policy may have taken something else.
    pub fn not_what_was_announced(&self, stored: &StoredOriginal) -> Option<Failure> {
        let (declared, expected) = (self.declared_size, self.format.content_type());
        if stored.original.size > declared {
            let size = stored.original.size;
            let message = format!("The upload was announced with {declared} bytes and has {size}.");
            return Some(Failure { code: FailureCode::FileTooLarge, message });
        }
        if !stored.content_type.eq_ignore_ascii_case(expected) {
            let message = format!("The upload was announced as {expected} and stored as {}.", stored.content_type);
            return Some(Failure { code: FailureCode::ContentTypeMismatch, message });
        }
        None
    }

    /// Gives an upload up before it is over.
    ///
    /// # Errors
    /// `INVALID_STATE` once the upload is over.
    pub fn cancel(&self, now: DateTime<Utc>) -> Result<Change, Refusal> {
        if !self.awaits_upload() {
            return Err(self.refuse("Only an unfinished upload can be cancelled; delete the image instead."));
        }
        Ok(self.delete(now))
    }
}
