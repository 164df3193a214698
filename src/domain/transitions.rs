//! The only ways in which an image's state may change, each with the states that it may start from.

use chrono::{DateTime, Utc};

use super::{
    details::DetailsChange,
    error::{Refusal, UserErrorCode},
    failure::Failure,
    ids::CategoryId,
    image::{Facts, Image, Keep, Kept, Original, UploadState},
};

impl Image {
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

    /// It cannot be done, and its objects are to go; but what was good enough once may be kept, whatever is thought of
    /// it now. Says whether the image was still on its way.
    pub fn fail(&mut self, failure: Failure, keep: Keep, now: DateTime<Utc>) -> bool {
        let on_its_way = !self.status().is_terminal();
        if on_its_way {
            let checked = self.checked().filter(|_| keep == Keep::WhatWasChecked);
            let kept = checked.map(|(original, facts)| Kept { original, facts: Some(facts) });
            self.enter(UploadState::Failed { failure, kept }, now);
        }
        on_its_way
    }

    /// We cannot do it, through no fault of the bytes, which are kept for another attempt.
    /// Says whether the image was still being processed.
    pub fn give_up(&mut self, failure: Failure, now: DateTime<Utc>) -> bool {
        let UploadState::Processing { original, facts } = &self.state else { return false };
        let kept = Kept { original: original.clone(), facts: facts.clone() };
        self.enter(UploadState::Failed { failure, kept: Some(kept) }, now);
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
            UploadState::Failed { kept: Some(kept), .. } => {
                UploadState::Processing { original: kept.original.clone(), facts: kept.facts.clone() }
            }
            _ => return Err(self.refuse("Variants are made of a COMPLETED image, or one whose processing failed.")),
        };
        self.generation += 1;
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

    /// Into the trash, if its original was checked: there is nothing to restore of anything else. Says whether it
    /// went there.
    pub fn trash(&mut self, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let Some((original, facts)) = self.checked() else { return false };
        self.enter(UploadState::Trashed { original, facts, since: now, until }, now);
        true
    }

    /// Out of the trash: as it was, or back to the workshop where variants are missing.
    ///
    /// # Errors
    /// `INVALID_STATE` for what is not in the trash.
    pub fn restore(&mut self, is_whole: bool, now: DateTime<Utc>) -> Result<(), Refusal> {
        let UploadState::Trashed { original, facts, .. } = &self.state else {
            return Err(self.refuse("It is not in the trash."));
        };
        let (original, facts) = (original.clone(), facts.clone());
        let restored = if is_whole {
            UploadState::Completed { original, facts }
        } else {
            UploadState::Processing { original, facts: Some(facts) }
        };
        self.enter(restored, now);
        Ok(())
    }

    /// The original that was good enough once, where it is still there.
    fn checked(&self) -> Option<(Original, Facts)> {
        Some((self.original()?.clone(), self.facts()?.clone()))
    }

    /// Into another category. Subscribers of the upload are not told.
    pub fn file_under(&mut self, category: CategoryId, now: DateTime<Utc>) {
        if self.category != category {
            self.category = category;
            self.updated_at = now;
        }
    }

    /// A sign of life from its client, without a byte: a fresh ticket was asked for.
    pub fn note_interest(&mut self, now: DateTime<Utc>) {
        self.updated_at = now;
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
