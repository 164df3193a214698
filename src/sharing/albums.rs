//! Albums: made, renamed, removed, found.

use std::collections::HashMap;

use super::Sharing;
use crate::{
    db,
    domain::{
        access::{self, Action},
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::AlbumId,
        sharing::Album,
    },
};

/// How many albums a user has at most.
const MAX_ALBUMS: u64 = 1000;
/// In characters.
const MAX_NAME: usize = 100;
/// In characters.
const MAX_DESCRIPTION: usize = 5000;

/// What is to be different of an album; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct AlbumChange {
    pub name: Option<String>,
    pub description: Option<String>,
}

/// Some albums, the latest first.
#[derive(Debug)]
pub struct AlbumPage {
    pub albums: Vec<Album>,
    /// Whether there are more behind the last.
    pub has_more: bool,
}

impl Sharing {
    /// Makes an album of the caller's.
    ///
    /// # Errors
    /// `INVALID_VALUE`, `TOO_LONG`, `QUOTA_EXCEEDED`.
    pub async fn create_album(&self, caller: &Caller, name: &str, description: String) -> ServiceResult<Album> {
        let (owner, now) = (caller.acting(TokenScope::Edit)?.id(), self.inner.clock.now());
        let (id, name) = (AlbumId(self.inner.clock.new_id()), name.trim().to_owned());
        let album = Album { id, owner, name, description, created_at: now, updated_at: now };
        check(&album)?;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, owner).await?;
        if db::albums::count(&transaction, owner).await? >= MAX_ALBUMS {
            let why = format!("A user has at most {MAX_ALBUMS} albums.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        db::albums::insert(&transaction, &album).await?;
        transaction.commit().await?;
        Ok(album)
    }

    /// Changes what an album is called, and what is said of it.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`, `INVALID_VALUE`, `TOO_LONG`.
    pub async fn update_album(&self, caller: &Caller, id: AlbumId, change: AlbumChange) -> ServiceResult<Album> {
        let (transaction, before) = self.begin_on_album(caller, Action::Change, id).await?;
        let album = Album {
            name: change.name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
            description: change.description.unwrap_or_else(|| before.description.clone()),
            updated_at: self.inner.clock.now(),
            ..before
        };
        check(&album)?;
        db::albums::update(&transaction, &album).await?;
        transaction.commit().await?;
        Ok(album)
    }

    /// Removes an album with its shares and links. Its images stay.
    ///
    /// # Errors
    /// `ALBUM_NOT_FOUND`.
    pub async fn delete_album(&self, caller: &Caller, id: AlbumId) -> ServiceResult<AlbumId> {
        let (transaction, _) = self.begin_on_album(caller, Action::Delete, id).await?;
        db::albums::remove(&transaction, id).await?;
        let by = caller.actor(TokenScope::Delete)?;
        self.audit(&transaction, Audited::new(AuditAction::AlbumDeleted, by, Some(id.0))).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// One album, where there is one for the caller to see.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn album(&self, caller: &Caller, id: AlbumId) -> ServiceResult<Option<Album>> {
        let viewer = caller.acting(TokenScope::Read)?.id();
        let conn = self.inner.db.conn();
        let Some(album) = db::albums::find(conn, id).await? else { return Ok(None) };
        let shared = db::shares::access_to_album(conn, viewer, &album).await?;
        Ok(access::check_album(caller, Action::See, &album, shared).is_ok().then_some(album))
    }

    /// The caller's own albums, the latest first, behind one that was given before.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn albums(&self, caller: &Caller, after: Option<AlbumId>, first: u64) -> ServiceResult<AlbumPage> {
        let owner = caller.acting(TokenScope::Read)?.id();
        let mut albums = db::albums::page(self.inner.db.conn(), owner, after, first + 1).await?;
        let has_more = albums.len() as u64 > first;
        albums.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(AlbumPage { albums, has_more })
    }

    /// How many images many albums have that can be seen.
    pub async fn album_counts(&self, albums: &[AlbumId]) -> ServiceResult<HashMap<AlbumId, u64>> {
        Ok(db::album_images::counts(self.inner.db.conn(), albums).await?)
    }

    /// Begins to change an album under its lock, if it is the caller's to deal with in that way. Nobody else holds anything.
    pub(super) async fn begin_on_album(
        &self,
        caller: &Caller,
        action: Action,
        id: AlbumId,
    ) -> ServiceResult<(db::Transaction, Album)> {
        let user = caller.acting(action.scope())?.id();
        let conn = self.inner.db.conn();
        let album = db::albums::find(conn, id).await?.ok_or_else(Refusal::album_not_found)?;
        let shared = db::shares::access_to_album(conn, user, &album).await?;
        access::check_album(caller, action, &album, shared)?;
        let transaction = self.inner.db.begin().await?;
        let album = db::albums::lock(&transaction, id).await?.ok_or_else(Refusal::album_not_found)?;
        Ok((transaction, album))
    }
}

fn check(album: &Album) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if album.name.is_empty() || album.name.contains(char::is_control) {
        let why = "`name` is required, without control characters.";
        refusals.push(Refusal::on("name", UserErrorCode::InvalidValue, why));
    }
    if album.description.contains('\0') {
        let why = "`description` contains no NUL.";
        refusals.push(Refusal::on("description", UserErrorCode::InvalidValue, why));
    }
    for (field, text, most) in [("name", &album.name, MAX_NAME), ("description", &album.description, MAX_DESCRIPTION)] {
        if text.chars().count() > most {
            let why = format!("`{field}` has at most {most} characters.");
            refusals.push(Refusal::on(field, UserErrorCode::TooLong, why));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}
