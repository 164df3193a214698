//! What becomes of an image: what a decision about it comes to, as a value, before any of it is written.

use chrono::{DateTime, Utc};

use super::{
    event::EventKind,
    fingerprint::Fingerprint,
    image::{Image, UploadState},
    job::Job,
    metadata::Metadata,
    sharing::ShareAccess,
    variant::{Variant, VariantName},
};

/// An image under its lock, with the variants that are ready.
#[derive(Debug, Clone)]
pub struct Locked {
    pub image: Image,
    /// Smallest first.
    pub variants: Vec<Variant>,
    /// What was shared of it with whoever changes it.
    pub shared: Option<ShareAccess>,
}

/// A row beside the image's own.
#[derive(Debug, Clone, PartialEq)]
pub enum RowChange {
    VariantReady(Variant),
    VariantsForgotten(Vec<VariantName>),
    Metadata(Box<Metadata>),
    Fingerprint(Fingerprint),
}

/// An image as it is to be from now on, and all that follows from that. It is written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub image: Image,
    pub rows: Vec<RowChange>,
    /// A job, and when it is due.
    pub enqueue: Option<(Job, DateTime<Utc>)>,
    /// A job that nobody has to do any more.
    pub withdraw: Option<Job>,
    /// What the log of events is told.
    pub events: Vec<EventKind>,
    /// In bytes: what the owner has to have room for.
    pub bytes_taken: Option<u64>,
}

impl Change {
    /// The same image in another state, which its subscribers are told of.
    pub(super) fn into_state(before: &Image, state: UploadState, now: DateTime<Utc>) -> Self {
        let mut image = before.clone();
        image.state = state;
        image.revision += 1;
        image.updated_at = now;
        let upload_is_over = before.awaits_upload() && !image.awaits_upload();
        let bytes_taken = image.original().filter(|_| upload_is_over).map(|original| original.size);
        // Nobody has to complete it in its client's stead any more.
        let withdraw = upload_is_over.then_some(Job::CompleteUnattended { image: image.id });
        Self { withdraw, bytes_taken, ..Self::silently(image) }
    }

    /// An image that subscribers of its upload are not told of.
    pub(super) const fn silently(image: Image) -> Self {
        Self { image, rows: Vec::new(), enqueue: None, withdraw: None, events: Vec::new(), bytes_taken: None }
    }

    pub(super) fn then(mut self, job: Job, due: DateTime<Utc>) -> Self {
        self.enqueue = Some((job, due));
        self
    }

    pub(super) fn row(mut self, row: RowChange) -> Self {
        self.rows.push(row);
        self
    }

    pub(super) fn event(mut self, kind: EventKind) -> Self {
        self.events.push(kind);
        self
    }
}
