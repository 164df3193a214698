//! Sharing with people, by their addresses, and with groups.
//!
//! Whether an address has an account is told to nobody: what is shared with one without is there when it has one.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Sharing;
use crate::{
    db,
    domain::{
        access::{self, Action},
        audit::{AuditAction, Audited},
        caller::{Caller, Identity, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::{GroupId, ImageId, ShareId},
        image::Image,
        sharing::{Album, Grantee, Share, ShareAccess, Shareable},
        user::Permission,
    },
    mail::is_address,
};

/// RFC 5321 has room for no more.
const MAX_EMAIL_BYTES: usize = 254;
/// With how many people and groups something is shared at most.
const MAX_SHARES: u64 = 100;

/// With whom a caller wants to share something.
#[derive(Debug, Clone)]
pub enum With {
    Email(String),
    Group(GroupId),
}

/// What a caller wants to share.
#[derive(Debug, Clone)]
pub struct NewShare {
    pub of: Shareable,
    pub with: With,
    pub access: ShareAccess,
}

/// What somebody shared.
#[derive(Debug, Clone)]
pub enum SharedThing {
    Image(Box<Image>),
    Album(Album),
}

/// A share, with what was shared.
#[derive(Debug, Clone)]
pub struct SharedItem {
    pub share: Share,
    pub thing: SharedThing,
}

/// Some of what is shared with somebody, the latest first.
#[derive(Debug)]
pub struct SharedPage {
    pub items: Vec<SharedItem>,
    /// The last share that was looked at, if there are more behind it.
    pub more_behind: Option<ShareId>,
}

impl Sharing {
    /// Shares an image or an album of the caller's, or changes what may be done with it.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` or `ALBUM_NOT_FOUND`; `GROUP_NOT_FOUND` for a group that the caller is not in and does not
    /// manage; `INVALID_VALUE` for what is no address, or the caller's own; `QUOTA_EXCEEDED`.
    pub async fn share(&self, caller: &Caller, new: NewShare) -> ServiceResult<Share> {
        let sharer = caller.acting(TokenScope::Share)?;
        let transaction = self.inner.db.begin().await?;
        self.hold_own(&transaction, caller, new.of).await?;
        let with = grantee(&transaction, sharer, new.with).await?;
        let known = db::shares::find_with(&transaction, new.of, &with).await?;
        // Whoever it was shared with may leave it at this moment.
        let kept = match known {
            Some(share) if db::shares::set_access(&transaction, share.id, new.access).await? => Some(share),
            _ => None,
        };
        let share = if let Some(share) = kept {
            Share { access: new.access, ..share }
        } else {
            if db::shares::count(&transaction, new.of).await? >= MAX_SHARES {
                let why = format!("An image or an album is shared with at most {MAX_SHARES} people and groups.");
                return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
            }
            let (id, created_at) = (ShareId(self.inner.clock.new_id()), self.inner.clock.now());
            let share = Share { id, of: new.of, with, access: new.access, shared_by: sharer.id(), created_at };
            db::shares::insert(&transaction, &share).await?;
            share
        };
        let shared = Audited::new(AuditAction::Shared, caller.actor(TokenScope::Share)?, Some(id_of(share.of)));
        self.audit(&transaction, shared.with(described(&share))).await?;
        transaction.commit().await?;
        Ok(share)
    }

    /// Takes a share back, or leaves what was shared with the caller.
    ///
    /// # Errors
    /// `SHARE_NOT_FOUND` for what neither was shared by the caller nor with their address.
    pub async fn unshare(&self, caller: &Caller, id: ShareId) -> ServiceResult<ShareId> {
        let user = caller.acting(TokenScope::Share)?;
        let is_theirs =
            |share: &Share| share.shared_by == user.id() || share.with == Grantee::Email(user.user.email.clone());
        let share = db::shares::find(self.inner.db.conn(), id).await?.filter(is_theirs);
        let share = share.ok_or_else(share_not_found)?;
        let transaction = self.inner.db.begin().await?;
        if !db::shares::remove(&transaction, share.id).await? {
            return Err(share_not_found().into());
        }
        let unshared = Audited::new(AuditAction::Unshared, caller.actor(TokenScope::Share)?, Some(id_of(share.of)));
        self.audit(&transaction, unshared.with(described(&share))).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// What is shared with the caller, by their address or by a group of theirs, the latest first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn shared_with_me(
        &self,
        caller: &Caller,
        after: Option<ShareId>,
        first: u64,
    ) -> ServiceResult<SharedPage> {
        let Identity { user, groups, .. } = caller.acting(TokenScope::Read)?;
        let conn = self.inner.db.conn();
        let mut shares = db::shares::page_with(conn, user, groups, after, first + 1).await?;
        let has_more = shares.len() as u64 > first;
        shares.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        let more_behind = shares.last().filter(|_| has_more).map(|share| share.id);
        let (mut images, mut albums) = (Vec::new(), Vec::new());
        for share in &shares {
            match share.of {
                Shareable::Image(id) => images.push(id),
                Shareable::Album(id) => albums.push(id),
            }
        }
        let images = db::images::find_many(conn, &images).await?;
        let images: HashMap<ImageId, Image> = images.into_iter().map(|image| (image.id, image)).collect();
        let albums = if albums.is_empty() { HashMap::new() } else { db::albums::find_many(conn, &albums).await? };
        // What is gone meanwhile is left out.
        let items = shares.into_iter().filter_map(|share| {
            let thing = match share.of {
                Shareable::Image(id) => {
                    SharedThing::Image(Box::new(images.get(&id).filter(|image| image.is_visible())?.clone()))
                }
                Shareable::Album(id) => SharedThing::Album(albums.get(&id)?.clone()),
            };
            Some(SharedItem { share, thing })
        });
        Ok(SharedPage { items: items.collect(), more_behind })
    }

    /// With whom many images and albums are shared. To be shown to their owner alone.
    pub async fn shares_of(&self, of: &[Shareable]) -> ServiceResult<HashMap<Shareable, Vec<Share>>> {
        Ok(db::shares::of_many(self.inner.db.conn(), of).await?)
    }

    /// Checks that something is the caller's to share, and holds it: who shares twice at once does not exceed a limit.
    pub(super) async fn hold_own(&self, conn: &db::Transaction, caller: &Caller, of: Shareable) -> ServiceResult<()> {
        match of {
            Shareable::Image(id) => {
                let image = db::images::hold(conn, id).await?.ok_or_else(Refusal::image_not_found)?;
                access::check(caller, Action::Share, &image, None)
            }
            Shareable::Album(id) => {
                let album = db::albums::lock(conn, id).await?.ok_or_else(Refusal::album_not_found)?;
                access::check_album(caller, Action::Share, &album, None)
            }
        }
    }
}

/// With whom it is to be shared, if the sharer may name them.
async fn grantee(conn: &db::Transaction, sharer: &Identity, with: With) -> ServiceResult<Grantee> {
    match with {
        With::Email(email) => {
            let email = email.trim().to_lowercase();
            let refuse = |why| Refusal::on("email", UserErrorCode::InvalidValue, why);
            if email.len() > MAX_EMAIL_BYTES || !is_address(&email) {
                return Err(refuse("This is not an email address.").into());
            }
            if email == sharer.user.email {
                return Err(refuse("This is your own address.").into());
            }
            Ok(Grantee::Email(email))
        }
        With::Group(id) => {
            let may_name = sharer.groups.contains(&id) || sharer.permissions.contains(Permission::ManageUsers);
            let exists = may_name && db::groups::hold(conn, id).await?;
            let why = "There is no such group, or you are not in it.";
            if exists {
                Ok(Grantee::Group(id))
            } else {
                Err(Refusal::on("groupId", UserErrorCode::GroupNotFound, why).into())
            }
        }
    }
}

/// What the audit log has of a share.
fn described(share: &Share) -> Value {
    match &share.with {
        Grantee::Email(email) => json!({"email": email, "access": share.access.name()}),
        Grantee::Group(group) => json!({"groupId": group, "access": share.access.name()}),
    }
}

pub(super) const fn id_of(of: Shareable) -> Uuid {
    match of {
        Shareable::Image(id) => id.0,
        Shareable::Album(id) => id.0,
    }
}

fn share_not_found() -> Refusal {
    Refusal::on("shareId", UserErrorCode::ShareNotFound, "There is no such share.")
}
