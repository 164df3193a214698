//! Webhooks, and how far the log of events was looked at for them.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::{
    entity::{
        user,
        webhook::{Column, Entity, Model},
    },
    groups::permissions_of,
    locks_rows, signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    event::{EventKind, Place},
    ids::{UserId, WebhookId},
    user::Permission,
    webhook::{Disabled, DisabledBecause, EventKinds, Health, Images, Replay, SigningKey, Webhook},
};

/// Adds a webhook.
pub async fn insert(conn: &impl ConnectionTrait, webhook: &Webhook) -> Result<(), DbErr> {
    Entity::insert(Model::from(webhook).into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Writes all of a webhook.
pub async fn update(conn: &impl ConnectionTrait, webhook: &Webhook) -> Result<(), DbErr> {
    Entity::update(Model::from(webhook).into_active_model().reset_all()).exec(conn).await.map(drop)
}

/// Removes a webhook with its deliveries.
pub async fn remove(conn: &impl ConnectionTrait, id: WebhookId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await.map(drop)
}

/// One webhook.
pub async fn find(conn: &impl ConnectionTrait, id: WebhookId) -> Result<Option<Webhook>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.and_then(read))
}

/// One webhook, held until the transaction ends.
pub async fn lock(transaction: &impl ConnectionTrait, id: WebhookId) -> Result<Option<Webhook>, DbErr> {
    let query = Entity::find_by_id(id.0);
    let query = if locks_rows(transaction) { query.lock(LockType::NoKeyUpdate) } else { query };
    Ok(query.one(transaction).await?.and_then(read))
}

/// A user's webhooks, the latest first. At most 1000.
pub async fn of_owner(conn: &impl ConnectionTrait, owner: UserId) -> Result<Vec<Webhook>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0)).order_by_desc(Column::Id);
    Ok(query.limit(1000).all(conn).await?.into_iter().filter_map(read).collect())
}

/// How many webhooks a user has.
pub async fn count(conn: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Entity::find().filter(Column::OwnerId.eq(owner.0)).count(conn).await
}

/// The webhooks that may be told of events of these owners' images: theirs, and those of everybody's images. None of
/// users who are shut out, and none of everybody's images of users who may not see them any more.
pub async fn listening(conn: &impl ConnectionTrait, owners: &[UserId]) -> Result<Vec<Webhook>, DbErr> {
    let of_them = Condition::any()
        .add(Column::OwnerId.is_in(owners.iter().map(|owner| owner.0)))
        .add(Column::OfAllImages.eq(true));
    let is_in = Expr::cust("owner_id IN (SELECT id FROM \"user\" WHERE deactivated_at IS NULL)");
    let query = Entity::find().filter(Column::DisabledAt.is_null()).filter(of_them).filter(is_in);
    let mut listening = Vec::new();
    for webhook in query.all(conn).await?.into_iter().filter_map(read) {
        if webhook.images == Images::OfOwner || may_listen(conn, &webhook).await? {
            listening.push(webhook);
        }
    }
    Ok(listening)
}

/// Whether its owner is still let in, and may still see what it tells of.
pub async fn may_listen(conn: &impl ConnectionTrait, webhook: &Webhook) -> Result<bool, DbErr> {
    let is_in = user::Column::DeactivatedAt.is_null();
    let owner = user::Entity::find_by_id(webhook.owner.0).filter(is_in).one(conn).await?;
    let Some(owner) = owner else { return Ok(false) };
    if webhook.images == Images::OfOwner || owner.is_admin {
        return Ok(true);
    }
    let mut sql = Sql::of(
        conn,
        "SELECT g.permissions AS permissions FROM group_member m JOIN user_group g ON g.id = m.group_id WHERE m.user_id = ",
    );
    sql.value(owner.id.into());
    for row in conn.query_all_raw(sql.statement()).await? {
        let permissions: String = row.try_get("", "permissions")?;
        if permissions_of(&permissions).contains(Permission::ViewAnyImage) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether events wait that nobody looked at, and a webhook that may want them.
pub async fn is_behind(conn: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS one FROM webhook WHERE disabled_at IS NULL \
               AND (SELECT place FROM webhook_cursor) < (SELECT max(place) FROM event) LIMIT 1";
    Ok(conn.query_one_raw(Sql::of(conn, sql).statement()).await?.is_some())
}

/// Up to which place events were looked at.
pub async fn cursor(conn: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let row = conn.query_one_raw(Sql::of(conn, "SELECT place FROM webhook_cursor").statement()).await?;
    let place = row.map_or(Ok(0), |row| row.try_get::<i64>("", "place"))?;
    Ok(Place(unsigned(place)))
}

/// Notes up to which place events were looked at. Says whether it was at `from` until now.
pub async fn advance(transaction: &impl ConnectionTrait, from: Place, to: Place) -> Result<bool, DbErr> {
    let mut sql = Sql::of(transaction, "UPDATE webhook_cursor SET place = ");
    sql.value(signed(to.0).into());
    sql.push(" WHERE place = ");
    sql.value(signed(from.0).into());
    Ok(transaction.execute_raw(sql.statement()).await?.rows_affected() == 1)
}

/// The first place that any webhook wants an event behind; none where there is no webhook.
pub async fn first_wanted(conn: &impl ConnectionTrait) -> Result<Option<Place>, DbErr> {
    let first = Entity::find().select_only().column(Column::AfterPlace).filter(Column::DisabledAt.is_null());
    let first: Option<i64> = first.order_by_asc(Column::AfterPlace).into_tuple().one(conn).await?;
    Ok(first.map(|place| Place(unsigned(place))))
}

impl From<&Webhook> for Model {
    fn from(webhook: &Webhook) -> Self {
        let kinds: Vec<_> = webhook.kinds.iter().map(EventKind::name).collect();
        let (previous_salt, previous_salt_until) = webhook.key.previous.clone().unzip();
        Self {
            id: webhook.id.0,
            owner_id: webhook.owner.0,
            url: webhook.url.to_string(),
            description: webhook.description.clone(),
            kinds: kinds.join(" "),
            of_all_images: webhook.images == Images::All,
            salt: webhook.key.salt.clone(),
            previous_salt,
            previous_salt_until,
            after_place: signed(webhook.after.0),
            replay_after: webhook.replay.map(|replay| signed(replay.after.0)),
            replay_through: webhook.replay.map(|replay| signed(replay.through.0)),
            disabled_at: webhook.disabled.map(|disabled| disabled.at),
            disabled_because: webhook.disabled.map(|disabled| disabled.because.name().to_owned()),
            failures: i32::try_from(webhook.health.failures).unwrap_or(i32::MAX),
            failing_since: webhook.health.failing_since,
            paused_until: webhook.health.paused_until,
            created_at: webhook.created_at,
        }
    }
}

/// Nothing of what only a newer version can write.
fn read(row: Model) -> Option<Webhook> {
    let place = |place: i64| Place(unsigned(place));
    let because = |name: &str| DisabledBecause::ALL.into_iter().find(|because| because.name() == name);
    let because = row.disabled_because.as_deref().and_then(because).unwrap_or(DisabledBecause::Owner);
    Some(Webhook {
        id: WebhookId(row.id),
        owner: UserId(row.owner_id),
        url: row.url.parse().ok()?,
        description: row.description,
        kinds: kinds_of(&row.kinds),
        images: if row.of_all_images { Images::All } else { Images::OfOwner },
        key: SigningKey { salt: row.salt, previous: row.previous_salt.zip(row.previous_salt_until) },
        after: place(row.after_place),
        replay: row
            .replay_after
            .zip(row.replay_through)
            .map(|(after, through)| Replay { after: place(after), through: place(through) }),
        disabled: row.disabled_at.map(|at: DateTime<Utc>| Disabled { at, because }),
        health: Health {
            failures: u32::try_from(row.failures).unwrap_or(0),
            failing_since: row.failing_since,
            paused_until: row.paused_until,
        },
        created_at: row.created_at,
    })
}

fn kinds_of(names: &str) -> EventKinds {
    let kinds = names.split(' ').map(EventKind::from_name);
    kinds.filter(|kind| *kind != EventKind::Unknown).collect()
}
