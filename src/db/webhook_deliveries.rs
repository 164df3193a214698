//! Events on their way to webhooks, and what became of them.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    entity::webhook_delivery::{ActiveModel, Column, Entity, Model},
    signed, unsigned,
};
use crate::domain::{
    event::{EventKind, Place},
    ids::{DeliveryId, ImageId, WebhookId},
    webhook::{Answer, Attempt, Delivery, DeliveryPlace, DeliveryState, DeliveryStatus, Subject, Unreachable},
};

const PENDING: &str = DeliveryStatus::Pending.name();
const DELIVERED: &str = DeliveryStatus::Delivered.name();
/// How many are removed in one statement.
const REMOVED_AT_ONCE: u64 = 1000;

/// Adds deliveries, the payload of each anew where the event is sent there once more.
pub async fn put(transaction: &impl ConnectionTrait, deliveries: &[Delivery]) -> Result<(), DbErr> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let rows = deliveries.iter().map(|delivery| Model::from(delivery).into_active_model());
    let again = OnConflict::column(Column::Id)
        .update_columns([Column::Payload, Column::State, Column::Attempts, Column::DueAt])
        .to_owned();
    Entity::insert_many(rows).on_conflict(again).exec_without_returning(transaction).await.map(drop)
}

/// The delivery of a webhook that is due first, and when.
pub async fn next(conn: &impl ConnectionTrait, webhook: WebhookId) -> Result<Option<(Delivery, DateTime<Utc>)>, DbErr> {
    let pending = of(webhook).filter(Column::State.eq(PENDING));
    let row = pending.order_by_asc(Column::DueAt).order_by_asc(Column::Place).one(conn).await?;
    Ok(row.map(|row| {
        let due_at = row.due_at;
        (Delivery::from(row), due_at)
    }))
}

/// Writes what became of an attempt, unless somebody else wrote of it meanwhile. Says whether it did.
pub async fn note(conn: &impl ConnectionTrait, before: &Delivery, after: &Delivery) -> Result<bool, DbErr> {
    let Model { state, attempts, due_at, last_attempt_at, last_status, last_error, .. } = Model::from(after);
    let row = ActiveModel {
        state: Set(state),
        attempts: Set(attempts),
        due_at: Set(due_at),
        last_attempt_at: Set(last_attempt_at),
        last_status: Set(last_status),
        last_error: Set(last_error),
        ..ActiveModel::default()
    };
    let same = Entity::update_many().set(row).filter(Column::Id.eq(before.id.0)).filter(Column::State.eq(PENDING));
    let same = same.filter(Column::Attempts.eq(signed_count(before.attempts)));
    Ok(same.exec(conn).await?.rows_affected == 1)
}

/// Has a delivery sent once more, whatever became of it. Says whether the webhook has it.
pub async fn send_again(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row =
        ActiveModel { state: Set(PENDING.to_owned()), attempts: Set(0), due_at: Set(now), ..ActiveModel::default() };
    let one = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).filter(Column::WebhookId.eq(webhook.0));
    Ok(one.exec(conn).await?.rows_affected == 1)
}

/// Gives up on whatever waits for a webhook.
pub async fn give_up(conn: &impl ConnectionTrait, webhook: WebhookId) -> Result<(), DbErr> {
    let row = ActiveModel { state: Set(DeliveryStatus::Failed.name().to_owned()), ..ActiveModel::default() };
    let pending = Entity::update_many().set(row).filter(Column::WebhookId.eq(webhook.0));
    pending.filter(Column::State.eq(PENDING)).exec(conn).await.map(drop)
}

/// Some of a webhook's deliveries, the latest first.
pub async fn page(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    status: Option<DeliveryStatus>,
    behind: Option<DeliveryPlace>,
    limit: u64,
) -> Result<Vec<Delivery>, DbErr> {
    let mut query = of(webhook);
    if let Some(status) = status {
        query = query.filter(Column::State.eq(status.name()));
    }
    if let Some(DeliveryPlace { created_at, id }) = behind {
        let same_moment = Condition::all().add(Column::CreatedAt.eq(created_at)).add(Column::Id.lt(id.0));
        query = query.filter(Condition::any().add(Column::CreatedAt.lt(created_at)).add(same_moment));
    }
    let rows = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit).all(conn).await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Removes some of those from before then that are not on their way. Says whether there may be more.
pub async fn remove_some(conn: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<bool, DbErr> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.lt(before));
    let old = old.filter(Column::State.ne(PENDING));
    let ids: Vec<Uuid> = old.limit(REMOVED_AT_ONCE).into_tuple().all(conn).await?;
    let count = ids.len() as u64;
    Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?;
    Ok(count == REMOVED_AT_ONCE)
}

fn of(webhook: WebhookId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::WebhookId.eq(webhook.0))
}

fn signed_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl From<&Delivery> for Model {
    fn from(delivery: &Delivery) -> Self {
        let (place, kind, image) = match delivery.subject {
            Subject::Event { place, kind, image } => (Some(signed(place.0)), kind.name(), Some(image.0)),
            Subject::Test => (None, "", None),
        };
        let due_at = match delivery.state {
            DeliveryState::Pending { due_at } => due_at,
            DeliveryState::Delivered | DeliveryState::Failed => delivery.created_at,
        };
        let answer = delivery.last.map(|last| last.answer);
        Self {
            id: delivery.id.0,
            webhook_id: delivery.webhook.0,
            place,
            kind: kind.to_owned(),
            image_id: image,
            payload: delivery.payload.clone(),
            state: delivery.state.status().name().to_owned(),
            attempts: signed_count(delivery.attempts),
            due_at,
            last_attempt_at: delivery.last.map(|last| last.at),
            last_status: answer.and_then(|answer| match answer {
                Answer::Status(status) => Some(i32::from(status)),
                Answer::Nothing(_) => None,
            }),
            last_error: answer.and_then(|answer| match answer {
                Answer::Status(_) => None,
                Answer::Nothing(why) => Some(why.name().to_owned()),
            }),
            created_at: delivery.created_at,
        }
    }
}

impl From<Model> for Delivery {
    fn from(row: Model) -> Self {
        let subject = match (row.place, row.image_id) {
            (Some(place), Some(image)) => Subject::Event {
                place: Place(unsigned(place)),
                kind: EventKind::from_name(&row.kind),
                image: ImageId(image),
            },
            _ => Subject::Test,
        };
        let status = row.last_status.and_then(|status| u16::try_from(status).ok());
        let unreachable = |name: &str| Unreachable::ALL.into_iter().find(|why| why.name() == name);
        let why = row.last_error.as_deref().and_then(unreachable).unwrap_or(Unreachable::Unconnected);
        let answer = status.map_or(Answer::Nothing(why), Answer::Status);
        Self {
            id: DeliveryId(row.id),
            webhook: WebhookId(row.webhook_id),
            subject,
            payload: row.payload,
            state: match row.state.as_str() {
                PENDING => DeliveryState::Pending { due_at: row.due_at },
                DELIVERED => DeliveryState::Delivered,
                _ => DeliveryState::Failed,
            },
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            last: row.last_attempt_at.map(|at| Attempt { at, answer }),
            created_at: row.created_at,
        }
    }
}
