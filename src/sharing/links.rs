//! Links that show an image or an album to everybody who has them: made and ended by its owner.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use url::Url;

use super::{Sharing, shares::id_of};
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::ShareLinkId,
        sharing::{ShareLink, Shareable},
    },
    passwords::normalised,
};

/// How many links something has at most.
const MAX_LINKS: usize = 20;
/// In characters: of a password that is told to others. Shorter ones are guessed in spite of the limits.
const MIN_PASSWORD: usize = 6;
/// In characters.
const MAX_PASSWORD: usize = 128;
const MAX_LIFE: TimeDelta = TimeDelta::days(3660);

/// What a caller wants to show by a link.
#[derive(Debug, Clone)]
pub struct NewShareLink {
    pub of: Shareable,
    /// Never, where there is none.
    pub expires_at: Option<DateTime<Utc>>,
    /// What is asked for before anything is shown.
    pub password: Option<String>,
    pub shows_original: bool,
}

impl Sharing {
    /// Makes a link to an image or an album of the caller's.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` or `ALBUM_NOT_FOUND`; `INVALID_VALUE`, `WEAK_PASSWORD`, `QUOTA_EXCEEDED`.
    pub async fn create_link(&self, caller: &Caller, new: NewShareLink) -> ServiceResult<ShareLink> {
        let made_by = caller.acting(TokenScope::Share)?.id();
        let now = self.inner.clock.now();
        check(&new, now)?;
        let password_hash = match new.password {
            Some(password) => Some(self.inner.passwords.hash(password).await?),
            None => None,
        };
        let transaction = self.inner.db.begin().await?;
        self.hold_own(&transaction, caller, new.of).await?;
        let links = db::share_links::of_many(&transaction, &[new.of]).await?;
        if links.get(&new.of).map_or(0, Vec::len) >= MAX_LINKS {
            let why = format!("An image or an album has at most {MAX_LINKS} links.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        let link = ShareLink {
            id: ShareLinkId(self.inner.clock.new_id()),
            of: new.of,
            made_by,
            password_hash,
            shows_original: new.shows_original,
            expires_at: new.expires_at,
            views: 0,
            last_viewed_at: None,
            created_at: now,
        };
        db::share_links::insert(&transaction, &link).await?;
        let created =
            Audited::new(AuditAction::ShareLinkCreated, caller.actor(TokenScope::Share)?, Some(id_of(link.of)));
        let about =
            json!({"shareLinkId": link.id, "expiresAt": link.expires_at, "allowsOriginal": link.shows_original});
        self.audit(&transaction, created.with(about)).await?;
        transaction.commit().await?;
        Ok(link)
    }

    /// Ends a link of the caller's.
    ///
    /// # Errors
    /// `SHARE_NOT_FOUND` where the caller made no such link.
    pub async fn revoke_link(&self, caller: &Caller, id: ShareLinkId) -> ServiceResult<ShareLinkId> {
        let user = caller.acting(TokenScope::Share)?.id();
        let why = || Refusal::on("shareLinkId", UserErrorCode::ShareNotFound, "There is no such link.");
        let link = db::share_links::find(self.inner.db.conn(), id).await?.filter(|link| link.made_by == user);
        let link = link.ok_or_else(why)?;
        let transaction = self.inner.db.begin().await?;
        if !db::share_links::remove(&transaction, link.id).await? {
            return Err(why().into());
        }
        let revoked =
            Audited::new(AuditAction::ShareLinkRevoked, caller.actor(TokenScope::Share)?, Some(id_of(link.of)));
        self.audit(&transaction, revoked.with(json!({"shareLinkId": link.id}))).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// The links of many images and albums. To be shown to their owner alone.
    pub async fn links_of(&self, of: &[Shareable]) -> ServiceResult<HashMap<Shareable, Vec<ShareLink>>> {
        Ok(db::share_links::of_many(self.inner.db.conn(), of).await?)
    }

    /// Where a link leads.
    pub fn link_url(&self, link: &ShareLink) -> Url {
        let mut url = self.inner.base.clone();
        url.set_path(&format!("{}/s/{}", url.path().trim_end_matches('/'), self.inner.key.token(link.id)));
        url
    }
}

fn check(new: &NewShareLink, now: DateTime<Utc>) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if new.expires_at.is_some_and(|end| end <= now || end > now + MAX_LIFE) {
        let why = "`expiresAt` is in the future, within ten years.";
        refusals.push(Refusal::on("expiresAt", UserErrorCode::InvalidValue, why));
    }
    let length = new.password.as_deref().map(|password| normalised(password).chars().count());
    if length.is_some_and(|length| !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length)) {
        let why = format!("The password of a link has {MIN_PASSWORD} to {MAX_PASSWORD} characters.");
        refusals.push(Refusal::on("password", UserErrorCode::WeakPassword, why));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}
