//! Finding: one image, and what belongs to images, many at once for the loaders.

use std::{collections::HashMap, sync::Arc};

use super::Library;
use crate::{
    db,
    domain::{
        access::{self, Action},
        caller::{Caller, TokenScope},
        category::Category,
        error::ServiceResult,
        ids::{CategoryId, ImageId, UserId},
        image::{Image, ImageStatus},
        metadata::Metadata,
        user::{Permission, User},
        variant::Variant,
    },
    storage::StorageKey,
};

impl Library {
    /// One image, where there is one for the caller to see.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn image(&self, caller: &Caller, id: ImageId) -> ServiceResult<Option<Image>> {
        let viewer = caller.acting(TokenScope::Read)?.id();
        let Some(image) = db::images::find(self.inner.db.conn(), id).await? else { return Ok(None) };
        let shared = db::shares::access_to(self.inner.db.conn(), viewer, &image).await?;
        Ok(access::check(caller, Action::See, &image, shared).is_ok().then_some(image))
    }

    /// One user: the caller, or anybody for those who manage users.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn user(&self, caller: &Caller, id: UserId) -> ServiceResult<Option<User>> {
        let viewer = caller.acting(TokenScope::Read)?;
        if viewer.id() != id && !viewer.may(Permission::ManageUsers) {
            return Ok(None);
        }
        Ok(db::users::find(self.inner.db.conn(), id).await?)
    }

    /// Many users' avatars, as everybody sees them who sees the users.
    pub async fn avatars(&self, ids: &[ImageId]) -> ServiceResult<HashMap<ImageId, Image>> {
        let is_shown =
            |image: &Image| image.category == CategoryId::AVATARS && image.status() == ImageStatus::Completed;
        let found = db::images::find_many(self.inner.db.conn(), ids).await?.into_iter().filter(is_shown);
        Ok(found.map(|image| (image.id, image)).collect())
    }

    /// Many images' variants.
    pub async fn variants(&self, images: &[ImageId]) -> ServiceResult<HashMap<ImageId, Vec<Variant>>> {
        Ok(db::variants::of_images(self.inner.db.conn(), images).await?)
    }

    /// Many images' metadata.
    pub async fn metadata(&self, images: &[ImageId]) -> ServiceResult<HashMap<ImageId, Metadata>> {
        Ok(db::metadata::of_images(self.inner.db.conn(), images).await?)
    }

    /// Many categories, as they were a moment ago.
    pub async fn categories_by_id(&self, ids: &[CategoryId]) -> ServiceResult<HashMap<CategoryId, Arc<Category>>> {
        let (now, cache) = (self.inner.clock.now(), &self.inner.categories);
        let known = ids.iter().map(|id| cache.get(id, now).map(|category| (*id, category)));
        if let Some(known) = known.collect() {
            return Ok(known);
        }
        let version = cache.version();
        let found = db::categories::find_many(self.inner.db.conn(), ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|category| (category.id, Arc::new(category))).collect();
        for (id, category) in &found {
            cache.insert(*id, Arc::clone(category), now, version);
        }
        Ok(found)
    }

    /// Many users.
    pub async fn users_by_id(&self, ids: &[UserId]) -> ServiceResult<HashMap<UserId, User>> {
        let found = db::users::find_many(self.inner.db.conn(), ids).await?;
        Ok(found.into_iter().map(|user| (user.id, user)).collect())
    }

    /// Where a browser fetches the original; nothing until it is where it stays.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn original_url(&self, image: &Image) -> ServiceResult<Option<String>> {
        // Decoded, so it was copied to its key; before that it may not be there yet.
        if image.facts().is_none() {
            return Ok(None);
        }
        Ok(Some(self.inner.storage.urls().await?.of(&StorageKey::original(image))))
    }

    /// Where a browser fetches a variant.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn variant_url(&self, image: &Image, variant: &Variant) -> ServiceResult<String> {
        Ok(self.inner.storage.urls().await?.of(&StorageKey::of_variant(image, variant)))
    }

    /// The `srcset` of variants, those of these names or, without any, those of the picture's own shape.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn src_set(
        &self,
        image: &Image,
        variants: &[Variant],
        names: Option<&[String]>,
    ) -> ServiceResult<String> {
        let is_asked_for = |variant: &Variant| match names {
            Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(variant.name.as_str())),
            None => image.facts().is_some_and(|facts| facts.has_shape_of(variant.width, variant.height)),
        };
        let urls = self.inner.storage.urls().await?;
        let mut candidates = String::new();
        let mut widths: Vec<u32> = Vec::new();
        for variant in variants.iter().filter(|variant| is_asked_for(variant)) {
            // Of two of one width a browser would take the first.
            if widths.contains(&variant.width) {
                continue;
            }
            candidates.push_str(if widths.is_empty() { "" } else { ", " });
            urls.push(&mut candidates, &StorageKey::of_variant(image, variant));
            candidates.extend([" ", &variant.width.to_string(), "w"]);
            widths.push(variant.width);
        }
        Ok(candidates)
    }

    /// Asks the storage whether it has the image's object: the original, or the upload on its way there.
    ///
    /// # Errors
    /// When the storage is away, which says nothing about the object.
    pub async fn exists_in_storage(&self, image: &Image) -> ServiceResult<bool> {
        for key in [StorageKey::original(image), StorageKey::incoming(image.id)] {
            if self.inner.storage.head(&key).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
