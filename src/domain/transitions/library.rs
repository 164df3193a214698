//! What people do with images that they have: describe, move, delete, restore.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    change::{Change, RowChange},
    details::DetailsChange,
    error::Refusal,
    event::EventKind,
    ids::CategoryId,
    image::{Image, UploadState},
    job::Job,
    variant::VariantName,
};

/// How long a deleted image's row stays, so that watchers in other processes still hear of its end.
const TELL_FOR: TimeDelta = TimeDelta::minutes(1);

impl Image {
    /// Says something else of it, and moves it. `None` where all of that is so already. Subscribers of the upload are
    /// not told.
    pub fn edit(&self, details: &DetailsChange, category: Option<CategoryId>, now: DateTime<Utc>) -> Option<Change> {
        let mut change = Change::silently(self.clone());
        if details.apply_to(&mut change.image.details) {
            change = change.event(EventKind::Described);
        }
        if let Some(category) = category.filter(|category| *category != self.category) {
            change.image.category = category;
            change = change.event(EventKind::Moved);
        }
        change.image.updated_at = now;
        Some(change).filter(|change| !change.events.is_empty())
    }

    /// Into the trash, if its original was checked: there is nothing to restore of anything else.
    pub fn trash(&self, until: DateTime<Utc>, now: DateTime<Utc>) -> Option<Change> {
        let (original, facts) = self.checked()?;
        let state = UploadState::Trashed { original, facts, since: now, until };
        Some(Change::into_state(self, state, now).event(EventKind::Trashed))
    }

    /// Out of the trash: as it was, or to be processed where variants are missing.
    ///
    /// # Errors
    /// `INVALID_STATE` for what is not in the trash.
    pub fn restore(&self, is_whole: bool, now: DateTime<Utc>) -> Result<Change, Refusal> {
        let UploadState::Trashed { original, facts, .. } = &self.state else {
            return Err(self.refuse("It is not in the trash."));
        };
        let (original, facts) = (original.clone(), facts.clone());
        let change = if is_whole {
            Change::into_state(self, UploadState::Completed { original, facts }, now)
        } else {
            let state = UploadState::Processing { original, facts: Some(facts) };
            Change::into_state(self, state, now).then(Job::Process { image: self.id }, now)
        };
        Ok(change.event(EventKind::Restored))
    }

    /// Out of everybody's sight at once; its objects follow.
    pub fn delete(&self, now: DateTime<Utc>) -> Change {
        let change = Change::into_state(self, UploadState::Deleted, now);
        change.then(Job::Discard { image: self.id }, now).event(EventKind::Deleted)
    }

    /// Its objects are gone: so are the variants of these names, and in a while the row of what was deleted.
    pub fn discarded(&self, variants: Vec<VariantName>, now: DateTime<Utc>) -> Change {
        let change = Change::silently(self.clone()).row(RowChange::VariantsForgotten(variants));
        match self.state {
            UploadState::Deleted => change.then(Job::Forget { image: self.id }, now + TELL_FOR),
            _ => change,
        }
    }
}
