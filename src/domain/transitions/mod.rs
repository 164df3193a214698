//! The only ways in which an image may change, each with the states that it may start from and what follows from it.
//!
//! None of them writes anything: each gives a `Change`, or `None` where there is nothing to change.

mod library;
mod processing;
mod upload;

use super::{
    error::{Refusal, UserErrorCode},
    failure::FailureCode,
    image::{Facts, Image, Original, UploadState},
};

impl Image {
    /// The original that was good enough once, where it is still there.
    fn checked(&self) -> Option<(Original, Facts)> {
        Some((self.original()?.clone(), self.facts()?.clone()))
    }

    /// Whether a newer version wrote its state, or why it failed: what to do with it is not known here.
    pub fn is_of_a_newer_version(&self) -> bool {
        match &self.state {
            UploadState::Unknown => true,
            UploadState::Failed { failure, .. } => failure.code == FailureCode::Unknown,
            _ => false,
        }
    }

    fn refuse(&self, why: &str) -> Refusal {
        let status = self.status().name().to_uppercase();
        Refusal::on("imageId", UserErrorCode::InvalidState, format!("{why} The image is {status}."))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use crate::domain::{
        details::{Details, DetailsChange},
        event::EventKind,
        failure::{Failure, FailureCode},
        filename::Filename,
        format::ImageFormat,
        ids::{CategoryId, ImageId, UserId},
        image::{Facts, Image, ImageStatus, Keep, Original, StoredOriginal, UploadState},
        job::Job,
    };

    fn pending(now: DateTime<Utc>) -> Image {
        Image {
            id: ImageId(Uuid::from_u128(1)),
            owner: UserId(Uuid::from_u128(2)),
            category: CategoryId(Uuid::from_u128(3)),
            filename: Filename::stored("a.jpg".to_owned()),
            format: ImageFormat::Jpeg.into(),
            declared_size: 100,
            file_key: "images/a.jpg".to_owned(),
            details: Details::default(),
            state: UploadState::Pending,
            generation: 0,
            revision: 1,
            upload_started_at: None,
            upload_completed_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    fn stored(size: u64, content_type: &str) -> StoredOriginal {
        let original = Original { size, etag: "\"1\"".to_owned() };
        StoredOriginal { original, content_type: content_type.to_owned() }
    }

    fn facts() -> Facts {
        let (width, height, placeholder) = (4, 3, String::new());
        Facts { width, height, placeholder, dominant_colour: None, is_animated: false }
    }

    #[test]
    fn an_upload_that_is_over_takes_room_and_needs_nobody_to_complete_it() {
        let (now, details) = (DateTime::<Utc>::UNIX_EPOCH, DetailsChange::default());
        let image = pending(now);
        let received = image.receive(40, now).expect("to go on").expect("news");
        assert_eq!((received.bytes_taken, received.withdraw, received.events.len()), (None, None, 0));
        assert_eq!(received.image.receive(40, now).expect("to go on"), None, "a count never shrinks");
        let done = received.image.complete(&stored(100, "image/jpeg"), &details, now).expect("to be over");
        assert_eq!(done.bytes_taken, Some(100));
        assert_eq!(done.withdraw, Some(Job::CompleteUnattended { image: image.id }));
        assert_eq!(done.enqueue, Some((Job::Process { image: image.id }, now)));
        assert!(done.image.complete(&stored(100, "image/jpeg"), &details, now).is_err(), "once");
        for (object, code) in [
            (stored(101, "image/jpeg"), FailureCode::FileTooLarge),
            (stored(100, "text/html"), FailureCode::ContentTypeMismatch),
        ] {
            let failed = image.complete(&object, &details, now).expect("to be over");
            assert_eq!(failed.image.failure().map(|failure| failure.code), Some(code));
            assert_eq!((failed.bytes_taken, failed.events), (None, vec![EventKind::Failed]));
            assert_eq!(failed.enqueue, Some((Job::Discard { image: image.id }, now)));
        }
    }

    #[test]
    fn what_is_deleted_goes_with_its_objects_and_what_was_checked_can_come_back() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let mut image = pending(now);
        assert_eq!(image.trash(now, now), None, "there is nothing to bring back");
        image.state = UploadState::Completed { original: stored(100, "image/jpeg").original, facts: facts() };
        let trashed = image.trash(now + TimeDelta::days(1), now).expect("to go there");
        assert_eq!((trashed.enqueue, &*trashed.events), (None, &[EventKind::Trashed][..]));
        let restored = trashed.image.restore(false, now).expect("to come back");
        assert_eq!(restored.image.status(), ImageStatus::Processing, "variants are missing");
        assert_eq!(restored.enqueue, Some((Job::Process { image: image.id }, now)));
        let deleted = trashed.image.delete(now);
        assert_eq!(deleted.enqueue, Some((Job::Discard { image: image.id }, now)));
        assert_eq!(deleted.image.revision, image.revision + 2, "its watchers are told each time");
        assert!(deleted.image.restore(true, now).is_err());
    }

    #[test]
    fn an_edit_is_an_event_for_each_thing_that_changed_and_nothing_where_nothing_did() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let image = pending(now);
        let title = DetailsChange { title: Some("A pier".to_owned()), ..DetailsChange::default() };
        let elsewhere = Some(CategoryId(Uuid::from_u128(4)));
        let edited = image.edit(&title, elsewhere, now).expect("news");
        assert_eq!(edited.events, [EventKind::Described, EventKind::Moved]);
        assert_eq!(edited.image.revision, image.revision, "its upload is as it was");
        assert_eq!(edited.image.edit(&title, elsewhere, now), None);
    }

    #[test]
    fn what_a_newer_version_wrote_is_left_alone() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let image = Image { state: UploadState::Unknown, ..pending(now) };
        assert!(image.receive(1, now).is_err() && image.reprocess(Vec::new(), now).is_err());
        assert!(image.finish(now).is_none() && image.trash(now, now).is_none());
        let failure = Failure { code: FailureCode::Corrupt, message: String::new() };
        assert!(image.fail(failure, Keep::Nothing, now).is_none());
        assert_eq!(image.delete(now).image.status(), ImageStatus::Deleted);
    }
}
