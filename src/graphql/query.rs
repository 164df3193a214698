//! Reads.

use async_graphql::{Context, Description, ID, Object};
use uuid::Uuid;

use super::{
    FromContext, cost,
    error::{ApiError, parse_id},
    types::{
        category::Category,
        connection::{ImageConnection, ImageFilter, ImageOrder, at_most, take},
        image::Image,
        node::Node,
        stats::{ImageStats, TagCount},
        user::User,
    },
};
use crate::{
    domain::{
        ids::{CategoryId, ImageId, UserId},
        listing,
        user::Caller,
    },
    library::PageRequest,
};

/// Everything that can be read.
#[derive(Description)]
pub struct Query;

#[Object(use_type_description)]
impl Query {
    /// Who is asking; null for an anonymous caller.
    async fn me(&self, ctx: &Context<'_>) -> Option<User> {
        match ctx.caller() {
            Caller::Anonymous => None,
            Caller::User { user, .. } => Some(User::from(user.clone())),
        }
    }

    /// Finds anything by its id; null where there is no such thing, or not for the caller to see.
    #[graphql(directive = cost::cost::apply(5))]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of an image, a category or a user.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        let id: Uuid = parse_id(&id)?;
        find_node(ctx, id).await.map_err(async_graphql::Error::from)
    }

    /// What may be uploaded, by name.
    #[graphql(directive = cost::list_size::apply(20, None, None))]
    async fn categories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Also those that take no uploads; for administrators.", default)] include_inactive: bool,
    ) -> Result<Vec<Category>, ApiError> {
        let found = ctx.services().library.categories(ctx.caller(), include_inactive).await?;
        Ok(found.into_iter().map(Category::from).collect())
    }

    /// One image; null where there is no such image, or not for the caller to see.
    #[graphql(directive = cost::cost::apply(5))]
    async fn image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image's id.")] id: ID,
    ) -> async_graphql::Result<Option<Image>> {
        let id: ImageId = parse_id(&id)?;
        let found = ctx.services().library.image(ctx.caller(), id).await.map_err(ApiError::from)?;
        Ok(found.map(Image::of))
    }

    /// The caller's own images, the latest first where no order is given.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first", "last"]), cost::names(["edges", "nodes"])))]
    #[expect(clippy::too_many_arguments, reason = "they are the contract's")]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 where neither end is named.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the edge to go on behind.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor of the edge to go back from.")] before: Option<String>,
        #[graphql(desc = "Which of them.")] filter: Option<ImageFilter>,
        #[graphql(desc = "What to go by; a cursor is good for the order that it was given out in.")] order_by: Option<
            ImageOrder,
        >,
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

    /// What the caller deleted and can still restore, the latest tickets first. Empty where the server keeps no trash.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first", "last"]), cost::names(["edges", "nodes"])))]
    async fn trash(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100, 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the edge to go on behind.")] after: Option<String>,
    ) -> async_graphql::Result<ImageConnection> {
        let take = take(first, None)?;
        let page = ctx.services().library.trash(ctx.caller(), take, after).await.map_err(ApiError::from)?;
        Ok(page.into())
    }

    /// The place of the latest change, to begin `imageChanges` behind. Ask for it in an operation before the one that reads
    /// the first lists, and no change falls between.
    #[graphql(directive = cost::cost::apply(5))]
    async fn image_changes_cursor(&self, ctx: &Context<'_>) -> Result<String, ApiError> {
        Ok(ctx.services().changes.end_of_log(ctx.caller()).await?.to_string())
    }

    /// What the caller has, in numbers.
    #[graphql(directive = cost::cost::apply(50))]
    async fn image_stats(&self, ctx: &Context<'_>) -> Result<ImageStats, ApiError> {
        Ok(ImageStats(ctx.services().library.stats(ctx.caller()).await?))
    }

    /// The caller's tags that begin with some characters, those of most images first: for completion.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), None))]
    async fn tags(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "What the tags begin with: as it is written, in small letters, in capitals, or with a capital first.",
            default
        )]
        prefix: String,
        #[graphql(desc = "How many: 1 to 100.", default = 20)] first: i32,
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
    let user = library.user(caller, UserId(id)).await?;
    Ok(user.map(|user| Node::User(User::from(user))))
}
