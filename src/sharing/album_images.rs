//! What is in an album, and in which order.

use super::Sharing;
use crate::{
    db,
    domain::{
        access::{self, Action},
        batch::Batch,
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::{AlbumId, ImageId},
        sharing::{Album, AlbumPlace, PlacedImage},
    },
};

/// How many images an album has at most.
const MAX_IMAGES: u64 = 10_000;
/// Between two places: so many images go between two others before all are numbered anew.
const GAP: i64 = 1 << 40;

/// Some images of an album, in its order.
#[derive(Debug)]
pub struct AlbumImagePage {
    pub images: Vec<PlacedImage>,
    /// Whether there are more behind the last.
    pub has_more: bool,
}

impl Sharing {
    /// The completed images of an album that the caller sees, behind one that was given before.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `ALBUM_NOT_FOUND`.
    pub async fn album_images(
        &self,
        caller: &Caller,
        album: &Album,
        after: Option<(AlbumPlace, ImageId)>,
        first: u64,
    ) -> ServiceResult<AlbumImagePage> {
        let viewer = caller.acting(TokenScope::Read)?.id();
        let shared = db::shares::access_to_album(self.inner.db.conn(), viewer, album).await?;
        access::check_album(caller, Action::See, album, shared)?;
        self.page_of(album.id, after, first).await
    }

    pub(super) async fn page_of(
        &self,
        album: AlbumId,
        after: Option<(AlbumPlace, ImageId)>,
        first: u64,
    ) -> ServiceResult<AlbumImagePage> {
        let mut images = db::album_images::page(self.inner.db.conn(), album, after, first + 1).await?;
        let has_more = images.len() as u64 > first;
        images.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(AlbumImagePage { images, has_more })
    }

    /// Puts images of the caller's at the end of an album of theirs. Those that are in it stay where they are.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`; `IMAGE_NOT_FOUND` if any is not the caller's own; `QUOTA_EXCEEDED`. Then none is added.
    pub async fn add_images(&self, caller: &Caller, id: AlbumId, batch: &Batch) -> ServiceResult<Album> {
        let (transaction, album) = self.begin_on_album(caller, Action::Arrange, id).await?;
        let ids: Vec<ImageId> = batch.iter().collect();
        let images = db::images::find_many(&transaction, &ids).await?;
        if images.len() < ids.len() {
            return Err(no_such_image().into());
        }
        for image in &images {
            access::check(caller, Action::Arrange, image, None).map_err(|_| no_such_image())?;
        }
        let there = db::album_images::places_of(&transaction, id, &ids).await?;
        let added: Vec<ImageId> = ids.into_iter().filter(|image| !there.contains_key(image)).collect();
        let (count, last) = db::album_images::extent(&transaction, id).await?;
        if count + added.len() as u64 > MAX_IMAGES {
            let why = format!("An album has at most {MAX_IMAGES} images.");
            return Err(Refusal::on("imageIds", UserErrorCode::QuotaExceeded, why).into());
        }
        let added: Vec<_> = added.iter().copied().zip(places_between(last, None, added.len())).collect();
        db::album_images::insert(&transaction, id, &added).await?;
        self.touched(transaction, album).await
    }

    /// Takes images out of an album. Those that are not in it are passed over.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`.
    pub async fn remove_images(&self, caller: &Caller, id: AlbumId, batch: &Batch) -> ServiceResult<Album> {
        let (transaction, album) = self.begin_on_album(caller, Action::Arrange, id).await?;
        db::album_images::remove(&transaction, id, &batch.iter().collect::<Vec<_>>()).await?;
        self.touched(transaction, album).await
    }

    /// Moves images of an album before another one of it, or to its end, in the order in which they are given.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`; `IMAGE_NOT_FOUND` if any of them is not in the album; `INVALID_VALUE` for one that is to stand
    /// before itself.
    pub async fn move_images(
        &self,
        caller: &Caller,
        id: AlbumId,
        batch: &Batch,
        before: Option<ImageId>,
    ) -> ServiceResult<Album> {
        let (transaction, album) = self.begin_on_album(caller, Action::Change, id).await?;
        let moved: Vec<ImageId> = batch.iter().collect();
        if db::album_images::places_of(&transaction, id, &moved).await?.len() < moved.len() {
            return Err(no_such_image().into());
        }
        if before.is_some_and(|before| moved.contains(&before)) {
            let why = "An image cannot stand before itself.";
            return Err(Refusal::on("beforeImageId", UserErrorCode::InvalidValue, why).into());
        }
        let mut places = self.free_places(&transaction, id, &moved, before).await?;
        if places.len() < moved.len() {
            db::album_images::renumber(&transaction, id, GAP).await?;
            places = self.free_places(&transaction, id, &moved, before).await?;
        }
        let moved: Vec<_> = moved.into_iter().zip(places).collect();
        db::album_images::set_places(&transaction, id, &moved).await?;
        self.touched(transaction, album).await
    }

    /// Places for images of an album before another one of it, or at its end; none where there is no room for them.
    async fn free_places(
        &self,
        transaction: &db::Transaction,
        album: AlbumId,
        moved: &[ImageId],
        before: Option<ImageId>,
    ) -> ServiceResult<Vec<AlbumPlace>> {
        let back = match before {
            None => None,
            Some(before) => {
                let found = db::album_images::places_of(transaction, album, &[before]).await?.remove(&before);
                Some(found.ok_or_else(|| Refusal { field: vec!["beforeImageId"], ..no_such_image() })?)
            }
        };
        let front = db::album_images::place_before(transaction, album, back, moved).await?;
        Ok(places_between(front, back, moved.len()))
    }

    async fn touched(&self, transaction: db::Transaction, album: Album) -> ServiceResult<Album> {
        let updated_at = self.inner.clock.now();
        db::albums::touch(&transaction, album.id, updated_at).await?;
        transaction.commit().await?;
        Ok(Album { updated_at, ..album })
    }
}

/// So many places between two others; none where there is no room for them.
fn places_between(front: Option<AlbumPlace>, back: Option<AlbumPlace>, count: usize) -> Vec<AlbumPlace> {
    let Ok(count) = i64::try_from(count) else { return Vec::new() };
    let (from, step) = match (front, back) {
        (None, None) => (0, GAP),
        (Some(front), None) => (front.0, GAP),
        (None, Some(back)) => (back.0 - (count + 1) * GAP, GAP),
        (Some(front), Some(back)) => (front.0, (back.0 - front.0) / (count + 1)),
    };
    if step > 0 { (1..=count).map(|nth| AlbumPlace(from + nth * step)).collect() } else { Vec::new() }
}

fn no_such_image() -> Refusal {
    Refusal::on("imageIds", UserErrorCode::ImageNotFound, "One of these images does not exist.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(front: Option<i64>, back: Option<i64>, count: usize) -> Vec<i64> {
        let places = places_between(front.map(AlbumPlace), back.map(AlbumPlace), count);
        places.into_iter().map(|place| place.0).collect()
    }

    #[test]
    fn places_lie_between_their_neighbours_as_long_as_there_is_room() {
        assert_eq!(places(None, None, 2), [GAP, 2 * GAP]);
        assert_eq!(places(Some(5), None, 2), [5 + GAP, 5 + 2 * GAP]);
        assert_eq!(places(None, Some(5), 2), [5 - 2 * GAP, 5 - GAP]);
        assert_eq!(places(Some(10), Some(14), 3), [11, 12, 13]);
        assert_eq!(places(Some(10), Some(13), 3), [0_i64; 0]);
    }
}
