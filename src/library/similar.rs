//! Similar images: of the same bytes, or of the same look.

use std::{collections::HashMap, sync::Arc};

use super::Library;
use crate::{
    db,
    domain::{error::ServiceResult, ids::ImageId, image::Image},
};

impl Library {
    /// The owner's other completed images that look like this one, the most similar first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn similar(&self, image: &Image, first: usize) -> ServiceResult<Vec<Image>> {
        let read = self.inner.db.slow_read(image.owner).await?;
        let ids = db::fingerprints::similar(read.conn()?, image.owner, image.id, first).await?;
        read.finish();
        let conn = self.inner.db.conn();
        let found = db::images::find_many(conn, &ids).await?;
        let mut found: HashMap<ImageId, Image> = found.into_iter().map(|image| (image.id, image)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).filter(Image::is_visible).collect())
    }

    /// Of each image with the bytes of an older one of its owner's, the oldest.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn originals_of(&self, images: &[ImageId]) -> ServiceResult<HashMap<ImageId, Arc<Image>>> {
        let conn = self.inner.db.conn();
        let originals = db::fingerprints::originals_of(conn, images).await?;
        let ids: Vec<ImageId> = originals.values().copied().collect();
        let found = db::images::find_many(conn, &ids).await?.into_iter().filter(Image::is_visible);
        let found: HashMap<ImageId, Arc<Image>> = found.map(|image| (image.id, Arc::new(image))).collect();
        let original = |(copy, id)| Some((copy, Arc::clone(found.get(&id)?)));
        Ok(originals.into_iter().filter_map(original).collect())
    }
}
