//! Webhooks.

use async_graphql::{Context, Object};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, parse_id, split},
    types::webhook_input::{
        CreateWebhookInput, CreateWebhookPayload, DeleteWebhookInput, DeleteWebhookPayload, ReplayWebhookInput,
        ReplayWebhookPayload, RotateWebhookSecretInput, RotateWebhookSecretPayload, TestWebhookInput,
        TestWebhookPayload, UpdateWebhookInput, UpdateWebhookPayload,
    },
};

/// Webhooks.
#[derive(Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Creates a webhook of the caller, which is sent what happens from now on. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(50))]
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The URL and what is sent there.")] input: CreateWebhookInput,
    ) -> Result<CreateWebhookPayload, ApiError> {
        Ok(split(ctx.services().webhooks.create(ctx.caller(), input.into()).await)?.into())
    }

    /// Changes a webhook of the caller, enables or disables it. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(50))]
    async fn update_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook and its changes.")] input: UpdateWebhookInput,
    ) -> async_graphql::Result<UpdateWebhookPayload> {
        let id = parse_id(&input.webhook_id)?;
        Ok(split(ctx.services().webhooks.update(ctx.caller(), id, input.into()).await)?.into())
    }

    /// Replaces the secret of a webhook. For a day deliveries are signed with both. Not available to a caller with an API
    /// token.
    #[graphql(directive = cost::cost::apply(50))]
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook.")] input: RotateWebhookSecretInput,
    ) -> async_graphql::Result<RotateWebhookSecretPayload> {
        let id = parse_id(&input.webhook_id)?;
        Ok(split(ctx.services().webhooks.rotate_secret(ctx.caller(), id).await)?.into())
    }

    /// Sends a message of the type `webhook.test` to a webhook. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(100))]
    async fn test_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook.")] input: TestWebhookInput,
    ) -> async_graphql::Result<TestWebhookPayload> {
        let id = parse_id(&input.webhook_id)?;
        Ok(split(ctx.services().webhooks.test(ctx.caller(), id).await)?.into())
    }

    /// Sends one delivery or a span of changes to a webhook again. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(1000))]
    async fn replay_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook and what is sent again.")] input: ReplayWebhookInput,
    ) -> async_graphql::Result<ReplayWebhookPayload> {
        let (id, webhooks) = (parse_id(&input.webhook_id)?, &ctx.services().webhooks);
        let replayed = match (&input.delivery_id, input.since) {
            (Some(delivery), None) => webhooks.send_again(ctx.caller(), id, parse_id(delivery)?).await,
            (None, Some(since)) => webhooks.replay(ctx.caller(), id, since, input.until).await,
            _ => return Err(ApiError::bad_input("Exactly one of `deliveryId` and `since` is required.")),
        };
        Ok(split(replayed)?.into())
    }

    /// Deletes a webhook with its deliveries. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(50))]
    async fn delete_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook to delete.")] input: DeleteWebhookInput,
    ) -> async_graphql::Result<DeleteWebhookPayload> {
        let id = parse_id(&input.webhook_id)?;
        Ok(split(ctx.services().webhooks.delete(ctx.caller(), id).await)?.into())
    }
}
