//! Finding: one image, pages of images, and what belongs to them, many at once for the loaders.

use std::collections::HashMap;

use url::Url;

use super::Library;
use crate::{
    db,
    domain::{
        category::Category,
        error::ServiceResult,
        ids::{CategoryId, ImageId, UserId},
        image::{Image, ImageStatus, UploadState},
        user::{Caller, Permission, User},
        variant::{Variant, VariantType},
    },
    storage::StorageKey,
};

/// Which page is asked for: the newest first.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// 1 to 100.
    pub first: u64,
    /// Only images older than this one.
    pub after: Option<ImageId>,
    pub statuses: Vec<ImageStatus>,
}

/// A page of images.
#[derive(Debug, Clone)]
pub struct ImagePage {
    pub images: Vec<Image>,
    pub has_next: bool,
}

impl Library {
    /// One image, where there is one for the caller to see.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn image(&self, caller: &Caller, id: ImageId) -> ServiceResult<Option<Image>> {
        let user = caller.user()?;
        let image = db::images::find(self.inner.db.conn(), id).await?;
        let image = image.filter(|image| image.state != UploadState::Deleted);
        Ok(image.filter(|image| user.may_with_image_of(image.owner, Permission::ViewAnyImage)))
    }

    /// A page of the caller's own images.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn images(&self, caller: &Caller, request: &PageRequest) -> ServiceResult<ImagePage> {
        let owner = caller.user()?.id;
        let statuses = visible(&request.statuses);
        let (after, limit) = (request.after, request.first + 1);
        let page = db::images::Page { owner, statuses: &statuses, after, limit };
        let mut images = db::images::page(self.inner.db.conn(), page).await?;
        let has_next = images.len() as u64 > request.first;
        images.truncate(usize::try_from(request.first).unwrap_or(usize::MAX));
        Ok(ImagePage { images, has_next })
    }

    /// How many images all pages have together.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn count(&self, caller: &Caller, statuses: &[ImageStatus]) -> ServiceResult<u64> {
        let owner = caller.user()?.id;
        Ok(db::images::count(self.inner.db.conn(), owner, &visible(statuses)).await?)
    }

    /// One user: the caller, or anybody for those who manage users.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn user(&self, caller: &Caller, id: UserId) -> ServiceResult<Option<User>> {
        let viewer = caller.user()?;
        if viewer.id != id && !viewer.may(Permission::ManageUsers) {
            return Ok(None);
        }
        Ok(db::users::find(self.inner.db.conn(), id).await?)
    }

    /// Many images' variants.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn variants(&self, images: &[ImageId]) -> ServiceResult<HashMap<ImageId, Vec<Variant>>> {
        Ok(db::variants::of_images(self.inner.db.conn(), images).await?)
    }

    /// Many categories.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn categories_by_id(&self, ids: &[CategoryId]) -> ServiceResult<HashMap<CategoryId, Category>> {
        let found = db::categories::find_many(self.inner.db.conn(), ids).await?;
        Ok(found.into_iter().map(|category| (category.id, category)).collect())
    }

    /// Many users.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn users_by_id(&self, ids: &[UserId]) -> ServiceResult<HashMap<UserId, User>> {
        let found = db::users::find_many(self.inner.db.conn(), ids).await?;
        Ok(found.into_iter().map(|user| (user.id, user)).collect())
    }

    /// Where a browser fetches the original; nothing until it is where it stays.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn original_url(&self, image: &Image) -> ServiceResult<Option<Url>> {
        // Decoded, so it was copied to its key; before that it may not be there yet.
        if image.facts().is_none() {
            return Ok(None);
        }
        Ok(Some(self.inner.storage.url(&StorageKey::original(image)).await?))
    }

    /// Where a browser fetches a variant.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn variant_url(&self, image: &Image, kind: VariantType) -> ServiceResult<Url> {
        Ok(self.inner.storage.url(&StorageKey::variant(image, kind)).await?)
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

/// The deleted are seen by nobody, whatever was asked for.
fn visible(statuses: &[ImageStatus]) -> Vec<ImageStatus> {
    statuses.iter().copied().filter(|status| *status != ImageStatus::Deleted).collect()
}
