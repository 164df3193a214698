//! Groups: made, changed and removed by those who manage users.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    Accounts,
    users::{check_name, may_grant},
};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::GroupId,
        user::{Group, Permission, Permissions},
    },
};

/// How many groups there are at most.
const MAX_GROUPS: usize = 1000;

/// What is to be different of a group; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    pub name: Option<String>,
    pub permissions: Option<Permissions>,
}

impl Accounts {
    /// All groups by name.
    ///
    /// # Errors
    /// `Unauthenticated`, or `Forbidden` without the permission.
    pub async fn groups(&self, caller: &Caller) -> ServiceResult<Vec<Group>> {
        caller.with(Permission::ManageUsers)?;
        Ok(db::groups::list(self.inner.db.conn()).await?)
    }

    /// Many groups, whoever asks.
    pub async fn groups_by_id(&self, ids: &[GroupId]) -> ServiceResult<HashMap<GroupId, Group>> {
        let found = db::groups::find_many(self.inner.db.conn(), ids).await?;
        Ok(found.into_iter().map(|group| (group.id, group)).collect())
    }

    /// Makes a group.
    ///
    /// # Errors
    /// `Forbidden` without the permission, or for permissions that the caller does not have; `INVALID_VALUE`, `TOO_LONG`,
    /// `GROUP_EXISTS`, `QUOTA_EXCEEDED`.
    pub async fn create_group(&self, caller: &Caller, name: &str, permissions: Permissions) -> ServiceResult<Group> {
        let manager = caller.with(Permission::ManageUsers)?;
        let group = Group {
            id: GroupId(self.inner.clock.new_id()),
            name: name.trim().to_owned(),
            permissions,
            created_at: self.inner.clock.now(),
        };
        check_name("name", &group.name)?;
        if !may_grant(manager, group.permissions) {
            return Err(ServiceError::Forbidden);
        }
        if db::groups::list(self.inner.db.conn()).await?.len() >= MAX_GROUPS {
            let why = format!("There are at most {MAX_GROUPS} groups.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        let transaction = self.inner.db.begin().await?;
        if db::groups::insert(&transaction, &group).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
        let created = Audited::new(AuditAction::GroupCreated, caller.actor(TokenScope::Administer)?, Some(group.id.0));
        self.audit(&transaction, created.with(described(&group))).await?;
        transaction.commit().await?;
        Ok(group)
    }

    /// Changes a group. The sockets of its members begin anew where they may do something else from now on.
    ///
    /// # Errors
    /// `Forbidden` without the permission, or where the group permits before or after what the caller may not do;
    /// `GROUP_NOT_FOUND`, `INVALID_VALUE`, `TOO_LONG`, `GROUP_EXISTS`.
    pub async fn update_group(&self, caller: &Caller, id: GroupId, change: GroupChange) -> ServiceResult<Group> {
        let manager = caller.with(Permission::ManageUsers)?;
        let transaction = self.inner.db.begin().await?;
        let before = db::groups::find(&transaction, id).await?.ok_or_else(no_such_group)?;
        let after = Group {
            name: change.name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
            permissions: change.permissions.unwrap_or(before.permissions),
            ..before
        };
        check_name("name", &after.name)?;
        if !may_grant(manager, after.permissions | before.permissions) {
            return Err(ServiceError::Forbidden);
        }
        if db::groups::update(&transaction, &after).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
        if after.permissions != before.permissions {
            db::groups::touch_members(&transaction, id).await?;
        }
        let updated = Audited::new(AuditAction::GroupUpdated, caller.actor(TokenScope::Administer)?, Some(id.0));
        self.audit(&transaction, updated.with(described(&after))).await?;
        self.commit(transaction).await?;
        Ok(after)
    }

    /// Removes a group. Its members stay, without what it permitted.
    ///
    /// # Errors
    /// `Forbidden` without the permission, or where the group permits what the caller may not do; `GROUP_NOT_FOUND`.
    pub async fn delete_group(&self, caller: &Caller, id: GroupId) -> ServiceResult<GroupId> {
        let manager = caller.with(Permission::ManageUsers)?;
        let transaction = self.inner.db.begin().await?;
        let group = db::groups::find(&transaction, id).await?.ok_or_else(no_such_group)?;
        if !may_grant(manager, group.permissions) {
            return Err(ServiceError::Forbidden);
        }
        db::groups::touch_members(&transaction, id).await?;
        db::groups::remove(&transaction, id).await?;
        let deleted = Audited::new(AuditAction::GroupDeleted, caller.actor(TokenScope::Administer)?, Some(id.0));
        self.audit(&transaction, deleted.with(described(&group))).await?;
        self.commit(transaction).await?;
        Ok(id)
    }
}

/// What the audit log has of a group.
fn described(group: &Group) -> Value {
    let permissions: Vec<_> = group.permissions.iter().map(Permission::name).collect();
    json!({"name": group.name, "permissions": permissions})
}

fn no_such_group() -> Refusal {
    Refusal::on("groupId", UserErrorCode::GroupNotFound, "There is no such group.")
}

fn name_is_taken() -> Refusal {
    Refusal::on("name", UserErrorCode::GroupExists, "Another group has this name.")
}
