//! Webhooks, and what became of what was sent there.

use async_graphql::{Description, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    connection::PageInfo,
    image_change::ImageChangeKind,
    paging::{cursor_of, page_info},
};
use crate::{
    domain::{
        self,
        ids::DeliveryId,
        webhook::{
            Answer, DeliveryPlace, DeliveryState, DeliveryStatus, DisabledBecause, Images, Subject, Unreachable,
        },
    },
    webhooks::{DeliveryPage, SecretWebhook},
};

/// The images that a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum WebhookImages {
    /// The images of the user who created the webhook.
    Own,
    /// The images of all users. Requires the permission VIEW_ANY_IMAGE, when the webhook is created and afterwards.
    All,
}

/// A URL that is told of changes of images, signed as the specification Standard Webhooks says.
#[derive(Description)]
pub struct Webhook(pub domain::webhook::Webhook);

#[Object(use_type_description)]
impl Webhook {
    /// The id of the webhook, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The URL to which changes are posted.
    async fn url(&self) -> &str {
        self.0.url.as_str()
    }

    /// The description that the user gave to the webhook. Example: `"Search index"`.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The kinds of changes that are sent.
    #[graphql(directive = crate::graphql::cost::list_size::apply(7, None, None))]
    async fn kinds(&self) -> Vec<ImageChangeKind> {
        self.0.kinds.iter().map(ImageChangeKind::from).collect()
    }

    /// The images whose changes are sent.
    async fn images(&self) -> WebhookImages {
        match self.0.images {
            Images::OfOwner => WebhookImages::Own,
            Images::All => WebhookImages::All,
        }
    }

    /// Whether changes are sent.
    async fn is_enabled(&self) -> bool {
        self.0.disabled.is_none()
    }

    /// The reason why nothing is sent. Null while the webhook is enabled.
    async fn disabled(&self) -> Option<WebhookDisabled> {
        self.0.disabled.map(WebhookDisabled::from)
    }

    /// The time since which no delivery was accepted. Null if the last delivery was accepted, or if there was none.
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.health.failing_since
    }

    /// Whether changes of a span are still being sent again.
    async fn is_replaying(&self) -> bool {
        self.0.replay.is_some()
    }

    /// The time at which the webhook was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// The end of a webhook's deliveries, until it is enabled again.
#[derive(SimpleObject)]
pub struct WebhookDisabled {
    /// The time at which the webhook was disabled.
    at: DateTime<Utc>,
    /// The reason.
    reason: WebhookDisabledReason,
}

/// The reasons why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DisabledBecause")]
pub enum WebhookDisabledReason {
    /// The user disabled it.
    Owner,
    /// No delivery was accepted for three days.
    Failing,
    /// The URL answered with the status 410.
    Gone,
}

impl From<domain::webhook::Disabled> for WebhookDisabled {
    fn from(disabled: domain::webhook::Disabled) -> Self {
        Self { at: disabled.at, reason: disabled.because.into() }
    }
}

/// The states of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DeliveryStatus")]
pub enum WebhookDeliveryStatus {
    /// The delivery was not accepted yet, and is going to be sent.
    Pending,
    /// The delivery was accepted with a status from 200 to 299.
    Delivered,
    /// The delivery was given up. `replayWebhook` sends it again.
    Failed,
}

/// The reasons why a URL gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Unreachable")]
pub enum WebhookUnreachable {
    /// The host leads to an address that this server does not send to.
    Forbidden,
    /// The name of the host has no address.
    UnknownHost,
    /// No connection could be made, or the certificate is not valid for the host.
    Unconnected,
    /// There was no answer within ten seconds.
    TimedOut,
}

/// One change on its way to a webhook.
#[derive(Description)]
pub struct WebhookDelivery(pub domain::webhook::Delivery);

#[Object(use_type_description)]
impl WebhookDelivery {
    /// The id of the delivery: the header `webhook-id`, the same for each attempt and for a replay.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The type of the message. Examples: `"image.completed"`, `"webhook.test"`.
    #[graphql(name = "type")]
    async fn kind(&self) -> String {
        self.0.subject.name()
    }

    /// The id of the image that changed. Null for a test.
    async fn image_id(&self) -> Option<ID> {
        match self.0.subject {
            Subject::Event { image, .. } => Some(ID::from(image)),
            Subject::Test => None,
        }
    }

    /// The body that is sent, as JSON.
    async fn payload(&self) -> &str {
        &self.0.payload
    }

    /// The state of the delivery.
    async fn status(&self) -> WebhookDeliveryStatus {
        self.0.state.status().into()
    }

    /// The number of attempts, since the last replay.
    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time of the next attempt at the earliest. Null unless the status is PENDING.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        match self.0.state {
            DeliveryState::Pending { due_at } => Some(due_at),
            DeliveryState::Delivered | DeliveryState::Failed => None,
        }
    }

    /// The time of the last attempt. Null if there was none.
    async fn last_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.last.map(|last| last.at)
    }

    /// The HTTP status of the last answer. Null if there was no answer.
    async fn last_http_status(&self) -> Option<i32> {
        match self.0.last?.answer {
            Answer::Status(status) => Some(status.into()),
            Answer::Nothing(_) => None,
        }
    }

    /// The reason why the last attempt had no answer. Null if there was an answer, or no attempt.
    async fn last_error(&self) -> Option<WebhookUnreachable> {
        match self.0.last?.answer {
            Answer::Status(_) => None,
            Answer::Nothing(why) => Some(why.into()),
        }
    }

    /// The time at which the delivery was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// A page of deliveries.
#[derive(Description)]
pub struct WebhookDeliveryConnection(pub DeliveryPage);

#[Object(use_type_description)]
impl WebhookDeliveryConnection {
    /// The deliveries with their cursors.
    async fn edges(&self) -> Vec<WebhookDeliveryEdge> {
        let edge = |delivery: &domain::webhook::Delivery| WebhookDeliveryEdge {
            cursor: cursor_after(delivery),
            node: WebhookDelivery(delivery.clone()),
        };
        self.0.deliveries.iter().map(edge).collect()
    }

    /// The deliveries.
    async fn nodes(&self) -> Vec<WebhookDelivery> {
        self.0.deliveries.iter().cloned().map(WebhookDelivery).collect()
    }

    /// The position of this page.
    async fn page_info(&self) -> PageInfo {
        let (first, last) = (self.0.deliveries.first(), self.0.deliveries.last());
        page_info(first.map(cursor_after), last.map(cursor_after), self.0.has_more)
    }
}

/// A delivery in a list.
#[derive(SimpleObject)]
pub struct WebhookDeliveryEdge {
    /// The cursor of the delivery.
    cursor: String,
    /// The delivery.
    node: WebhookDelivery,
}

/// A webhook and its secret.
#[derive(SimpleObject)]
pub struct WebhookSecret {
    /// The secret with which every delivery is signed, as libraries of Standard Webhooks take it. It is shown only here.
    /// Example: `"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`.
    secret: String,
    /// The webhook.
    webhook: Webhook,
}

impl From<SecretWebhook> for WebhookSecret {
    fn from(made: SecretWebhook) -> Self {
        Self { secret: made.secret, webhook: Webhook(made.webhook) }
    }
}

fn cursor_after(delivery: &domain::webhook::Delivery) -> String {
    cursor_of(format!("{} {}", delivery.created_at.timestamp_micros(), delivery.id))
}

/// The place in a list that a cursor stands for.
pub fn behind(cursor: &str) -> Option<DeliveryPlace> {
    let (created_at, id) = cursor.split_once(' ')?;
    let created_at = DateTime::from_timestamp_micros(created_at.parse().ok()?)?;
    Some(DeliveryPlace { created_at, id: id.parse::<DeliveryId>().ok()? })
}
