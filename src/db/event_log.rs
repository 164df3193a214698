//! The log of events. Places grow in the order of commits, so a reader that goes on behind a place misses nothing and
//! sees nothing twice (`migration/src/m20261121_000009_events.rs` says how).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    entity::event::{ActiveModel, Column, Entity, Model},
    signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    access::Scope,
    event::{Actor, Event, EventKind, NewEvent, Place},
    ids::{ImageId, UserId},
};

/// How many events are removed in one transaction.
const REMOVED_AT_ONCE: u64 = 1000;

/// Adds events. To be the last statement before the commit: on PostgreSQL, whoever else adds some waits for it.
pub async fn append(transaction: &impl ConnectionTrait, events: &[NewEvent]) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = events.iter().map(|event| ActiveModel {
        place: NotSet,
        happened_at: Set(event.at),
        kind: Set(event.kind.name().to_owned()),
        actor_id: Set(match event.actor {
            Actor::User(id, _) => Some(id.0),
            Actor::Anonymous(_) | Actor::System => None,
        }),
        image_id: Set(event.image.0),
        owner_id: Set(event.owner.0),
    });
    Entity::insert_many(rows).exec_without_returning(transaction).await.map(drop)
}

/// What happened to the images of a scope behind a place; at most `limit`, the earliest first.
pub async fn behind(conn: &impl ConnectionTrait, scope: Scope, place: Place, limit: u64) -> Result<Vec<Event>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(scope.owner().0)).filter(Column::Place.gt(signed(place.0)));
    let rows = query.order_by_asc(Column::Place).limit(limit).all(conn).await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

/// What happened to everybody's images behind a place; at most `limit`, the earliest first.
pub async fn all_behind(conn: &impl ConnectionTrait, place: Place, limit: u64) -> Result<Vec<Event>, DbErr> {
    let query = Entity::find().filter(Column::Place.gt(signed(place.0))).order_by_asc(Column::Place).limit(limit);
    Ok(query.all(conn).await?.into_iter().map(Event::from).collect())
}

/// Whose images something happened to behind a place, and the place of the last of it. At most `limit` events are
/// looked at.
pub async fn owners_behind(
    conn: &impl ConnectionTrait,
    behind: Place,
    limit: u64,
) -> Result<(HashSet<UserId>, Place), DbErr> {
    let events = all_behind(conn, behind, limit).await?;
    let last = events.last().map_or(behind, |last| last.place);
    Ok((events.into_iter().map(|event| event.what.owner).collect(), last))
}

/// The place of the last event up to a moment, among those that are kept. Places and moments have one order, but for what
/// clocks differ by, so that a few look-ups find it.
pub async fn last_until(conn: &impl ConnectionTrait, moment: DateTime<Utc>) -> Result<Place, DbErr> {
    let (mut low, mut high) = (removed_through(conn).await?.0, end(conn).await?.0);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let between = Entity::find().filter(Column::Place.gt(signed(low))).filter(Column::Place.lte(signed(middle)));
        match between.order_by_desc(Column::Place).one(conn).await? {
            Some(row) if row.happened_at > moment => high = unsigned(row.place) - 1,
            _ => low = middle,
        }
    }
    Ok(Place(low))
}

/// The place of the last event there is; of the last that was removed, where there is none.
pub async fn end(conn: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let last = Entity::find().order_by_desc(Column::Place).one(conn).await?;
    match last {
        Some(last) => Ok(Place(unsigned(last.place))),
        None => removed_through(conn).await,
    }
}

/// The place of the last event that was removed: a reader that stands before it has missed something.
pub async fn removed_through(conn: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let row = conn.query_one_raw(Sql::of(conn, "SELECT removed_through FROM event_retention").statement()).await?;
    let place = row.map_or(Ok(0), |row| row.try_get::<i64>("", "removed_through"))?;
    Ok(Place(unsigned(place)))
}

/// Removes some of the events from before a moment. Says whether there may be more of them.
pub async fn remove_some(
    transaction: &impl ConnectionTrait,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let rows = Entity::find().order_by_asc(Column::Place).limit(REMOVED_AT_ONCE).all(transaction).await?;
    // Up to the first that is to be kept: one from a clock that was ahead holds up no others.
    let kept = rows.iter().position(|row| (before..=now).contains(&row.happened_at)).unwrap_or(rows.len());
    let old = rows[..kept].iter().rposition(|row| row.happened_at < before);
    let Some(last) = old.map(|at| rows[at].place) else { return Ok(false) };
    Entity::delete_many().filter(Column::Place.lte(last)).exec(transaction).await?;
    let mut sql = Sql::of(transaction, "UPDATE event_retention SET removed_through = ");
    sql.value(last.into());
    // Another sweep may have come further.
    sql.push(" WHERE removed_through < ");
    sql.value(last.into());
    sql.execute(transaction).await?;
    Ok(rows.len() as u64 == REMOVED_AT_ONCE)
}

impl From<Model> for Event {
    fn from(row: Model) -> Self {
        let what = NewEvent {
            at: row.happened_at,
            actor: row.actor_id.map_or(Actor::System, |id| Actor::User(UserId(id), None)),
            kind: EventKind::from_name(&row.kind),
            image: ImageId(row.image_id),
            owner: UserId(row.owner_id),
        };
        Self { place: Place(unsigned(row.place)), what }
    }
}
