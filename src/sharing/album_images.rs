//! What is in an album, and in which order.

use std::collections::HashSet;

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
const MAX_IMAGES: usize = 10_000;
/// Between two places: so many images go between two others before all are numbered anew.
const GAP: i64 = 1 << 20;

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
        let transaction = self.inner.db.begin().await?;
        let album = self.locked_album(&transaction, caller, Action::Arrange, id).await?;
        let ids: Vec<ImageId> = batch.iter().collect();
        let images = db::images::find_many(&transaction, &ids).await?;
        if images.len() < ids.len() {
            return Err(no_such_image().into());
        }
        for image in &images {
            access::check(caller, Action::Arrange, image, None).map_err(|_| no_such_image())?;
        }
        let there = db::album_images::all(&transaction, id).await?;
        let known: HashSet<ImageId> = there.iter().map(|(image, _)| *image).collect();
        let added: Vec<ImageId> = ids.into_iter().filter(|image| !known.contains(image)).collect();
        if there.len() + added.len() > MAX_IMAGES {
            let why = format!("An album has at most {MAX_IMAGES} images.");
            return Err(Refusal::on("imageIds", UserErrorCode::QuotaExceeded, why).into());
        }
        let last = there.last().map_or(0, |(_, place)| place.0);
        let places = (1..).map(|at| AlbumPlace(last + at * GAP));
        let added: Vec<_> = added.into_iter().zip(places).collect();
        db::album_images::insert(&transaction, id, &added).await?;
        self.touched(transaction, album).await
    }

    /// Takes images out of an album. Those that are not in it are passed over.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`.
    pub async fn remove_images(&self, caller: &Caller, id: AlbumId, batch: &Batch) -> ServiceResult<Album> {
        let transaction = self.inner.db.begin().await?;
        let album = self.locked_album(&transaction, caller, Action::Arrange, id).await?;
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
        let transaction = self.inner.db.begin().await?;
        let album = self.locked_album(&transaction, caller, Action::Change, id).await?;
        let moved: Vec<ImageId> = batch.iter().collect();
        let (taken, others): (Vec<_>, Vec<_>) =
            db::album_images::all(&transaction, id).await?.into_iter().partition(|(image, _)| moved.contains(image));
        if taken.len() < moved.len() {
            return Err(no_such_image().into());
        }
        let at = match before {
            None => others.len(),
            Some(before) if moved.contains(&before) => {
                let why = "An image cannot stand before itself.";
                return Err(Refusal::on("beforeImageId", UserErrorCode::InvalidValue, why).into());
            }
            Some(before) => {
                let at = others.iter().position(|(image, _)| *image == before);
                at.ok_or_else(|| Refusal { field: vec!["beforeImageId"], ..no_such_image() })?
            }
        };
        if let Some(places) = places_between(&others, at, moved.len()) {
            db::album_images::remove(&transaction, id, &moved).await?;
            let moved: Vec<_> = moved.into_iter().zip(places).collect();
            db::album_images::insert(&transaction, id, &moved).await?;
        } else {
            let (front, back) = others.split_at(at);
            let all = front.iter().map(|(image, _)| *image).chain(moved).chain(back.iter().map(|(image, _)| *image));
            let all: Vec<_> = all.zip((1..).map(|at| AlbumPlace(at * GAP))).collect();
            db::album_images::remove_all(&transaction, id).await?;
            db::album_images::insert(&transaction, id, &all).await?;
        }
        self.touched(transaction, album).await
    }

    async fn touched(&self, transaction: db::Transaction, album: Album) -> ServiceResult<Album> {
        let updated_at = self.inner.clock.now();
        db::albums::touch(&transaction, album.id, updated_at).await?;
        transaction.commit().await?;
        Ok(Album { updated_at, ..album })
    }
}

/// So many places before the one at `at`; none where there is no room for them.
fn places_between(others: &[(ImageId, AlbumPlace)], at: usize, count: usize) -> Option<Vec<AlbumPlace>> {
    let count = i64::try_from(count).ok()?;
    let place = |at: usize| others.get(at).map(|(_, place)| place.0);
    let (from, step) = match (at.checked_sub(1).and_then(place), place(at)) {
        (None, None) => (0, GAP),
        (Some(front), None) => (front, GAP),
        (None, Some(back)) => (back - (count + 1) * GAP, GAP),
        (Some(front), Some(back)) => (front, (back - front) / (count + 1)),
    };
    (step > 0).then(|| (1..=count).map(|nth| AlbumPlace(from + nth * step)).collect())
}

fn no_such_image() -> Refusal {
    Refusal::on("imageIds", UserErrorCode::ImageNotFound, "One of these images does not exist.")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn places(of: &[i64], at: usize, count: usize) -> Option<Vec<i64>> {
        let others: Vec<_> = of.iter().map(|place| (ImageId(Uuid::nil()), AlbumPlace(*place))).collect();
        places_between(&others, at, count).map(|places| places.into_iter().map(|place| place.0).collect())
    }

    #[test]
    fn places_lie_between_their_neighbours_as_long_as_there_is_room() {
        assert_eq!(places(&[], 0, 2), Some(vec![GAP, 2 * GAP]));
        assert_eq!(places(&[5], 1, 2), Some(vec![5 + GAP, 5 + 2 * GAP]));
        assert_eq!(places(&[5], 0, 2), Some(vec![5 - 2 * GAP, 5 - GAP]));
        assert_eq!(places(&[10, 14], 1, 3), Some(vec![11, 12, 13]));
        assert_eq!(places(&[10, 13], 1, 3), None);
    }
}
