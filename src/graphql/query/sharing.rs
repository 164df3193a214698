//! Albums, and what is shared, as they are read.

use async_graphql::{Context, ID, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, parse_id},
    types::{
        album::{Album, AlbumConnection},
        connection::at_most,
        paging::place_of,
        share::SharedConnection,
    },
};

/// Albums and what is shared.
#[derive(Default)]
pub struct SharingQuery;

#[Object]
impl SharingQuery {
    /// One album by its id. Null if it does not exist or the caller may not see it.
    #[graphql(directive = cost::cost::apply(5))]
    async fn album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the album.")] id: ID,
    ) -> Result<Option<Album>> {
        let found = ctx.services().sharing.album(ctx.caller(), parse_id(&id)?).await.map_err(ApiError::from)?;
        Ok(found.map(Album))
    }

    /// The caller's own albums, the latest first.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn albums(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of albums to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only albums after it are returned.")] after: Option<String>,
    ) -> Result<AlbumConnection> {
        let after = after.map(|after| place_of(&after, |id| id.parse().ok())).transpose()?;
        let first = at_most("first", first, 100)?;
        let page = ctx.services().sharing.albums(ctx.caller(), after, first.into()).await;
        Ok(AlbumConnection(page.map_err(ApiError::from)?))
    }

    /// The images and albums that others share with the caller, those shared last first: with the caller's email address
    /// or with a group of the caller.
    #[graphql(directive = cost::cost::apply(50), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn shared_with_me(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of items to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only items after it are returned.")] after: Option<String>,
    ) -> Result<SharedConnection> {
        let after = after.map(|after| place_of(&after, |id| id.parse().ok())).transpose()?;
        let first = at_most("first", first, 100)?;
        let page = ctx.services().sharing.shared_with_me(ctx.caller(), after, first.into()).await;
        Ok(SharedConnection(page.map_err(ApiError::from)?))
    }
}
