//! What is shared with people and groups.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    album::Album,
    connection::PageInfo,
    image::Image,
    paging::{cursor_of, page_info},
    user::{Group, User},
    user_error::UserError,
};
use crate::{
    domain::{
        self,
        error::{Refusal, UserErrorCode},
        ids::ShareId,
        sharing::{Grantee, Shareable},
    },
    graphql::{
        error::{ApiError, parse_id},
        loaders::{self, present},
    },
    sharing::{NewShare, SharedPage, SharedThing, With},
};

/// The permitted actions with an image or an album that is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::sharing::ShareAccess")]
pub enum ShareAccess {
    /// See it, and watch it being processed.
    View,
    /// See it and change it: an image's details and variants; an album's name, description and order, and all of its
    /// images' details.
    Edit,
}

/// An image or an album of the caller that is shared with somebody.
#[derive(Description)]
pub struct Share(pub domain::sharing::Share);

#[Object(use_type_description)]
impl Share {
    /// The id of the share, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The email address with which it is shared, in lower case. Whoever has the account of the address has access, also if
    /// the account is created later. Null if it is shared with a group.
    async fn email(&self) -> Option<&str> {
        match &self.0.with {
            Grantee::Email(email) => Some(email),
            Grantee::Group(_) => None,
        }
    }

    /// The group with which it is shared. Null if it is shared with an email address.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>, ApiError> {
        let Grantee::Group(id) = self.0.with else { return Ok(None) };
        Ok(loaders::load(ctx, id).await?.map(|group| Group(Arc::unwrap_or_clone(group))))
    }

    /// The permitted actions.
    async fn access(&self) -> ShareAccess {
        self.0.access.into()
    }

    /// The time since which it is shared.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// An image or an album that somebody shared with the caller.
#[derive(Description)]
pub struct SharedItem(crate::sharing::SharedItem);

#[Object(use_type_description)]
impl SharedItem {
    /// The id of the share, a UUIDv7. `unshare` removes it from the list if it is shared with the caller's email address.
    async fn id(&self) -> ID {
        ID::from(self.0.share.id)
    }

    /// The image, if an image is shared.
    async fn image(&self) -> Option<Image> {
        match &self.0.thing {
            SharedThing::Image(image) => Some(Image::of((**image).clone())),
            SharedThing::Album(_) => None,
        }
    }

    /// The album, if an album is shared.
    async fn album(&self) -> Option<Album> {
        match &self.0.thing {
            SharedThing::Album(album) => Some(Album(album.clone())),
            SharedThing::Image(_) => None,
        }
    }

    /// The actions permitted to the caller.
    async fn access(&self) -> ShareAccess {
        self.0.share.access.into()
    }

    /// The group by which the caller has access. Null if it is shared with the caller's email address.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>, ApiError> {
        let Grantee::Group(id) = self.0.share.with else { return Ok(None) };
        Ok(loaders::load(ctx, id).await?.map(|group| Group(Arc::unwrap_or_clone(group))))
    }

    /// The user who shared it.
    async fn shared_by(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        Ok(User(present(loaders::load(ctx, self.0.share.shared_by).await?, "user")?))
    }

    /// The time since which it is shared.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.share.created_at
    }
}

/// One page of what is shared with the caller.
#[derive(Description)]
pub struct SharedConnection(pub SharedPage);

/// A shared item at a place in a list.
#[derive(SimpleObject)]
pub struct SharedEdge {
    /// The shared item.
    node: SharedItem,
    /// The position of the item in the list, for `after`.
    cursor: String,
}

#[Object(use_type_description)]
impl SharedConnection {
    /// The items of the page, each with its cursor.
    async fn edges(&self) -> Vec<SharedEdge> {
        let edge = |item: &crate::sharing::SharedItem| SharedEdge {
            cursor: cursor_of(item.share.id.to_string()),
            node: SharedItem(item.clone()),
        };
        self.0.items.iter().map(edge).collect()
    }

    /// The items of the page without their cursors.
    async fn nodes(&self) -> Vec<SharedItem> {
        self.0.items.iter().cloned().map(SharedItem).collect()
    }

    /// The position of the page in the list.
    async fn page_info(&self) -> PageInfo {
        let SharedPage { items, more_behind } = &self.0;
        let cursor = |id: ShareId| cursor_of(id.to_string());
        let last = more_behind.or_else(|| items.last().map(|item| item.share.id));
        page_info(items.first().map(|item| cursor(item.share.id)), last.map(cursor), more_behind.is_some())
    }
}

/// An image or an album, and those with whom it is shared from now on. If it is shared with them already, their access
/// is changed.
#[derive(InputObject)]
pub struct ShareInput {
    /// The id of the image to share. Either this or `albumId` is required.
    image_id: Option<ID>,
    /// The id of the album to share.
    album_id: Option<ID>,
    /// The email address of the person with whom to share. Either this or `groupId` is required.
    email: Option<String>,
    /// The id of the group with which to share: one of the caller's groups, or any group for callers with the permission
    /// MANAGE_USERS.
    group_id: Option<ID>,
    /// The permitted actions.
    #[graphql(default_with = "ShareAccess::View")]
    access: ShareAccess,
}

impl ShareInput {
    /// What is to be shared with whom.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(self) -> Result<Result<NewShare, Refusal>> {
        let of = shareable(self.image_id.as_ref(), self.album_id.as_ref())?;
        let with = match (self.email, self.group_id) {
            (Some(email), None) => Ok(With::Email(email)),
            (None, Some(group)) => Ok(With::Group(parse_id(&group)?)),
            _ => {
                let why = "Give either `email` or `groupId`.";
                Err(Refusal::on("email", UserErrorCode::InvalidValue, why))
            }
        };
        Ok(of.and_then(|of| Ok(NewShare { of, with: with?, access: self.access.into() })))
    }
}

/// The image or the album that an input names.
///
/// # Errors
/// `BAD_USER_INPUT` for a malformed id.
pub fn shareable(image: Option<&ID>, album: Option<&ID>) -> Result<Result<Shareable, Refusal>> {
    Ok(match (image, album) {
        (Some(image), None) => Ok(Shareable::Image(parse_id(image)?)),
        (None, Some(album)) => Ok(Shareable::Album(parse_id(album)?)),
        _ => {
            let why = "Give either `imageId` or `albumId`.";
            Err(Refusal::on("imageId", UserErrorCode::InvalidValue, why))
        }
    })
}

/// The share to end.
#[derive(InputObject)]
pub struct UnshareInput {
    /// The id of the share.
    pub share_id: ID,
}

/// The result of `share`.
#[derive(SimpleObject)]
pub struct SharePayload {
    /// The share. Null when there are userErrors.
    share: Option<Share>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `unshare`.
#[derive(SimpleObject)]
pub struct UnsharePayload {
    /// The id of the share that was ended. Null when there are userErrors.
    removed_share_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(SharePayload { share: domain::sharing::Share => Share });
super::user_error::payload!(UnsharePayload { removed_share_id: ShareId => ID::from });
