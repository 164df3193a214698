//! From the stored object to COMPLETED or FAILED, and back to the start of it.

use chrono::{DateTime, Utc};

use crate::domain::{
    change::{Change, RowChange},
    error::Refusal,
    event::EventKind,
    failure::Failure,
    fingerprint::Fingerprint,
    image::{Facts, Image, Keep, Kept, Original, UploadState},
    job::Job,
    metadata::Metadata,
    regeneration::Learned,
    variant::{Variant, VariantName},
};

impl Image {
    /// The same ticket was used once more before anything was made of the first object. `None` where it is not being
    /// processed any more.
    pub fn replace_original(&self, newer: Original, now: DateTime<Utc>) -> Option<Change> {
        let UploadState::Processing { .. } = self.state else { return None };
        Some(Change::into_state(self, UploadState::Processing { original: newer, facts: None }, now))
    }

    /// Keeps what decoding told. `None` where it is not being processed any more.
    pub fn learn(
        &self,
        learned: Facts,
        fingerprint: Fingerprint,
        metadata: Metadata,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        let UploadState::Processing { original, facts } = &self.state else { return None };
        let change = if facts.as_ref() == Some(&learned) {
            Change::silently(self.clone())
        } else {
            let state = UploadState::Processing { original: original.clone(), facts: Some(learned) };
            Change::into_state(self, state, now)
        };
        Some(change.row(RowChange::Metadata(Box::new(metadata))).row(RowChange::Fingerprint(fingerprint)))
    }

    /// Another variant is ready. `None` where the image is not being processed any more.
    pub fn add_variant(&self, variant: Variant, now: DateTime<Utc>) -> Option<Change> {
        let UploadState::Processing { .. } = self.state else { return None };
        Some(Change::into_state(self, self.state.clone(), now).row(RowChange::VariantReady(variant)))
    }

    /// All variants are there. `None` where the image is not being processed any more.
    pub fn finish(&self, now: DateTime<Utc>) -> Option<Change> {
        let UploadState::Processing { original, facts: Some(facts) } = &self.state else { return None };
        let state = UploadState::Completed { original: original.clone(), facts: facts.clone() };
        Some(Change::into_state(self, state, now).event(EventKind::Completed))
    }

    /// What is made of it from here on has keys of its own; its variants stay until others take their places. Subscribers
    /// of the upload are not told.
    pub fn next_generation(&self, now: DateTime<Utc>) -> Change {
        let mut change = Change::silently(self.clone());
        change.image.generation += 1;
        change.image.updated_at = now;
        change
    }

    /// Puts what was made anew in the place of what was there, all at once, which everybody is told. `None` where the image is
    /// not completed any more.
    pub fn remade(&self, variants: Vec<Variant>, learned: Learned, now: DateTime<Utc>) -> Option<Change> {
        let UploadState::Completed { original, .. } = &self.state else { return None };
        let Learned { facts, fingerprint, metadata } = learned;
        let state = UploadState::Completed { original: original.clone(), facts };
        let change = Change::into_state(self, state, now).event(EventKind::Completed);
        let change = variants.into_iter().fold(change, |change, variant| change.row(RowChange::VariantReady(variant)));
        Some(change.row(RowChange::Metadata(metadata)).row(RowChange::Fingerprint(fingerprint)))
    }

    /// It cannot be done, and its objects are to go; but what was good enough once may be kept, whatever is thought of
    /// it now. `None` where the image has come to its end already.
    pub fn fail(&self, failure: Failure, keep: Keep, now: DateTime<Utc>) -> Option<Change> {
        if self.status().is_terminal() || self.state == UploadState::Unknown {
            return None;
        }
        let checked = self.checked().filter(|_| keep == Keep::WhatWasChecked);
        let kept = checked.map(|(original, facts)| Kept { original, facts: Some(facts) });
        let change = Change::into_state(self, UploadState::Failed { failure, kept }, now);
        Some(change.then(Job::Discard { image: self.id }, now).event(EventKind::Failed))
    }

    /// We cannot do it, through no fault of the bytes, which are kept for another attempt. `None` where the image is not
    /// being processed any more.
    pub fn give_up(&self, failure: Failure, now: DateTime<Utc>) -> Option<Change> {
        let UploadState::Processing { original, facts } = &self.state else { return None };
        let kept = Kept { original: original.clone(), facts: facts.clone() };
        let state = UploadState::Failed { failure, kept: Some(kept) };
        Some(Change::into_state(self, state, now).event(EventKind::Failed))
    }

    /// Has the variants of these names made anew, and those that are missing.
    ///
    /// # Errors
    /// `INVALID_STATE` where there is no checked original to make them from.
    pub fn reprocess(&self, forgotten: Vec<VariantName>, now: DateTime<Utc>) -> Result<Change, Refusal> {
        let state = match &self.state {
            UploadState::Completed { original, facts } => {
                UploadState::Processing { original: original.clone(), facts: Some(facts.clone()) }
            }
            UploadState::Failed { kept: Some(kept), .. } if !self.is_of_a_newer_version() => {
                UploadState::Processing { original: kept.original.clone(), facts: kept.facts.clone() }
            }
            _ => return Err(self.refuse("Variants are made of a COMPLETED image, or one whose processing failed.")),
        };
        let mut change = Change::into_state(self, state, now);
        change.image.generation += 1;
        Ok(change.row(RowChange::VariantsForgotten(forgotten)).then(Job::Process { image: self.id }, now))
    }
}
