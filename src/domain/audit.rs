//! What is kept of who did what: for those who have to find out later.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    event::Actor,
    ids::{AuditId, UserId},
};

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $action:ident => $name:literal,)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $action,)*
        }

        impl AuditAction {
            /// Every action that this version writes.
            pub const WRITTEN: &'static [Self] = &[$(Self::$action,)*];

            /// The name in the database.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }
    };
}

audit_actions! {
    /// The server started, with these settings.
    ServerStarted => "server_started",
    LoggedIn => "logged_in",
    /// With a wrong password, or for no account.
    LogInFailed => "log_in_failed",
    LoggedOutEverywhere => "logged_out_everywhere",
    SessionRevoked => "session_revoked",
    PasswordChanged => "password_changed",
    /// By the link in a mail.
    PasswordReset => "password_reset",
    SecondFactorEnabled => "second_factor_enabled",
    SecondFactorDisabled => "second_factor_disabled",
    /// An account that was there before is theirs whom a provider names.
    IdentityLinked => "identity_linked",
    PasskeyAdded => "passkey_added",
    PasskeyRemoved => "passkey_removed",
    ApiTokenCreated => "api_token_created",
    ApiTokenRevoked => "api_token_revoked",
    UserCreated => "user_created",
    UserInvited => "user_invited",
    UserGroupsChanged => "user_groups_changed",
    UserDeactivated => "user_deactivated",
    UserReactivated => "user_reactivated",
    UserDeletionRequested => "user_deletion_requested",
    UserDeletionCancelled => "user_deletion_cancelled",
    /// With everything that the user had.
    UserDeleted => "user_deleted",
    DataExported => "data_exported",
    GroupCreated => "group_created",
    GroupUpdated => "group_updated",
    GroupDeleted => "group_deleted",
    CategoryCreated => "category_created",
    CategoryUpdated => "category_updated",
    /// By a user: to the trash or for good.
    ImageDeleted => "image_deleted",
    Shared => "shared",
    Unshared => "unshared",
    ShareLinkCreated => "share_link_created",
    ShareLinkRevoked => "share_link_revoked",
    AlbumDeleted => "album_deleted",
    WebhookCreated => "webhook_created",
    WebhookUpdated => "webhook_updated",
    WebhookSecretRotated => "webhook_secret_rotated",
    /// By the server, because nothing was taken there.
    WebhookDisabled => "webhook_disabled",
    WebhookDeleted => "webhook_deleted",
}

impl AuditAction {
    /// The action of a name; none of a newer version's.
    pub fn named(name: &str) -> Option<Self> {
        Self::WRITTEN.iter().copied().find(|action| action.name() == name)
    }
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: DateTime<Utc>,
    pub action: AuditAction,
    /// Who did it; nobody, where it was the server or somebody without an account.
    pub actor: Option<UserId>,
    /// What it was done to: a user, a group, an image…
    pub target: Option<Uuid>,
    pub address: Option<IpAddr>,
    /// More about it, by the names of the API.
    pub details: Value,
}

/// Something that is being done.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    pub action: AuditAction,
    pub by: Actor,
    pub target: Option<Uuid>,
    pub details: Value,
}

impl Audited {
    /// Without anything more to say.
    pub const fn new(action: AuditAction, by: Actor, target: Option<Uuid>) -> Self {
        Self { action, by, target, details: Value::Null }
    }

    /// With more about it.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

/// Which entries to read; what is absent is of no matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actions: Vec<AuditAction>,
    pub actor: Option<UserId>,
    pub target: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}
