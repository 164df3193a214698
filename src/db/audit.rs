//! The audit log: written with what it tells of, in the same transaction.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{
    entity::audit::{ActiveModel, Column, Entity, Model},
    sql::Sql,
};
use crate::{
    clock::Clock,
    domain::{
        audit::{AuditAction, AuditEntry, AuditFilter, Audited},
        event::Actor,
        ids::{AuditId, UserId},
    },
};

/// How many entries one statement removes.
const REMOVED_AT_ONCE: u64 = 1000;

/// Adds what is being done.
pub async fn append(conn: &impl ConnectionTrait, clock: &Clock, done: Audited) -> Result<(), DbErr> {
    append_many(conn, clock, [done]).await
}

/// Adds all that is being done at once.
pub async fn append_many(
    conn: &impl ConnectionTrait,
    clock: &Clock,
    done: impl IntoIterator<Item = Audited>,
) -> Result<(), DbErr> {
    let rows: Vec<_> = done.into_iter().map(|done| row(clock, done).into_active_model()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    Entity::insert_many(rows).exec_without_returning(conn).await.map(drop)
}

fn row(clock: &Clock, Audited { action, by, target, details }: Audited) -> Model {
    let (actor, address) = match by {
        Actor::User(id, address) => (Some(id.0), address),
        Actor::Anonymous(address) => (None, Some(address)),
        Actor::System => (None, None),
    };
    Model {
        id: clock.new_id(),
        at: clock.now(),
        action: action.name().to_owned(),
        actor_id: actor,
        target_id: target,
        address: address.map(|address| address.to_string()),
        details,
    }
}

/// Entries, the latest first, behind one that was given before.
pub async fn page(
    conn: &impl ConnectionTrait,
    filter: &AuditFilter,
    after: Option<AuditId>,
    limit: u64,
) -> Result<Vec<AuditEntry>, DbErr> {
    let mut query = Entity::find();
    // What a newer version wrote has no name here.
    let actions = if filter.actions.is_empty() { AuditAction::WRITTEN } else { &filter.actions };
    query = query.filter(Column::Action.is_in(actions.iter().map(|action| action.name())));
    if let Some(actor) = filter.actor {
        query = query.filter(Column::ActorId.eq(actor.0));
    }
    if let Some(target) = filter.target {
        query = query.filter(Column::TargetId.eq(target));
    }
    // Ids grow with time, so that the index has the order of the list.
    if let Some(from) = filter.from {
        query = query.filter(Column::Id.gte(first_id_of(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::Id.lt(first_id_after(to)));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after.0));
    }
    let rows = query.order_by_desc(Column::Id).limit(limit).all(conn).await?;
    Ok(rows.into_iter().filter_map(entry).collect())
}

/// Removes some of the entries from before then. Says whether there may be more.
pub async fn remove_some(conn: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<bool, DbErr> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::Id.lt(first_id_of(before)));
    let ids: Vec<Uuid> = old.limit(REMOVED_AT_ONCE).into_tuple().all(conn).await?;
    let count = ids.len() as u64;
    Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?;
    Ok(count == REMOVED_AT_ONCE)
}

/// Takes everything out of the log by which somebody who left could be known: what remains is a number.
pub async fn anonymise(conn: &impl ConnectionTrait, user: UserId, email: &str) -> Result<(), DbErr> {
    let nothing = ActiveModel { address: Set(None), details: Set(serde_json::Value::Null), ..ActiveModel::default() };
    Entity::update_many().set(nothing).filter(Column::ActorId.eq(user.0)).exec(conn).await?;
    // What others did with the address: shared something with it, invited it.
    let position = if conn.get_database_backend() == DbBackend::Postgres { "strpos" } else { "instr" };
    let mut sql = Sql::of(conn, "UPDATE audit SET details = ");
    sql.value(serde_json::Value::Null.into());
    sql.push(&format!(" WHERE {position}(CAST(details AS text), "));
    sql.value(serde_json::Value::from(email).to_string().into());
    sql.push(") > 0");
    sql.execute(conn).await
}

/// The smallest UUIDv7 of a millisecond.
fn first_id_of(moment: DateTime<Utc>) -> Uuid {
    first_id(moment.timestamp_millis())
}

/// The smallest UUIDv7 of the millisecond after.
fn first_id_after(moment: DateTime<Utc>) -> Uuid {
    first_id(moment.timestamp_millis().saturating_add(1))
}

/// There is none before 1970, and none after the year 10889.
fn first_id(milliseconds: i64) -> Uuid {
    let milliseconds = u128::try_from(milliseconds.clamp(0, (1 << 48) - 1)).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

fn entry(row: Model) -> Option<AuditEntry> {
    Some(AuditEntry {
        id: AuditId(row.id),
        at: row.at,
        action: AuditAction::named(&row.action)?,
        actor: row.actor_id.map(UserId),
        target: row.target_id,
        address: row.address.and_then(|address| address.parse().ok()),
        details: row.details,
    })
}
