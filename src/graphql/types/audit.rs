//! The audit log, for those who manage users.

use async_graphql::{Context, Description, Enum, ID, InputObject, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    connection::PageInfo,
    paging::{cursor_of, page_info},
    user::User,
};
use crate::{
    accounts::AuditPage,
    domain::{self, audit::AuditFilter},
    graphql::{
        error::{ApiError, parse_id},
        loaders,
    },
};

/// The actions that the audit log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::AuditAction")]
pub enum AuditAction {
    /// The server started. `details` has its settings without secrets.
    ServerStarted,
    /// A user signed in.
    LoggedIn,
    /// Somebody failed to sign in. `details` has the email address.
    LogInFailed,
    /// A user ended all sessions.
    LoggedOutEverywhere,
    /// A user ended one session.
    SessionRevoked,
    /// A password was changed.
    PasswordChanged,
    /// A password was set by the link of a mail.
    PasswordReset,
    /// A user set up a second factor.
    SecondFactorEnabled,
    /// A second factor was removed.
    SecondFactorDisabled,
    /// An account was linked to a user of a provider of identities.
    IdentityLinked,
    /// A user added a passkey.
    PasskeyAdded,
    /// A user removed a passkey.
    PasskeyRemoved,
    /// A user created an API token.
    ApiTokenCreated,
    /// A user ended an API token.
    ApiTokenRevoked,
    /// An account was created.
    UserCreated,
    /// Somebody was invited.
    UserInvited,
    /// The groups of a user were changed.
    UserGroupsChanged,
    /// An account was deactivated.
    UserDeactivated,
    /// An account was reactivated.
    UserReactivated,
    /// The deletion of an account was requested.
    UserDeletionRequested,
    /// The deletion of an account was cancelled.
    UserDeletionCancelled,
    /// An account was deleted with everything that belonged to it.
    UserDeleted,
    /// A user requested a copy of their data.
    DataExported,
    /// A group was created.
    GroupCreated,
    /// A group was changed.
    GroupUpdated,
    /// A group was deleted.
    GroupDeleted,
    /// A category was created.
    CategoryCreated,
    /// A category was changed.
    CategoryUpdated,
    /// A user deleted an image, to the trash or permanently.
    ImageDeleted,
    /// An image or an album was shared.
    Shared,
    /// A share was ended.
    Unshared,
    /// A link was created.
    ShareLinkCreated,
    /// A link was ended.
    ShareLinkRevoked,
    /// An album was deleted.
    AlbumDeleted,
    /// A webhook was created.
    WebhookCreated,
    /// A webhook was changed.
    WebhookUpdated,
    /// The secret of a webhook was replaced.
    WebhookSecretRotated,
    /// The server disabled a webhook because its URL accepted nothing.
    WebhookDisabled,
    /// A webhook was deleted.
    WebhookDeleted,
}

/// A recorded action.
#[derive(Description)]
pub struct AuditEntry(domain::audit::AuditEntry);

#[Object(use_type_description)]
impl AuditEntry {
    /// The id of the entry, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The time of the action.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// The action.
    async fn action(&self) -> AuditAction {
        self.0.action.into()
    }

    /// The user who did it. Null for the server and its operator, for somebody who was not signed in, and for users who are
    /// deleted.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>, ApiError> {
        let Some(id) = self.0.actor else { return Ok(None) };
        Ok(loaders::load(ctx, id).await?.map(User))
    }

    /// The id of the user who did it, which stays when the user is deleted.
    async fn actor_id(&self) -> Option<ID> {
        self.0.actor.map(ID::from)
    }

    /// The id of the object of the action: a user, a group, a category, an image, an album, a session or an API token. Null
    /// if there is none.
    async fn target_id(&self) -> Option<ID> {
        self.0.target.map(ID::from)
    }

    /// The IP address from which the request came. Null for the server and its operator. Example: `"203.0.113.7"`.
    async fn address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// More about the action, by the names of this schema. Null if there is nothing more.
    async fn details(&self) -> Option<Json<&Value>> {
        Some(&self.0.details).filter(|details| !details.is_null()).map(Json)
    }
}

/// One page of the audit log.
#[derive(Description)]
pub struct AuditConnection(pub AuditPage);

/// An entry at a place in the audit log.
#[derive(SimpleObject)]
pub struct AuditEdge {
    /// The entry.
    node: AuditEntry,
    /// The position of the entry in the log, for `after`.
    cursor: String,
}

#[Object(use_type_description)]
impl AuditConnection {
    /// The entries of the page, each with its cursor.
    async fn edges(&self) -> Vec<AuditEdge> {
        let edge = |entry: &domain::audit::AuditEntry| AuditEdge {
            cursor: cursor_of(entry.id.to_string()),
            node: AuditEntry(entry.clone()),
        };
        self.0.entries.iter().map(edge).collect()
    }

    /// The entries of the page without their cursors.
    async fn nodes(&self) -> Vec<AuditEntry> {
        self.0.entries.iter().cloned().map(AuditEntry).collect()
    }

    /// The position of the page in the log.
    async fn page_info(&self) -> PageInfo {
        let cursor = |entry: Option<&domain::audit::AuditEntry>| entry.map(|entry| cursor_of(entry.id.to_string()));
        page_info(cursor(self.0.entries.first()), cursor(self.0.entries.last()), self.0.has_more)
    }
}

/// A filter for the audit log. An entry must match every field that is given.
#[derive(InputObject, Default)]
pub struct AuditLogFilter {
    /// Only these actions.
    actions: Option<Vec<AuditAction>>,
    /// Only actions of this user.
    actor_id: Option<ID>,
    /// Only actions with this object.
    target_id: Option<ID>,
    /// Only actions at this time or later.
    from: Option<DateTime<Utc>>,
    /// Only actions at this time or earlier.
    to: Option<DateTime<Utc>>,
}

impl AuditLogFilter {
    /// Which entries to read.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(self) -> Result<AuditFilter> {
        Ok(AuditFilter {
            actions: self.actions.into_iter().flatten().map(Into::into).collect(),
            actor: self.actor_id.as_ref().map(parse_id).transpose()?,
            target: self.target_id.as_ref().map(parse_id).transpose()?,
            from: self.from,
            to: self.to,
        })
    }
}
