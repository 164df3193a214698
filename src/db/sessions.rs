//! Log-ins: each has one refresh token at a time, of which a hash is kept, and that of the one before it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    entity::session::{ActiveModel, Column, Entity, Model},
    locks_rows,
};
use crate::domain::{
    ids::{SessionId, UserId},
    session::{Client, Session},
};

/// What became of a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The next one took its place.
    Rotated(Session),
    /// It was exchanged a moment ago, for the one that stands now.
    Repeated(Session),
    /// It was exchanged before: two have it.
    Reused(UserId),
    /// There is no such log-in any more.
    Unknown,
}

/// Hashes of a refresh token and of the one that follows it: SHA-256 in hex.
pub struct Exchange<'a> {
    pub presented: &'a str,
    pub next: &'a str,
}

/// Adds a log-in with its refresh token's hash.
pub async fn insert(conn: &impl ConnectionTrait, session: &Session, refresh_hash: String) -> Result<(), DbErr> {
    let row = Model {
        id: session.id.0,
        user_id: session.user.0,
        refresh_hash,
        expires_at: session.expires_at,
        created_at: session.created_at,
        is_remembered: session.is_remembered,
        previous_hash: None,
        rotated_at: None,
        user_agent: session.user_agent.clone(),
        address: session.address.clone(),
        last_used_at: session.last_used_at,
        has_second_factor: session.has_second_factor,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// A user's log-ins that have not ended, the one used last first. At most 1000.
pub async fn of_user(conn: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>, DbErr> {
    let query = Entity::find().filter(Column::UserId.eq(user.0)).filter(Column::ExpiresAt.gt(now));
    let rows = query.order_by_desc(Column::LastUsedAt).order_by_desc(Column::Id).limit(1000).all(conn).await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Whether a log-in began after a moment, and has not ended.
pub async fn began_after(conn: &impl ConnectionTrait, id: SessionId, since: DateTime<Utc>) -> Result<bool, DbErr> {
    let query = Entity::find_by_id(id.0).filter(Column::CreatedAt.gt(since));
    Ok(query.one(conn).await?.is_some())
}

/// Puts the next refresh token in the place of the one that was presented. One that was exchanged less than `grace` ago
/// is taken as the same request once more.
pub async fn rotate(
    transaction: &impl ConnectionTrait,
    id: SessionId,
    exchange: &Exchange<'_>,
    client: &Client,
    now: DateTime<Utc>,
    grace: TimeDelta,
) -> Result<Rotation, DbErr> {
    let mut query = Entity::find_by_id(id.0).filter(Column::ExpiresAt.gt(now));
    if locks_rows(transaction) {
        query = query.lock_exclusive();
    }
    let Some(mut row) = query.one(transaction).await? else { return Ok(Rotation::Unknown) };
    if row.refresh_hash != exchange.presented {
        let is_previous = row.previous_hash.as_deref() == Some(exchange.presented);
        let is_recent = row.rotated_at.is_some_and(|at| now - at < grace);
        let is_repeated = is_previous && is_recent && row.refresh_hash == exchange.next;
        let reused = Rotation::Reused(UserId(row.user_id));
        return Ok(if is_repeated { Rotation::Repeated(row.into()) } else { reused });
    }
    row.address = Some(client.address.to_string());
    row.user_agent.clone_from(&client.user_agent);
    row.last_used_at = Some(now);
    let change = ActiveModel {
        id: Unchanged(row.id),
        refresh_hash: Set(exchange.next.to_owned()),
        previous_hash: Set(Some(exchange.presented.to_owned())),
        rotated_at: Set(Some(now)),
        address: Set(row.address.clone()),
        user_agent: Set(row.user_agent.clone()),
        last_used_at: Set(row.last_used_at),
        ..ActiveModel::default()
    };
    Entity::update(change).exec(transaction).await?;
    Ok(Rotation::Rotated(row.into()))
}

/// Ends a log-in, if it is this user's. Says whether it was.
pub async fn remove(conn: &impl ConnectionTrait, user: UserId, id: SessionId) -> Result<bool, DbErr> {
    let removed = Entity::delete_by_id(id.0).filter(Column::UserId.eq(user.0)).exec(conn).await?;
    Ok(removed.rows_affected == 1)
}

/// Ends all log-ins of a user, but for one that is to stay.
pub async fn remove_all(conn: &impl ConnectionTrait, user: UserId, but: Option<SessionId>) -> Result<(), DbErr> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user.0));
    if let Some(but) = but {
        query = query.filter(Column::Id.ne(but.0));
    }
    query.exec(conn).await.map(drop)
}

/// Forgets log-ins that have ended.
pub async fn remove_expired(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(conn).await?;
    Ok(())
}

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        Self {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            is_remembered: row.is_remembered,
            user_agent: row.user_agent,
            address: row.address,
            last_used_at: row.last_used_at,
            has_second_factor: row.has_second_factor,
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }
}
