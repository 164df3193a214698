//! People.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::{image::Image, scalars::ByteSize};
use crate::{
    domain::{self, caller::Identity, user::Permissions},
    graphql::{
        FromContext, cost,
        error::ApiError,
        loaders::{self, AvatarOf, GroupsOf, RemovalOf, StorageOf},
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
    /// See and change images of all users.
    ChangeAnyImage,
    /// See and delete images of all users.
    DeleteAnyImage,
    /// Create and update categories.
    ManageCategories,
    /// See and change other users.
    ManageUsers,
}

/// A group of users, with what it permits to its members.
#[derive(Description)]
pub struct Group(pub domain::user::Group);

#[Object(use_type_description)]
impl Group {
    /// The id of the group, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The name of the group, unlike any other. Example: `"editors"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The permissions of the members beyond their own images.
    async fn permissions(&self) -> Vec<Permission> {
        self.0.permissions.iter().map(Permission::from).collect()
    }

    /// The time at which the group was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl User {
    /// Whether the caller sees what is between the user and those who manage users.
    fn is_open_to(&self, ctx: &Context<'_>) -> bool {
        let sees =
            |identity: &Identity| identity.id() == self.0.id || identity.may(domain::user::Permission::ManageUsers);
        // Whoever just signed in is nobody yet, and sees themselves.
        ctx.caller().identity().is_none_or(sees)
    }

    async fn groups_of(&self, ctx: &Context<'_>) -> Result<Arc<Vec<domain::user::Group>>, ApiError> {
        if !self.is_open_to(ctx) {
            return Ok(Arc::default());
        }
        Ok(loaders::load(ctx, GroupsOf(self.0.id)).await?.unwrap_or_default())
    }
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

    /// The picture of the user, seen by everybody who sees the user. Null if there is none.
    async fn avatar(&self, ctx: &Context<'_>) -> Result<Option<Image>, ApiError> {
        let Some(id) = self.0.avatar else { return Ok(None) };
        let avatar = loaders::load(ctx, AvatarOf(id)).await?;
        Ok(avatar.and_then(|avatar| Image::all_of(std::slice::from_ref(&avatar)).next()))
    }

    /// Whether the user has every permission. False for other users without the permission MANAGE_USERS.
    async fn is_admin(&self, ctx: &Context<'_>) -> bool {
        self.0.is_admin && self.is_open_to(ctx)
    }

    /// The permissions of the user beyond their own images: those of the user's groups. Administrators have all
    /// permissions. Of the caller, without those that need a second factor that the caller does not have. Empty unless the
    /// user is the caller or the caller has the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(5))]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>, ApiError> {
        if let Some(caller) = ctx.caller().identity().filter(|caller| caller.id() == self.0.id) {
            return Ok(caller.permissions.iter().map(Permission::from).collect());
        }
        let permissions = if self.0.is_admin && self.is_open_to(ctx) {
            Permissions::all()
        } else {
            self.groups_of(ctx).await?.iter().map(|group| group.permissions).fold(Permissions::empty(), |a, b| a | b)
        };
        Ok(permissions.iter().map(Permission::from).collect())
    }

    /// The groups of the user, sorted by name. Empty unless the user is the caller or the caller has the permission
    /// MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(5, None, None))]
    async fn groups(&self, ctx: &Context<'_>) -> Result<Vec<Group>, ApiError> {
        Ok(self.groups_of(ctx).await?.iter().cloned().map(Group).collect())
    }

    /// The time at which the user last signed in. Null if they never did, or for other users without the
    /// permission MANAGE_USERS.
    async fn last_login_at(&self, ctx: &Context<'_>) -> Option<DateTime<Utc>> {
        self.0.last_login.as_ref().filter(|_| self.is_open_to(ctx)).map(|last| last.at)
    }

    /// The IP address from which the user last signed in. Null if it is not known, or for other users
    /// without the permission MANAGE_USERS. Example: `"203.0.113.7"`.
    async fn last_login_address(&self, ctx: &Context<'_>) -> Option<String> {
        self.0.last_login.as_ref().filter(|_| self.is_open_to(ctx)).and_then(|last| last.address.clone())
    }

    /// Whether the user has proven that the email address is theirs. False for other users without the permission
    /// MANAGE_USERS.
    async fn is_email_verified(&self, ctx: &Context<'_>) -> bool {
        self.0.email_verified_at.is_some() && self.is_open_to(ctx)
    }

    /// Whether the account is deactivated: nobody can sign in as the user. False for other users without the permission
    /// MANAGE_USERS.
    async fn is_deactivated(&self, ctx: &Context<'_>) -> bool {
        self.0.deactivated_at.is_some() && self.is_open_to(ctx)
    }

    /// Whether `logIn` requires a code of the user, as `confirmTotp` set it up. False for other users without the permission MANAGE_USERS.
    async fn has_second_factor(&self, ctx: &Context<'_>) -> bool {
        self.0.second_factor_at.is_some() && self.is_open_to(ctx)
    }

    /// The time at which the account and everything that belongs to it will be deleted. Null if it will not, or for other
    /// users without the permission MANAGE_USERS.
    async fn deletion_scheduled_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>, ApiError> {
        if !self.is_open_to(ctx) {
            return Ok(None);
        }
        Ok(loaders::load(ctx, RemovalOf(self.0.id)).await?.map(|removal| removal.due_at))
    }

    /// The time at which the account was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The size of the user's stored originals in bytes, including the trash. Zero for other users without the permission
    /// MANAGE_USERS.
    async fn storage_used(&self, ctx: &Context<'_>) -> Result<ByteSize, ApiError> {
        if !self.is_open_to(ctx) {
            return Ok(ByteSize(0));
        }
        Ok(ByteSize(loaders::load(ctx, StorageOf(self.0.id)).await?.unwrap_or(0)))
    }

    /// The storage limit of each user in bytes. Null if there is no limit.
    async fn storage_quota(&self, ctx: &Context<'_>) -> Option<ByteSize> {
        ctx.services().library.storage_quota().map(ByteSize)
    }
}
