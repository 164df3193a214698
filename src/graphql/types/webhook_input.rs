//! What webhooks are arranged by.

use async_graphql::{ID, InputObject, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    image_change::ImageChangeKind,
    user_error::{UserError, payload},
    webhook::{Webhook, WebhookDelivery, WebhookImages, WebhookSecret},
};
use crate::{
    domain::{self, ids::WebhookId, webhook::Images},
    webhooks::{NewWebhook, SecretWebhook, WebhookChange},
};

/// The webhook to create.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// The URL to which changes are posted: https, on the internet or in a network that the operator allows.
    /// Example: `"https://example.com/hooks/darkroom"`.
    url: String,
    /// The description of the webhook, for its user: at most 255 characters.
    #[graphql(default)]
    description: String,
    /// The kinds of changes to send. At least one.
    kinds: Vec<ImageChangeKind>,
    /// The images whose changes are sent.
    #[graphql(default_with = "WebhookImages::Own")]
    images: WebhookImages,
}

impl From<CreateWebhookInput> for NewWebhook {
    fn from(input: CreateWebhookInput) -> Self {
        let CreateWebhookInput { url, description, kinds, images } = input;
        let images = match images {
            WebhookImages::Own => Images::OfOwner,
            WebhookImages::All => Images::All,
        };
        Self { url, description, kinds: kinds.into_iter().map(domain::event::EventKind::from).collect(), images }
    }
}

/// The changes of a webhook. What is absent stays as it is.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// The id of one of the caller's webhooks.
    pub webhook_id: ID,
    /// The new URL.
    url: Option<String>,
    /// The new description: at most 255 characters.
    description: Option<String>,
    /// The kinds of changes to send from now on. At least one.
    kinds: Option<Vec<ImageChangeKind>>,
    /// Whether changes are sent. A webhook that is enabled again is sent what happens from then on; `replayWebhook` sends
    /// what it missed.
    is_enabled: Option<bool>,
}

impl From<UpdateWebhookInput> for WebhookChange {
    fn from(input: UpdateWebhookInput) -> Self {
        let UpdateWebhookInput { url, description, kinds, is_enabled, .. } = input;
        let kinds = kinds.map(|kinds| kinds.into_iter().map(domain::event::EventKind::from).collect());
        Self { url, description, kinds, is_enabled }
    }
}

/// The webhook whose secret is replaced.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// The id of one of the caller's webhooks.
    pub webhook_id: ID,
}

/// The webhook to test.
#[derive(InputObject)]
pub struct TestWebhookInput {
    /// The id of one of the caller's webhooks.
    pub webhook_id: ID,
}

/// The deliveries to send again: one delivery, or everything that happened in a span.
#[derive(InputObject)]
pub struct ReplayWebhookInput {
    /// The id of one of the caller's webhooks.
    pub webhook_id: ID,
    /// The id of one delivery. Exactly one of `deliveryId` and `since` is required.
    pub delivery_id: Option<ID>,
    /// The beginning of a span: every change from then on is sent, also what was missed while the webhook was disabled.
    pub since: Option<DateTime<Utc>>,
    /// The end of the span. The current time if it is absent.
    pub until: Option<DateTime<Utc>>,
}

/// The webhook to delete.
#[derive(InputObject)]
pub struct DeleteWebhookInput {
    /// The id of one of the caller's webhooks.
    pub webhook_id: ID,
}

/// The result of `createWebhook`.
#[derive(SimpleObject)]
pub struct CreateWebhookPayload {
    /// The webhook and its secret. Null when there are userErrors.
    created: Option<WebhookSecret>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `updateWebhook`.
#[derive(SimpleObject)]
pub struct UpdateWebhookPayload {
    /// The webhook. Null when there are userErrors.
    webhook: Option<Webhook>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `rotateWebhookSecret`.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The webhook and its new secret. Null when there are userErrors.
    rotated: Option<WebhookSecret>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `testWebhook`.
#[derive(SimpleObject)]
pub struct TestWebhookPayload {
    /// The delivery that is being sent. Null when there are userErrors.
    delivery: Option<WebhookDelivery>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `replayWebhook`.
#[derive(SimpleObject)]
pub struct ReplayWebhookPayload {
    /// The webhook. Null when there are userErrors.
    webhook: Option<Webhook>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `deleteWebhook`.
#[derive(SimpleObject)]
pub struct DeleteWebhookPayload {
    /// The id of the webhook that was deleted. Null when there are userErrors.
    deleted_webhook_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

payload!(CreateWebhookPayload { created: SecretWebhook => WebhookSecret::from });
payload!(UpdateWebhookPayload { webhook: domain::webhook::Webhook => Webhook });
payload!(RotateWebhookSecretPayload { rotated: SecretWebhook => WebhookSecret::from });
payload!(TestWebhookPayload { delivery: domain::webhook::Delivery => WebhookDelivery });
payload!(ReplayWebhookPayload { webhook: domain::webhook::Webhook => Webhook });
payload!(DeleteWebhookPayload { deleted_webhook_id: WebhookId => ID::from });
