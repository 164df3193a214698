//! What somebody without an account sees by a link.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::{AlbumImagePage, SharedThing, Sharing};
use crate::{
    db,
    domain::{
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::ImageId,
        image::Image,
        sharing::{AlbumPlace, ShareLink, Shareable},
    },
    passwords::{MAX_PASSWORD_BYTES, Verdict},
};

/// How long a password need not be given again.
pub const PASS_LIFE: TimeDelta = TimeDelta::hours(1);

/// A link that is good, and what it shows.
#[derive(Debug, Clone)]
pub struct OpenedLink {
    pub link: ShareLink,
    pub thing: SharedThing,
}

/// What came of a look at a link.
#[derive(Debug, Clone)]
pub enum Opened {
    Shown(Box<OpenedLink>),
    /// Its password is to be given first.
    WantsPassword,
}

impl Sharing {
    /// Opens a link with a pass that a password was given for before, or without.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for what is no link, has expired, was ended, or shows what is there no more.
    pub async fn look_at_link(&self, token: &str, pass: Option<&str>) -> ServiceResult<Opened> {
        let link = self.live_link(token).await?;
        let is_passed = |pass: &str| self.inner.key.is_pass(pass, &link, self.inner.clock.now());
        if link.password_hash.is_some() && !pass.is_some_and(is_passed) {
            return Ok(Opened::WantsPassword);
        }
        Ok(Opened::Shown(Box::new(self.shown(link).await?)))
    }

    /// Opens a link with its password, if it has one.
    ///
    /// # Errors
    /// As `look_at_link`; `INVALID_CREDENTIALS` for a wrong password or none; `RateLimited` after too many of them.
    pub async fn open_link(&self, token: &str, password: Option<String>, address: IpAddr) -> ServiceResult<OpenedLink> {
        let link = self.live_link(token).await?;
        if let Some(hash) = &link.password_hash {
            let wrong =
                || Refusal::on("password", UserErrorCode::InvalidCredentials, "This is not the link's password.");
            let password = password.filter(|password| password.len() <= MAX_PASSWORD_BYTES).ok_or_else(wrong)?;
            let tried = link.id.to_string();
            self.inner.tries.begin(&tried, address, self.inner.clock.now())?;
            if self.inner.passwords.verify(password, Some(hash.clone())).await? == Verdict::Wrong {
                return Err(wrong().into());
            }
            self.inner.tries.succeeded(&tried, address);
        }
        self.shown(link).await
    }

    /// What to show with the next looks at a link whose password was given, for an hour.
    pub fn pass(&self, link: &ShareLink) -> String {
        self.inner.key.pass(link, self.inner.clock.now() + PASS_LIFE)
    }

    /// Images of the album that a link shows, behind one that was given before. None of what shows no album.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn images_of_link(
        &self,
        opened: &OpenedLink,
        after: Option<(AlbumPlace, ImageId)>,
        first: u64,
    ) -> ServiceResult<AlbumImagePage> {
        match &opened.thing {
            SharedThing::Album(album) => self.page_of(album.id, after, first).await,
            SharedThing::Image(_) => Ok(AlbumImagePage { images: Vec::new(), has_more: false }),
        }
    }

    /// The link of a token, as long as it lasts.
    async fn live_link(&self, token: &str) -> ServiceResult<ShareLink> {
        let (conn, now) = (self.inner.db.conn(), self.inner.clock.now());
        let id = self.inner.key.read(token).ok_or_else(invalid)?;
        let lasts = |link: &ShareLink| link.expires_at.is_none_or(|end| end > now);
        let link = db::share_links::find(conn, id).await?.filter(lasts).ok_or_else(invalid)?;
        // Who may not sign in shows nothing either.
        let maker = db::users::find(conn, link.made_by).await?;
        maker.filter(|maker| maker.deactivated_at.is_none()).ok_or_else(invalid)?;
        Ok(link)
    }

    async fn shown(&self, link: ShareLink) -> ServiceResult<OpenedLink> {
        let conn = self.inner.db.conn();
        let thing = match link.of {
            Shareable::Image(id) => {
                // One that is being made anew has its original and some variants.
                let is_shown = |image: &Image| image.is_visible() && image.facts().is_some();
                let image = db::images::find(conn, id).await?.filter(is_shown).ok_or_else(invalid)?;
                SharedThing::Image(Box::new(image))
            }
            Shareable::Album(id) => SharedThing::Album(db::albums::find(conn, id).await?.ok_or_else(invalid)?),
        };
        Ok(OpenedLink { link, thing })
    }
}

fn invalid() -> Refusal {
    Refusal::on("token", UserErrorCode::InvalidToken, "The link is not valid, or shows nothing any more.")
}
