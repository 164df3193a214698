//! Users who leave: by their own wish, after some days in which they may change their minds, or by those who manage users.
//!
//! A job does it: `begin_removal` shuts the user out, others remove what they have, and `finish_removal` is the end.

use std::collections::HashMap;

use chrono::TimeDelta;
use serde_json::json;

use super::{Accounts, users::managed};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::UserId,
        job::Job,
        removal::Removal,
        session::Client,
        user::{Permission, User},
    },
};

/// How long users may change their minds.
const GRACE: TimeDelta = TimeDelta::days(14);
/// How soon it is looked again whether the images are gone.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);

impl Accounts {
    /// Has a user removed at once. Their images are deleted, or become the heir's.
    ///
    /// # Errors
    /// `Forbidden` without the permission, with `DELETE_ANY_IMAGE` or, for an heir, `CHANGE_ANY_IMAGE`, or for a user who
    /// may do more than the caller; `USER_NOT_FOUND`, `INVALID_STATE` for the caller's own account.
    pub async fn delete_user(&self, caller: &Caller, id: UserId, heir: Option<UserId>) -> ServiceResult<User> {
        let manager = caller.with(Permission::ManageUsers)?;
        let of_images = if heir.is_some() { Permission::ChangeAnyImage } else { Permission::DeleteAnyImage };
        if !manager.permissions.contains(of_images) {
            return Err(ServiceError::Forbidden);
        }
        if manager.id() == id {
            let why = "Delete your own account by deleteMyAccount.";
            return Err(Refusal::on("userId", UserErrorCode::InvalidState, why).into());
        }
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let user = managed(&transaction, manager, id).await?;
        if let Some(heir) = heir {
            let found = db::users::find(&transaction, heir).await?;
            let why = "There is no such user, or they leave themselves.";
            let is_fit = heir != id && found.is_some_and(|heir| heir.deactivated_at.is_none());
            if !is_fit || db::removals::find(&transaction, heir).await?.is_some() {
                return Err(Refusal::on("transferToUserId", UserErrorCode::UserNotFound, why).into());
            }
        }
        // What the user wished themselves is done earlier.
        db::removals::remove(&transaction, id).await?;
        let removal = Removal { user: id, heir, requested_by: manager.id(), requested_at: now, due_at: now };
        db::removals::insert(&transaction, &removal).await?;
        db::users::set_deactivated(&transaction, id, Some(user.deactivated_at.unwrap_or(now))).await?;
        self.end_all(&transaction, &user).await?;
        self.inner.queue.withdraw(&transaction, Job::RemoveUser { user: id }).await?;
        self.inner.queue.enqueue(&transaction, Job::RemoveUser { user: id }, now).await?;
        let requested =
            Audited::new(AuditAction::UserDeletionRequested, caller.actor(TokenScope::Administer)?, Some(id.0));
        self.audit(&transaction, requested.with(json!({"transferToUserId": heir}))).await?;
        transaction.commit().await?;
        self.told_of_jobs();
        Ok(User { deactivated_at: Some(user.deactivated_at.unwrap_or(now)), ..user })
    }

    /// Has the caller removed with everything that they have, in two weeks. All of their log-ins and tokens end; who signs in
    /// again may cancel it.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` for a wrong password, `RateLimited` after too many of them; `INVALID_STATE` for the only
    /// administrator.
    pub async fn delete_self(&self, caller: &Caller, password: String, client: &Client) -> ServiceResult<User> {
        let user = caller.acting(TokenScope::Account)?.user.clone();
        self.check_password(&user.email, password, client).await?;
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        if user.is_admin && db::users::count_admins(&transaction).await? < 2 {
            let why = "You are the only administrator: make somebody else one first.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let due_at = now + GRACE;
        let removal = Removal { user: user.id, heir: None, requested_by: user.id, requested_at: now, due_at };
        if db::removals::insert(&transaction, &removal).await? == Saved::Duplicate {
            return Err(Refusal::of(UserErrorCode::InvalidState, "Your account is to be deleted already.").into());
        }
        self.end_all(&transaction, &user).await?;
        self.inner.queue.enqueue(&transaction, Job::RemoveUser { user: user.id }, due_at).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::UserDeletionRequested, by, Some(user.id.0))).await?;
        transaction.commit().await?;
        self.inner.callers.clear();
        Ok(user)
    }

    /// Keeps the caller's account, which was to be deleted.
    ///
    /// # Errors
    /// `INVALID_STATE` where it was not.
    pub async fn cancel_deletion(&self, caller: &Caller) -> ServiceResult<User> {
        let user = &caller.acting(TokenScope::Account)?.user;
        let transaction = self.inner.db.begin().await?;
        if !db::removals::remove(&transaction, user.id).await? {
            return Err(Refusal::of(UserErrorCode::InvalidState, "Your account is not to be deleted.").into());
        }
        self.inner.queue.withdraw(&transaction, Job::RemoveUser { user: user.id }).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::UserDeletionCancelled, by, Some(user.id.0))).await?;
        transaction.commit().await?;
        Ok(user.clone())
    }

    /// The removals of many users.
    pub async fn removals_of(&self, users: &[UserId]) -> ServiceResult<HashMap<UserId, Removal>> {
        Ok(db::removals::of_users(self.inner.db.conn(), users).await?)
    }

    /// Shuts out a user who is to be removed now. None, if nobody wants that any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_removal(&self, id: UserId) -> ServiceResult<Option<Removal>> {
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let Some(user) = db::users::find(&transaction, id).await? else { return Ok(None) };
        let removal = db::removals::find(&transaction, id).await?.filter(|removal| removal.due_at <= now);
        let Some(removal) = removal else { return Ok(None) };
        db::users::set_deactivated(&transaction, id, Some(user.deactivated_at.unwrap_or(now))).await?;
        self.end_all(&transaction, &user).await?;
        transaction.commit().await?;
        self.inner.callers.clear();
        Ok(Some(removal))
    }

    /// Has a removal go on in a moment: rows of deleted images stay for a minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn continue_removal(&self, removal: &Removal) -> ServiceResult<()> {
        let job = Job::RemoveUser { user: removal.user };
        Ok(self.inner.queue.enqueue(self.inner.db.conn(), job, self.inner.clock.now() + LOOK_AGAIN).await?)
    }

    /// Removes a user who has no images any more. What the audit log has of them is only that there was somebody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish_removal(&self, removal: &Removal) -> ServiceResult<()> {
        let transaction = self.inner.db.begin().await?;
        let Some(user) = db::users::find(&transaction, removal.user).await? else { return Ok(()) };
        db::audit::anonymise(&transaction, user.id, &user.email).await?;
        db::removals::remove_user(&transaction, user.id, &user.email).await?;
        let by = Actor::User(removal.requested_by, None);
        self.audit(&transaction, Audited::new(AuditAction::UserDeleted, by, Some(user.id.0))).await?;
        Ok(transaction.commit().await?)
    }

    /// Has removals go on whose jobs were lost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn requeue_removals(&self) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        for removal in db::removals::all(conn).await? {
            let due = removal.due_at.max(self.inner.clock.now());
            self.inner.queue.enqueue(conn, Job::RemoveUser { user: removal.user }, due).await?;
        }
        Ok(())
    }

    fn told_of_jobs(&self) {
        self.inner.callers.clear();
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
    }
}
