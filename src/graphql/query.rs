//! Reads.

use async_graphql::{Context, Description, ID, Object};
use uuid::Uuid;

use super::{
    FromContext,
    error::{ApiError, parse_id},
    types::{
        category::Category,
        connection::{ImageConnection, ImageFilter, page_size, parse_cursor},
        image::Image,
        node::Node,
        user::User,
    },
};
use crate::{
    domain::{
        ids::{CategoryId, ImageId, UserId},
        image::ImageStatus,
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
            Caller::User { user, .. } => Some(User(user.clone())),
        }
    }

    /// Finds anything by its id; null where there is no such thing, or not for the caller to see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of an image, a category or a user.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        let id: Uuid = parse_id(&id)?;
        find_node(ctx, id).await.map_err(async_graphql::Error::from)
    }

    /// What may be uploaded, by name.
    #[graphql(complexity = "20 * child_complexity")]
    async fn categories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Also those that take no uploads; for administrators.", default)] include_inactive: bool,
    ) -> Result<Vec<Category>, ApiError> {
        let found = ctx.services().library.categories(ctx.caller(), include_inactive).await?;
        Ok(found.into_iter().map(Category).collect())
    }

    /// One image; null where there is no such image, or not for the caller to see.
    async fn image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image's id.")] id: ID,
    ) -> async_graphql::Result<Option<Image>> {
        let id: ImageId = parse_id(&id)?;
        let found = ctx.services().library.image(ctx.caller(), id).await.map_err(ApiError::from)?;
        Ok(found.map(Image::of))
    }

    /// The caller's own images, newest first.
    #[graphql(complexity = "1 + first.unwrap_or(20).clamp(1, 100) as usize * child_complexity")]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100, 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the edge to go on behind.")] after: Option<String>,
        #[graphql(desc = "Which of them.")] filter: Option<ImageFilter>,
    ) -> async_graphql::Result<ImageConnection> {
        let statuses = filter.unwrap_or_default().status;
        let statuses = statuses.map(|statuses| statuses.into_iter().map(ImageStatus::from).collect());
        let request = PageRequest {
            first: page_size(first)?,
            after: after.as_deref().map(parse_cursor).transpose()?,
            statuses: statuses.unwrap_or_else(|| vec![ImageStatus::Completed]),
        };
        let page = ctx.services().library.images(ctx.caller(), &request).await.map_err(ApiError::from)?;
        Ok(ImageConnection { page, statuses: request.statuses, has_previous: request.after.is_some() })
    }
}

async fn find_node(ctx: &Context<'_>, id: Uuid) -> Result<Option<Node>, ApiError> {
    let (library, caller) = (&ctx.services().library, ctx.caller());
    if let Some(image) = library.image(caller, ImageId(id)).await? {
        return Ok(Some(Node::Image(Image::of(image))));
    }
    if let Some(category) = library.category(caller, CategoryId(id)).await? {
        return Ok(Some(Node::Category(Category(category))));
    }
    let user = library.user(caller, UserId(id)).await?;
    Ok(user.map(|user| Node::User(User(user))))
}
