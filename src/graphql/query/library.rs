//! The library, as it is read.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use crate::{
    domain::{
        ids::{AlbumId, CategoryId, ImageId, UserId},
        listing,
    },
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id, split},
        types::{
            album::Album,
            category::Category,
            connection::{ImageConnection, ImageFilter, ImageOrder, at_most, take},
            image::Image,
            multipart::UploadedPart,
            node::Node,
            regeneration::Regeneration,
            stats::{ImageStats, TagCount},
            user::User,
        },
    },
    library::PageRequest,
};

/// The library.
#[derive(Default)]
pub struct LibraryQuery;

#[Object]
impl LibraryQuery {
    /// Any object by its id. Null if it does not exist or the caller may not see it.
    #[graphql(directive = cost::cost::apply(5))]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of an image, a category, a user or an album.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        let id: Uuid = parse_id(&id)?;
        find_node(ctx, id).await.map_err(async_graphql::Error::from)
    }

    /// The categories, sorted by name.
    #[graphql(directive = cost::list_size::apply(20, None, None))]
    async fn categories(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Whether to include categories that accept no uploads. Requires the permission MANAGE_CATEGORIES.",
            default
        )]
        include_inactive: bool,
    ) -> Result<Vec<Category>, ApiError> {
        let found = ctx.services().library.categories(ctx.caller(), include_inactive).await?;
        Ok(found.into_iter().map(Category::from).collect())
    }

    /// One image by its id. Null if it does not exist or the caller may not see it.
    #[graphql(directive = cost::cost::apply(5))]
    async fn image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the image.")] id: ID,
    ) -> async_graphql::Result<Option<Image>> {
        let id: ImageId = parse_id(&id)?;
        let found = ctx.services().library.image(ctx.caller(), id).await.map_err(ApiError::from)?;
        Ok(found.map(Image::of))
    }

    /// The caller's own images. The latest images come first unless another order is given.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first", "last"]), cost::names(["edges", "nodes"])))]
    #[expect(clippy::too_many_arguments, reason = "they are the contract's")]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of images from the beginning of the list: 1 to 100. Defaults to 20 if `last` is not given either."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: only images after it are returned.")] after: Option<String>,
        #[graphql(desc = "The number of images from the end of the list: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: only images before it are returned.")] before: Option<String>,
        #[graphql(desc = "The filter that the images must match.")] filter: Option<ImageFilter>,
        #[graphql(desc = "The order of the list. A cursor is valid only for the order in which it was issued.")]
        order_by: Option<ImageOrder>,
    ) -> async_graphql::Result<ImageConnection> {
        let request = PageRequest {
            filter: filter.unwrap_or_default().request()?,
            order: order_by.map_or(listing::ImageOrder::NEWEST, Into::into),
            take: take(first, last)?,
            after,
            before,
        };
        let page = ctx.services().library.images(ctx.caller(), request).await.map_err(ApiError::from)?;
        Ok(page.into())
    }

    /// The caller's images in the trash, those with the latest tickets first. Empty if the server has no trash.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first", "last"]), cost::names(["edges", "nodes"])))]
    async fn trash(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of images: 1 to 100. Defaults to 20.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only images after it are returned.")] after: Option<String>,
    ) -> async_graphql::Result<ImageConnection> {
        let take = take(first, None)?;
        let page = ctx.services().library.trash(ctx.caller(), take, after).await.map_err(ApiError::from)?;
        Ok(page.into())
    }

    /// The number of seconds for which a deleted image can be restored. 0 if the server has no trash: an image is deleted
    /// at once then. Example: `2592000`, which is 30 days.
    #[expect(clippy::unused_async, reason = "the macro wants it")]
    async fn trash_retention(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        let retention = ctx.services().uploads.trash_retention(ctx.caller()).map_err(ApiError::from)?;
        Ok(i32::try_from(retention.num_seconds()).unwrap_or(i32::MAX))
    }

    /// The parts that the storage has of an upload in parts, by their numbers: what is missing is still to be sent. Empty
    /// once the upload is complete. Null if there is no such image or the caller may not upload to it.
    #[graphql(directive = cost::cost::apply(100), directive = cost::list_size::apply(100, None, None))]
    async fn uploaded_parts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of an image that is uploaded in parts.")] image_id: ID,
    ) -> async_graphql::Result<Option<Vec<UploadedPart>>> {
        let parts = ctx.services().uploads.uploaded_parts(ctx.caller(), parse_id(&image_id)?).await;
        Ok(split(parts)?.ok().map(|parts| parts.into_iter().map(UploadedPart::from).collect()))
    }

    /// The position of the latest change, for the argument `after` of `imageChanges`. Read it in an operation before
    /// the one that reads the first lists, so that no change is missed in between.
    #[graphql(directive = cost::cost::apply(5))]
    async fn image_changes_cursor(&self, ctx: &Context<'_>) -> Result<String, ApiError> {
        Ok(ctx.services().changes.end_of_log(ctx.caller()).await?.to_string())
    }

    /// The regeneration that began last. Null if there was none. Requires the permission CHANGE_ANY_IMAGE.
    #[graphql(directive = cost::cost::apply(5))]
    async fn regeneration(&self, ctx: &Context<'_>) -> Result<Option<Regeneration>, ApiError> {
        let latest = ctx.services().uploads.regeneration_for(ctx.caller()).await?;
        Ok(latest.map(Regeneration::from))
    }

    /// Statistics of the caller's images.
    #[graphql(directive = cost::cost::apply(50))]
    async fn image_stats(&self, ctx: &Context<'_>) -> Result<ImageStats, ApiError> {
        Ok(ImageStats(ctx.services().library.stats(ctx.caller()).await?))
    }

    /// The caller's tags that begin with a prefix, the most frequent first, for autocompletion.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), None))]
    async fn tags(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The prefix of the tags. It matches as it is written, in lower case, in upper case and capitalised.",
            default
        )]
        prefix: String,
        #[graphql(desc = "The maximum number of items to return: 1 to 100.", default = 20)] first: i32,
    ) -> async_graphql::Result<Vec<TagCount>> {
        let first = at_most("first", first, 100)?.into();
        let found = ctx.services().library.tags(ctx.caller(), &prefix, first).await.map_err(ApiError::from)?;
        Ok(found.into_iter().map(TagCount::from).collect())
    }
}

async fn find_node(ctx: &Context<'_>, id: Uuid) -> Result<Option<Node>, ApiError> {
    let (library, caller) = (&ctx.services().library, ctx.caller());
    if let Some(image) = library.image(caller, ImageId(id)).await? {
        return Ok(Some(Node::Image(Image::of(image))));
    }
    if let Some(category) = library.category(caller, CategoryId(id)).await? {
        return Ok(Some(Node::Category(Category::from(category))));
    }
    if let Some(user) = library.user(caller, UserId(id)).await? {
        return Ok(Some(Node::User(User::from(user))));
    }
    let album = ctx.services().sharing.album(caller, AlbumId(id)).await?;
    Ok(album.map(|album| Node::Album(Album(album))))
}
