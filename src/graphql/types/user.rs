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

/// Somebody with an account.
#[derive(Description)]
pub struct User(pub Arc<domain::user::User>);

impl From<domain::user::User> for User {
    fn from(user: domain::user::User) -> Self {
        Self(Arc::new(user))
    }
}

/// What a user may do beyond their own images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::user::Permission")]
pub enum Permission {
    /// See everybody's images.
    ViewAnyImage,
    /// Change everybody's images.
    ChangeAnyImage,
    /// Delete everybody's images.
    DeleteAnyImage,
    /// Make and change categories.
    ManageCategories,
    /// See and change other users.
    ManageUsers,
}

#[Object(use_type_description)]
impl User {
    /// A UUIDv7.
    pub async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The address that the user signs in with, in lower case.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The name to show.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Whether the user has every permission.
    async fn is_admin(&self) -> bool {
        self.0.is_admin
    }

    /// What the user may do beyond their own images; all of it for an administrator.
    async fn permissions(&self) -> Vec<Permission> {
        self.0.permissions().iter().copied().map(Permission::from).collect()
    }

    /// When the user last signed in with a password.
    async fn last_login_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_login_at
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// In bytes, of the originals in the storage, the trash included.
    async fn storage_used(&self, ctx: &Context<'_>) -> Result<ByteSize, ApiError> {
        Ok(ByteSize(loaders::load(ctx, StorageOf(self.0.id)).await?.unwrap_or(0)))
    }

    /// In bytes: what each user may have in the storage; null for as much as they like.
    async fn storage_quota(&self, ctx: &Context<'_>) -> Option<ByteSize> {
        ctx.services().library.storage_quota().map(ByteSize)
    }
}
