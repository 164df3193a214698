//! Objects that no row knows, and how to tell them from those of another database.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, TimeDelta, Utc};

use super::Uploads;
use crate::{
    db,
    domain::{
        error::ServiceResult,
        ids::ImageId,
        image::{Image, UploadState},
        variant::Variant,
    },
    storage::{StorageKey, StoredObject},
};

/// How old an object is before it can be an orphan.
const AGE: TimeDelta = TimeDelta::days(1);
/// Storages tell the time by clocks of their own, in whole seconds.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);
/// So much, and more than is known, is no orphan of ours but somebody else's, or that of a database that was lost.
const SUSPICIOUS: u64 = 100;

/// An object that no row knows.
pub type Orphan = StoredObject;

/// Walks through what is Darkroom's in the bucket, a page at a time.
pub(super) struct OrphanPages<'a> {
    uploads: &'a Uploads,
    /// When orphans were stored. What is older than the database is none of its making: a wrong DATABASE_URL must not
    /// empty a bucket.
    stored_in: Range<DateTime<Utc>>,
    prefixes: Vec<&'static str>,
    continuation: Option<String>,
}

/// The orphans of a page, how many of them no image of this database has left behind, and how many objects are known.
pub(super) struct OrphanPage {
    pub orphans: Vec<Orphan>,
    strange: u64,
    known: u64,
}

impl Uploads {
    /// When what nobody knows was stored: long enough ago, and since this database is there.
    pub(super) async fn orphans_are_from(&self) -> ServiceResult<Range<DateTime<Utc>>> {
        let newest = self.now() - AGE;
        let oldest = db::users::first_made_at(self.inner.db.conn()).await?;
        Ok(oldest.map_or(newest, |oldest| oldest - CLOCKS_DIFFER)..newest)
    }

    /// How many orphans there are that no image of this database has left behind, where they are too many to be believed. What
    /// was replaced of an image is ours, however much of it there is.
    pub(super) async fn too_many_orphans(&self) -> ServiceResult<Option<u64>> {
        let (mut strange, mut known) = (0, 0);
        let mut pages = OrphanPages::of(self).await?;
        while let Some(page) = pages.next().await? {
            strange += page.strange;
            known += page.known;
        }
        Ok((strange > SUSPICIOUS && strange > known).then_some(strange))
    }

    /// Gives every object that no row knows, and removes none.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn find_orphans(&self, mut each: impl FnMut(Orphan) + Send) -> ServiceResult<()> {
        let mut pages = OrphanPages::of(self).await?;
        while let Some(page) = pages.next().await? {
            page.orphans.into_iter().for_each(&mut each);
        }
        Ok(())
    }
}

impl<'a> OrphanPages<'a> {
    pub(super) async fn of(uploads: &'a Uploads) -> ServiceResult<Self> {
        let stored_in = uploads.orphans_are_from().await?;
        Ok(Self { uploads, stored_in, prefixes: vec![StorageKey::INCOMING, StorageKey::IMAGES], continuation: None })
    }

    /// The next page; `None` behind the last one.
    pub(super) async fn next(&mut self) -> ServiceResult<Option<OrphanPage>> {
        let Some(prefix) = self.prefixes.last() else { return Ok(None) };
        let inner = &self.uploads.inner;
        let page = inner.storage.list(prefix, self.continuation.take()).await?;
        self.continuation = page.continuation;
        if self.continuation.is_none() {
            self.prefixes.pop();
        }
        let of_images = page.objects.iter().filter_map(|object| object.key.image());
        let ids: Vec<ImageId> = of_images.collect();
        let images = db::images::find_many(inner.db.conn(), &ids).await?;
        let images: HashMap<ImageId, Image> = images.into_iter().map(|image| (image.id, image)).collect();
        let variants = db::variants::of_images(inner.db.conn(), &ids).await?;
        // A newer version knows what it has stored of them.
        let of_newer_version = db::variants::with_unknown(inner.db.conn(), &ids).await?;
        let is_known = |object: &StoredObject| {
            let image = object.key.image().and_then(|id| images.get(&id));
            if image.is_some_and(|image| of_newer_version.contains(&image.id)) {
                return true;
            }
            let variants = image.and_then(|image| variants.get(&image.id)).map(Vec::as_slice);
            image.is_some_and(|image| self.uploads.knows(image, variants.unwrap_or_default(), &object.key))
        };
        let (known, unknown): (Vec<_>, Vec<_>) = page.objects.into_iter().partition(is_known);
        let image_of = |object: &StoredObject| object.key.image().and_then(|id| images.get(&id));
        // Clients may hold the addresses of what was replaced a moment ago.
        let is_orphan = |object: &StoredObject| {
            let is_left_alone = image_of(object).is_none_or(|image| image.updated_at < self.stored_in.end);
            is_left_alone && self.stored_in.contains(&object.modified)
        };
        let orphans: Vec<Orphan> = unknown.into_iter().filter(is_orphan).collect();
        // Where the database is older than the bucket, its images have variants that they do not know. What was sent under a
        // ticket says nothing: anybody who has one can leave it behind.
        let is_incoming = |object: &Orphan| object.key.as_str().starts_with(StorageKey::INCOMING);
        let is_strange = |object: &&Orphan| {
            !is_incoming(object) && image_of(object).is_none_or(|image| object.key.generation() > image.generation)
        };
        let strange = orphans.iter().filter(is_strange).count() as u64;
        Ok(Some(OrphanPage { orphans, strange, known: known.len() as u64 }))
    }
}

impl Uploads {
    /// Everything that an image has in the bucket, or may have in a moment, once it is there.
    pub(super) fn settled_keys<'a>(
        &'a self,
        image: &'a Image,
        variants: &'a [Variant],
    ) -> impl Iterator<Item = StorageKey> + 'a {
        let made = variants.iter().map(|variant| (&variant.name, variant.generation, variant.format));
        // One that was stored, and of which the row is not written yet.
        let in_the_making = self.variants_of(image).iter().map(|spec| (&spec.name, image.generation, spec.format));
        let of_variants = made.chain(in_the_making);
        let of_variants = of_variants.map(|(name, at, format)| StorageKey::variant(image, name, at, format));
        std::iter::once(StorageKey::original(image)).chain(of_variants)
    }

    /// Whether an image in its state has to do with the object.
    fn knows(&self, image: &Image, variants: &[Variant], key: &StorageKey) -> bool {
        let is_incoming = *key == StorageKey::incoming(image.id);
        let is_settled = || self.settled_keys(image, variants).any(|settled| settled == *key);
        match &image.state {
            UploadState::Pending | UploadState::Uploading { .. } => is_incoming,
            UploadState::Processing { .. } | UploadState::Failed { kept: Some(_), .. } => is_incoming || is_settled(),
            UploadState::Completed { .. } | UploadState::Trashed { .. } => is_settled(),
            UploadState::Failed { kept: None, .. } | UploadState::Deleted => false,
            // A newer version knows what it has stored.
            UploadState::Unknown => true,
        }
    }
}
