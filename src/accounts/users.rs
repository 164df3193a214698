//! Users and groups, as those who manage them see them.
//!
//! Nobody gives more than they have: who is no administrator can neither touch one, nor hand out permissions that they do
//! not have themselves.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::{Accounts, sign_in::MAX_EMAIL_BYTES};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, Identity, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::{CategoryId, GroupId, ImageId, UserId},
        image::{Image, ImageStatus},
        user::{Group, Permission, Permissions, User},
    },
    mail::is_address,
};

/// In characters.
pub(super) const MAX_NAME: usize = 100;
/// How many groups a user is in at most.
const MAX_GROUPS: usize = 100;
/// How many users a page has at most.
const MAX_PAGE: u64 = 100;

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: String,
    /// Made of the address where there is none.
    pub display_name: Option<String>,
    /// Without one, the user cannot sign in until one is set.
    pub password: Option<String>,
    pub groups: Vec<GroupId>,
}

/// Some users in the order of their addresses.
#[derive(Debug)]
pub struct UserPage {
    pub users: Vec<User>,
    /// Whether there are more behind the last.
    pub has_more: bool,
}

impl Accounts {
    /// Users whose address begins with a prefix, by address, behind one that was given before.
    ///
    /// # Errors
    /// `Unauthenticated`, or `Forbidden` without the permission.
    pub async fn users(
        &self,
        caller: &Caller,
        prefix: &str,
        after: Option<String>,
        first: u64,
    ) -> ServiceResult<UserPage> {
        caller.with(Permission::ManageUsers)?;
        let (prefix, first) = (prefix.trim().to_lowercase(), first.min(MAX_PAGE));
        if prefix.contains('\0') || after.as_ref().is_some_and(|after| after.contains('\0')) {
            return Ok(UserPage { users: Vec::new(), has_more: false });
        }
        let mut users = db::users::page(self.inner.db.conn(), &prefix, after.as_deref(), first + 1).await?;
        let has_more = users.len() as u64 > first;
        users.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(UserPage { users, has_more })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `Forbidden` without the permission; every rule that the input breaks: `INVALID_VALUE`, `TOO_LONG`, `WEAK_PASSWORD`,
    /// `EMAIL_TAKEN`, `GROUP_NOT_FOUND`.
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> ServiceResult<User> {
        let manager = caller.with(Permission::ManageUsers)?;
        let user = self.checked_user(&new, new.password.as_deref())?;
        let hash = match new.password {
            Some(password) => Some(self.inner.passwords.hash(password).await?),
            None => None,
        };
        let transaction = self.inner.db.begin().await?;
        let groups = self.grantable(&transaction, manager, &new.groups).await?;
        if db::users::insert(&transaction, &user, hash).await? == Saved::Duplicate {
            let why = "Another account has this email address.";
            return Err(Refusal::on("email", UserErrorCode::EmailTaken, why).into());
        }
        db::groups::set_of_user(&transaction, user.id, &groups).await?;
        let created = Audited::new(AuditAction::UserCreated, caller.actor(TokenScope::Administer)?, Some(user.id.0));
        self.audit(&transaction, created.with(json!({"email": user.email, "groupIds": groups}))).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Makes a user a member of these groups and of no other. Their sockets begin anew.
    ///
    /// # Errors
    /// `Forbidden` without the permission, or where it would give or take what the caller does not have;
    /// `USER_NOT_FOUND`, `GROUP_NOT_FOUND`.
    pub async fn set_user_groups(&self, caller: &Caller, id: UserId, groups: Vec<GroupId>) -> ServiceResult<User> {
        let manager = caller.with(Permission::ManageUsers)?;
        let transaction = self.inner.db.begin().await?;
        let user = managed(&transaction, manager, id).await?;
        let wanted = self.grantable(&transaction, manager, &groups).await?;
        db::groups::set_of_user(&transaction, id, &wanted).await?;
        db::users::touch_rights(&transaction, id).await?;
        let changed = Audited::new(AuditAction::UserGroupsChanged, caller.actor(TokenScope::Administer)?, Some(id.0));
        self.audit(&transaction, changed.with(json!({"groupIds": wanted}))).await?;
        self.commit(transaction).await?;
        Ok(user)
    }

    /// Shuts a user out: their log-ins and tokens end, and nobody can sign in as them. Their images stay.
    ///
    /// # Errors
    /// `Forbidden` without the permission; `USER_NOT_FOUND`; `INVALID_STATE` for the caller's own account.
    pub async fn deactivate_user(&self, caller: &Caller, id: UserId) -> ServiceResult<User> {
        let manager = caller.with(Permission::ManageUsers)?;
        if manager.id() == id {
            let why = "Your own account can only be deactivated by another user.";
            return Err(Refusal::on("userId", UserErrorCode::InvalidState, why).into());
        }
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let user = managed(&transaction, manager, id).await?;
        self.hold_another_admin(&transaction, manager, id).await?;
        let since = user.deactivated_at.unwrap_or(now);
        db::users::set_deactivated(&transaction, id, Some(since)).await?;
        self.end_all(&transaction, &user).await?;
        let by = caller.actor(TokenScope::Administer)?;
        self.audit(&transaction, Audited::new(AuditAction::UserDeactivated, by, Some(id.0))).await?;
        self.commit(transaction).await?;
        Ok(User { deactivated_at: Some(since), ..user })
    }

    /// Lets a user in again. What ended stays ended: they sign in anew.
    ///
    /// # Errors
    /// `Forbidden` without the permission; `USER_NOT_FOUND`.
    pub async fn reactivate_user(&self, caller: &Caller, id: UserId) -> ServiceResult<User> {
        let manager = caller.with(Permission::ManageUsers)?;
        let transaction = self.inner.db.begin().await?;
        let user = managed(&transaction, manager, id).await?;
        if db::removals::find(&transaction, id).await?.is_some_and(|removal| removal.requested_by != id) {
            return Err(Refusal::on("userId", UserErrorCode::InvalidState, "The account is being deleted.").into());
        }
        db::users::set_deactivated(&transaction, id, None).await?;
        let by = caller.actor(TokenScope::Administer)?;
        self.audit(&transaction, Audited::new(AuditAction::UserReactivated, by, Some(id.0))).await?;
        transaction.commit().await?;
        Ok(User { deactivated_at: None, ..user })
    }

    /// Changes how the caller is called.
    ///
    /// # Errors
    /// `INVALID_VALUE`, `TOO_LONG`; `Forbidden` for a caller with an API token.
    pub async fn rename_self(&self, caller: &Caller, name: &str) -> ServiceResult<User> {
        let identity = caller.acting(TokenScope::Account)?;
        let display_name = name.trim().to_owned();
        check_name("displayName", &display_name)?;
        db::users::set_display_name(self.inner.db.conn(), identity.id(), display_name.clone()).await?;
        self.inner.callers.clear();
        Ok(User { display_name, ..identity.user.clone() })
    }

    /// Shows the caller by one of their images of the category of avatars, or by none.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND` for what is no completed avatar of the caller's; `Forbidden` for a caller with an API token.
    pub async fn set_avatar(&self, caller: &Caller, image: Option<ImageId>) -> ServiceResult<User> {
        let identity = caller.acting(TokenScope::Account)?;
        let conn = self.inner.db.conn();
        if let Some(id) = image {
            let is_fit = |image: &Image| {
                let is_avatar = image.category == CategoryId::AVATARS && image.status() == ImageStatus::Completed;
                is_avatar && image.owner == identity.id()
            };
            db::images::find(conn, id).await?.filter(is_fit).ok_or_else(|| {
                let why = "There is no such image in the category of avatars that is completed.";
                Refusal::on("imageId", UserErrorCode::ImageNotFound, why)
            })?;
        }
        db::users::set_avatar(conn, identity.id(), image).await?;
        self.inner.callers.clear();
        Ok(User { avatar: image, ..identity.user.clone() })
    }

    /// The groups of many users, by name.
    pub async fn groups_of(&self, users: &[UserId]) -> ServiceResult<HashMap<UserId, Vec<Group>>> {
        Ok(db::groups::of_users(self.inner.db.conn(), users).await?)
    }

    /// Those of these groups that are there, all of which the manager may put somebody into.
    pub(super) async fn grantable(
        &self,
        conn: &db::Transaction,
        manager: &Identity,
        ids: &[GroupId],
    ) -> ServiceResult<Vec<GroupId>> {
        let wanted: HashSet<GroupId> = ids.iter().copied().collect();
        if wanted.len() > MAX_GROUPS {
            let why = format!("A user is in at most {MAX_GROUPS} groups.");
            return Err(Refusal::on("groupIds", UserErrorCode::TooLong, why).into());
        }
        let wanted: Vec<GroupId> = wanted.into_iter().collect();
        let groups = db::groups::find_many(conn, &wanted).await?;
        if groups.len() < wanted.len() {
            return Err(group_not_found().into());
        }
        if !groups.iter().all(|group| may_grant(manager, group.permissions)) {
            return Err(ServiceError::Forbidden);
        }
        Ok(wanted)
    }
}

/// A user whom this manager may change: one who may do nothing that the manager may not.
pub(super) async fn managed(conn: &db::Transaction, manager: &Identity, id: UserId) -> ServiceResult<User> {
    let user = db::users::find(conn, id).await?.ok_or_else(Refusal::user_not_found)?;
    let groups = db::groups::of_users(conn, &[id]).await?.remove(&id).unwrap_or_default();
    let is_above = user.is_admin && !manager.user.is_admin;
    if is_above || !groups.iter().all(|group| may_grant(manager, group.permissions)) {
        return Err(ServiceError::Forbidden);
    }
    Ok(user)
}

/// Whether somebody may do all of that, and by what they showed.
pub(super) fn may_grant(manager: &Identity, permissions: Permissions) -> bool {
    permissions.iter().all(|permission| manager.may(permission))
}

pub(super) fn group_not_found() -> Refusal {
    Refusal::on("groupIds", UserErrorCode::GroupNotFound, "There is no such group.")
}

pub(super) fn check_email(email: &str) -> Result<(), Refusal> {
    if email.len() <= MAX_EMAIL_BYTES && is_address(email) {
        return Ok(());
    }
    Err(Refusal::on("email", UserErrorCode::InvalidValue, "This is not an email address."))
}

/// Of users and groups alike.
pub(super) fn check_name(field: &'static str, name: &str) -> Result<(), Refusal> {
    if name.chars().count() > MAX_NAME {
        let why = format!("A name has at most {MAX_NAME} characters.");
        return Err(Refusal::on(field, UserErrorCode::TooLong, why));
    }
    if name.is_empty() || name.contains(char::is_control) {
        let why = "A name is required, without control characters.";
        return Err(Refusal::on(field, UserErrorCode::InvalidValue, why));
    }
    Ok(())
}
