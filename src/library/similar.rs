//! Similar images: of the same bytes, or of the same look.

use std::{collections::HashMap, sync::Arc};

use super::Library;
use crate::{
    db,
    domain::{
        access::{self, Action, Scope},
        caller::{Caller, TokenScope},
        error::ServiceResult,
        ids::ImageId,
        image::Image,
    },
};

/// How many similar images of somebody else are looked at for those that the caller sees.
const MAX_CANDIDATES: usize = 500;

impl Library {
    /// The owner's other completed images that look like this one and are the caller's to see, the most similar first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn similar(&self, caller: &Caller, image: &Image, first: usize) -> ServiceResult<Vec<Image>> {
        let read = self.inner.db.slow_read(caller.acting(TokenScope::Read)?.id()).await?;
        let scope = Scope::of_owner(image.owner);
        // Of somebody else's, those that the caller does not see are no part of the list.
        let is_own = caller.identity().is_some_and(|identity| identity.id() == image.owner);
        let candidates = if is_own { first } else { MAX_CANDIDATES };
        let ids = db::fingerprints::similar(read.conn()?, scope, image.id, candidates).await?;
        read.finish();
        let conn = self.inner.db.conn();
        let found = db::images::find_many(conn, &ids).await?;
        let mut found = self.seen(caller, found).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).take(first).collect())
    }

    /// Of each image with the bytes of an older one of its owner's, the oldest, where the caller may see it.
    pub async fn originals_of(
        &self,
        caller: &Caller,
        images: &[ImageId],
    ) -> ServiceResult<HashMap<ImageId, Arc<Image>>> {
        let conn = self.inner.db.conn();
        let originals = db::fingerprints::originals_of(conn, images).await?;
        let ids: Vec<ImageId> = originals.values().copied().collect();
        let found = self.seen(caller, db::images::find_many(conn, &ids).await?).await?;
        let found: HashMap<ImageId, Arc<Image>> = found.into_iter().map(|(id, image)| (id, Arc::new(image))).collect();
        let original = |(copy, id)| Some((copy, Arc::clone(found.get(&id)?)));
        Ok(originals.into_iter().filter_map(original).collect())
    }

    /// Those of these images that the caller sees.
    async fn seen(&self, caller: &Caller, images: Vec<Image>) -> ServiceResult<HashMap<ImageId, Image>> {
        let viewer = caller.acting(TokenScope::Read)?.id();
        let shared = db::shares::access_to_images(self.inner.db.conn(), viewer, &images).await?;
        let is_seen = |image: &Image| {
            let shared = shared.get(&image.id).copied();
            access::check(caller, Action::See, image, shared).is_ok()
        };
        Ok(images.into_iter().filter(is_seen).map(|image| (image.id, image)).collect())
    }
}
