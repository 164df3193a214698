//! People.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::scalars::ByteSize;
use crate::{
    domain,
    graphql::{
        FromContext,
        error::ApiError,
        loaders::{self, StorageOf},
    },
};

/// A user account.
#[derive(Description)]
pub struct User(pub Arc<domain::user::User>);

impl From<domain::user::User> for User {
    fn from(user: domain::user::User) -> Self {
        Self(Arc::new(user))
    }
}

/// The permissions of a user beyond their own images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::user::Permission")]
pub enum Permission {
    /// See images of all users.
    ViewAnyImage,
    /// Change images of all users.
    ChangeAnyImage,
    /// Delete images of all users.
    DeleteAnyImage,
    /// Create and update categories.
    ManageCategories,
    /// See and change other users.
    ManageUsers,
}

#[Object(use_type_description)]
impl User {
    /// The id of the object, a UUIDv7.
    pub async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The email address that the user signs in with, in lower case.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The display name.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Whether the user has every permission.
    async fn is_admin(&self) -> bool {
        self.0.is_admin
    }

    /// The permissions of the user beyond their own images. Administrators have all permissions.
    async fn permissions(&self) -> Vec<Permission> {
        self.0.permissions().iter().copied().map(Permission::from).collect()
    }

    /// The time at which the user last signed in with a password. Null if there was none.
    async fn last_login_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_login_at
    }

    /// The time at which the account was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The size of the user's stored originals in bytes, including the trash.
    async fn storage_used(&self, ctx: &Context<'_>) -> Result<ByteSize, ApiError> {
        Ok(ByteSize(loaders::load(ctx, StorageOf(self.0.id)).await?.unwrap_or(0)))
    }

    /// The storage limit of each user in bytes. Null if there is no limit.
    async fn storage_quota(&self, ctx: &Context<'_>) -> Option<ByteSize> {
        ctx.services().library.storage_quota().map(ByteSize)
    }
}
