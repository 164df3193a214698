//! Webhooks, as they are read.

use async_graphql::{Context, ID, Object};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, parse_id},
    types::{
        connection::at_most,
        paging::place_of,
        webhook::{Webhook, WebhookDeliveryConnection, WebhookDeliveryStatus, behind},
    },
};

/// Webhooks.
#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// The caller's webhooks, the latest first. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(20, None, None))]
    async fn webhooks(&self, ctx: &Context<'_>) -> Result<Vec<Webhook>, ApiError> {
        Ok(ctx.services().webhooks.webhooks(ctx.caller()).await?.into_iter().map(Webhook).collect())
    }

    /// The deliveries to one of the caller's webhooks, the latest first. They are kept as long as `imageChanges` are. Not
    /// available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(50), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of one of the caller's webhooks.")] webhook_id: ID,
        #[graphql(desc = "The state that the deliveries must have.")] status: Option<WebhookDeliveryStatus>,
        #[graphql(desc = "The maximum number of deliveries to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only deliveries after it are returned.")] after: Option<String>,
    ) -> async_graphql::Result<WebhookDeliveryConnection> {
        let (id, first) = (parse_id(&webhook_id)?, at_most("first", first, 100)?);
        let after = after.map(|after| place_of(&after, behind)).transpose()?;
        let webhooks = &ctx.services().webhooks;
        let page = webhooks.deliveries(ctx.caller(), id, status.map(Into::into), after, first.into()).await;
        Ok(WebhookDeliveryConnection(page.map_err(ApiError::from)?))
    }
}
