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
        caller::{Caller, Identity, TokenScope},
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
        if !manager.may(of_images) {
            return Err(ServiceError::Forbidden);
        }
        if manager.id() == id {
            let why = "Delete your own account by deleteMyAccount.";
            return Err(Refusal::on("userId", UserErrorCode::InvalidState, why).into());
        }
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let user = managed(&transaction, manager, id).await?;
        self.hold_for_removal(&transaction, manager, id, heir).await?;
        // What the user wished themselves is done earlier.
        db::removals::withdraw(&transaction, id).await?;
        let requested_by = manager.id();
        let removal = Removal { user: id, heir, requested_by, requested_at: now, due_at: now, started_at: None };
        if db::removals::insert(&transaction, &removal).await? == Saved::Duplicate {
            return Err(Refusal::on("userId", UserErrorCode::InvalidState, "The account is being deleted.").into());
        }
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
    pub async fn delete_self(&self, caller: &Caller, password: Option<String>, client: &Client) -> ServiceResult<User> {
        let user = self.confirm(caller, password, client).await?;
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let identity = caller.acting(TokenScope::Account)?;
        self.hold_for_removal(&transaction, identity, user.id, None).await?;
        let due_at = now + GRACE;
        let removal =
            Removal { user: user.id, heir: None, requested_by: user.id, requested_at: now, due_at, started_at: None };
        if db::removals::insert(&transaction, &removal).await? == Saved::Duplicate {
            return Err(Refusal::of(UserErrorCode::InvalidState, "Your account is to be deleted already.").into());
        }
        self.end_all(&transaction, &user).await?;
        self.inner.queue.enqueue(&transaction, Job::RemoveUser { user: user.id }, due_at).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::UserDeletionRequested, by, Some(user.id.0))).await?;
        self.commit(transaction).await?;
        Ok(user)
    }

    /// Keeps the caller's account, which was to be deleted.
    ///
    /// # Errors
    /// `INVALID_STATE` where it was not.
    pub async fn cancel_deletion(&self, caller: &Caller) -> ServiceResult<User> {
        let user = &caller.acting(TokenScope::Account)?.user;
        let transaction = self.inner.db.begin().await?;
        if !db::removals::withdraw(&transaction, user.id).await? {
            let why = "You did not ask for the deletion of your account, or it has begun.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
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
        db::removals::start(&transaction, id, removal.started_at.unwrap_or(now)).await?;
        db::users::set_deactivated(&transaction, id, Some(user.deactivated_at.unwrap_or(now))).await?;
        self.end_all(&transaction, &user).await?;
        self.commit(transaction).await?;
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
        let deleted = Audited::new(AuditAction::UserDeleted, by, Some(user.id.0));
        self.audit(&transaction, deleted.with(json!({"transferToUserId": removal.heir}))).await?;
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

    /// Holds everybody whom a removal concerns, in the order of their ids, and checks that it leaves an administrator and
    /// takes no images with it that somebody else was promised.
    async fn hold_for_removal(
        &self,
        transaction: &db::Transaction,
        actor: &Identity,
        user: UserId,
        heir: Option<UserId>,
    ) -> ServiceResult<()> {
        self.hold_another_admin(transaction, actor, user).await?;
        let mut held: Vec<UserId> = heir.into_iter().chain([user]).collect();
        held.sort_unstable();
        for id in held {
            db::users::hold(transaction, id).await?;
        }
        if db::removals::is_heir(transaction, user).await? {
            let why = "Another account's images are being transferred to this one: wait until that is done.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let Some(heir) = heir else { return Ok(()) };
        let found = db::users::find(transaction, heir).await?;
        let is_fit = heir != user && found.is_some_and(|heir| heir.deactivated_at.is_none());
        if !is_fit || db::removals::find(transaction, heir).await?.is_some() {
            let why = "There is no such user, or they leave themselves.";
            return Err(Refusal::on("transferToUserId", UserErrorCode::UserNotFound, why).into());
        }
        Ok(())
    }

    /// Holds all administrators, and checks that one is left without this user, and that whoever acts is still let in.
    pub(super) async fn hold_another_admin(
        &self,
        transaction: &db::Transaction,
        actor: &Identity,
        user: UserId,
    ) -> ServiceResult<()> {
        let admins = db::users::hold_admins(transaction).await?;
        if !db::identities::stands(transaction, actor.standing, self.inner.clock.now()).await? {
            return Err(ServiceError::Unauthenticated);
        }
        if admins.contains(&user) && admins.len() < 2 {
            let why = "This is the only administrator: make somebody else one first.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        Ok(())
    }

    fn told_of_jobs(&self) {
        self.inner.callers.clear();
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
    }
}
