//! Albums.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    connection::{PageInfo, at_most},
    image::Image,
    paging::{cursor_of, page_info, place_of},
    scalars::int,
    share::Share,
    share_link::ShareLink,
    user::User,
    user_error::UserError,
};
use crate::{
    domain::{
        self, access,
        batch::Batch,
        error::Refusal,
        ids::{AlbumId, ImageId},
        sharing::{AlbumPlace, PlacedImage, Shareable},
    },
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id},
        loaders::{self, CountOf, LinksOf, SharesOf, present},
    },
    sharing::{AlbumChange, AlbumImagePage, AlbumPage},
};

/// A named set of images of one user in an order of their own. Images are in any number of albums.
#[derive(Description)]
pub struct Album(pub domain::sharing::Album);

#[Object(use_type_description)]
impl Album {
    /// The id of the album, a UUIDv7.
    pub async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The user who owns the album and all of its images.
    async fn owner(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        Ok(User(present(loaders::load(ctx, self.0.owner).await?, "user")?))
    }

    /// The name: 1 to 100 characters. Example: `"Summer in Busan"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The description of the album. At most 5000 characters.
    #[graphql(directive = cost::cost::apply(40))]
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The completed images of the album in its order.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of images to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only images after it are returned.")] after: Option<String>,
    ) -> Result<AlbumImageConnection> {
        let (first, after) = (at_most("first", first, 100)?, after.as_deref().map(placed_at).transpose()?);
        let page = ctx.services().sharing.album_images(ctx.caller(), &self.0, after, first.into()).await;
        Ok(page.map_err(ApiError::from)?.into())
    }

    /// The number of completed images in the album.
    #[graphql(directive = cost::cost::apply(500))]
    async fn image_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(loaders::load(ctx, CountOf(self.0.id)).await?.unwrap_or(0)))
    }

    /// Those with whom the album is shared. Empty unless the caller owns the album.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(10, None, None))]
    async fn shares(&self, ctx: &Context<'_>) -> Result<Vec<Share>, ApiError> {
        if !access::sees_shares(ctx.caller(), self.0.owner) {
            return Ok(Vec::new());
        }
        let shares = loaders::load(ctx, SharesOf(Shareable::Album(self.0.id))).await?.unwrap_or_default();
        Ok(shares.iter().cloned().map(Share).collect())
    }

    /// The links that show the album to everybody who has them. Empty unless the caller owns the album.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(5, None, None))]
    async fn share_links(&self, ctx: &Context<'_>) -> Result<Vec<ShareLink>, ApiError> {
        if !access::sees_shares(ctx.caller(), self.0.owner) {
            return Ok(Vec::new());
        }
        let links = loaders::load(ctx, LinksOf(Shareable::Album(self.0.id))).await?.unwrap_or_default();
        Ok(links.iter().cloned().map(ShareLink).collect())
    }

    /// The time at which the album was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The time of the last change of the album or of the set of its images.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// One page of a list of albums.
#[derive(Description)]
pub struct AlbumConnection(pub AlbumPage);

/// An album at a place in a list.
#[derive(SimpleObject)]
pub struct AlbumEdge {
    /// The album.
    node: Album,
    /// The position of the album in the list, for `after`.
    cursor: String,
}

#[Object(use_type_description)]
impl AlbumConnection {
    /// The albums of the page, each with its cursor.
    async fn edges(&self) -> Vec<AlbumEdge> {
        let edge = |album: &domain::sharing::Album| AlbumEdge {
            cursor: cursor_of(album.id.to_string()),
            node: Album(album.clone()),
        };
        self.0.albums.iter().map(edge).collect()
    }

    /// The albums of the page without their cursors.
    async fn nodes(&self) -> Vec<Album> {
        self.0.albums.iter().cloned().map(Album).collect()
    }

    /// The position of the page in the list.
    async fn page_info(&self) -> PageInfo {
        let cursor = |album: Option<&domain::sharing::Album>| album.map(|album| cursor_of(album.id.to_string()));
        page_info(cursor(self.0.albums.first()), cursor(self.0.albums.last()), self.0.has_more)
    }
}

/// One page of the images of an album.
#[derive(Description)]
pub struct AlbumImageConnection {
    images: Vec<Arc<domain::image::Image>>,
    cursors: Vec<String>,
    has_more: bool,
}

/// An image at a place in an album.
#[derive(SimpleObject)]
pub struct AlbumImageEdge {
    /// The image.
    node: Image,
    /// The position of the image in the album, for `after`.
    cursor: String,
}

impl From<AlbumImagePage> for AlbumImageConnection {
    fn from(AlbumImagePage { images, has_more }: AlbumImagePage) -> Self {
        let cursors = images.iter().map(place_cursor).collect();
        let images = images.into_iter().map(|placed| Arc::new(placed.image)).collect();
        Self { images, cursors, has_more }
    }
}

#[Object(use_type_description)]
impl AlbumImageConnection {
    /// The images of the page, each with its cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Vec<AlbumImageEdge> {
        let nodes = Image::page(ctx, &self.images, ctx.look_ahead().field("node")).await;
        let edges = nodes.into_iter().zip(self.cursors.iter().cloned());
        edges.map(|(node, cursor)| AlbumImageEdge { node, cursor }).collect()
    }

    /// The images of the page without their cursors.
    async fn nodes(&self, ctx: &Context<'_>) -> Vec<Image> {
        Image::page(ctx, &self.images, ctx.look_ahead()).await
    }

    /// The position of the page in the album.
    async fn page_info(&self) -> PageInfo {
        page_info(self.cursors.first().cloned(), self.cursors.last().cloned(), self.has_more)
    }
}

/// The cursor of an image in its album.
pub fn place_cursor(placed: &PlacedImage) -> String {
    cursor_of(format!("{} {}", placed.place.0, placed.image.id))
}

/// Where a list of an album's images goes on behind a cursor.
///
/// # Errors
/// `BAD_USER_INPUT` for what is no cursor of this list.
pub fn placed_at(cursor: &str) -> Result<(AlbumPlace, ImageId)> {
    place_of(cursor, |place| {
        let (place, image) = place.split_once(' ')?;
        Some((AlbumPlace(place.parse().ok()?), image.parse().ok()?))
    })
}

/// The album to create.
#[derive(InputObject)]
pub struct CreateAlbumInput {
    /// The name: 1 to 100 characters.
    pub name: String,
    /// The description: at most 5000 characters.
    #[graphql(default)]
    pub description: String,
}

/// The changes of an album. Fields that are left out stay unchanged.
#[derive(InputObject)]
pub struct UpdateAlbumInput {
    /// The id of the album.
    pub album_id: ID,
    /// The name: 1 to 100 characters.
    name: Option<String>,
    /// The description: at most 5000 characters.
    description: Option<String>,
}

impl UpdateAlbumInput {
    /// What is to be different.
    pub fn change(self) -> AlbumChange {
        AlbumChange { name: self.name, description: self.description }
    }
}

/// The album to delete.
#[derive(InputObject)]
pub struct DeleteAlbumInput {
    /// The id of the album.
    pub album_id: ID,
}

/// The images to add to an album.
#[derive(InputObject)]
pub struct AddImagesToAlbumInput {
    /// The id of the album.
    pub album_id: ID,
    /// The ids of 1 to 100 images of the caller. Images that are in the album already stay where they are.
    #[graphql(directive = cost::cost::apply(20))]
    image_ids: Vec<ID>,
}

/// The images to remove from an album.
#[derive(InputObject)]
pub struct RemoveImagesFromAlbumInput {
    /// The id of the album.
    pub album_id: ID,
    /// The ids of 1 to 100 images. Images that are not in the album are ignored.
    #[graphql(directive = cost::cost::apply(20))]
    image_ids: Vec<ID>,
}

/// The images to move within an album.
#[derive(InputObject)]
pub struct MoveImagesInAlbumInput {
    /// The id of the album.
    pub album_id: ID,
    /// The ids of 1 to 100 images of the album, in their new order.
    #[graphql(directive = cost::cost::apply(20))]
    image_ids: Vec<ID>,
    /// The id of the image before which they are placed. Without it, they are placed at the end.
    before_image_id: Option<ID>,
}

impl AddImagesToAlbumInput {
    /// The album, and the images.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(&self) -> Result<(AlbumId, Result<Batch, Refusal>)> {
        Ok((parse_id(&self.album_id)?, batch(&self.image_ids)?))
    }
}

impl RemoveImagesFromAlbumInput {
    /// The album, and the images.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(&self) -> Result<(AlbumId, Result<Batch, Refusal>)> {
        Ok((parse_id(&self.album_id)?, batch(&self.image_ids)?))
    }
}

impl MoveImagesInAlbumInput {
    /// The album, the images, and what they are to stand before.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(&self) -> Result<(AlbumId, Result<Batch, Refusal>, Option<ImageId>)> {
        let before = self.before_image_id.as_ref().map(parse_id).transpose()?;
        Ok((parse_id(&self.album_id)?, batch(&self.image_ids)?, before))
    }
}

fn batch(ids: &[ID]) -> Result<Result<Batch, Refusal>> {
    Ok(Batch::new(ids.iter().map(parse_id).collect::<Result<Vec<ImageId>>>()?))
}

/// The result of a mutation of an album.
#[derive(SimpleObject)]
pub struct AlbumPayload {
    /// The album after the change. Null when there are userErrors.
    album: Option<Album>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `deleteAlbum`.
#[derive(SimpleObject)]
pub struct DeleteAlbumPayload {
    /// The id of the album that was deleted. Null when there are userErrors.
    deleted_album_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(AlbumPayload { album: domain::sharing::Album => Album });
super::user_error::payload!(DeleteAlbumPayload { deleted_album_id: AlbumId => ID::from });
