//! Log-ins: each is known by the hash of its one valid refresh token.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use super::entity::session::{ActiveModel, Column, Entity, Model};
use crate::domain::ids::{SessionId, UserId};

/// How many ids a statement has.
const MAX_AT_ONCE: usize = 1000;

/// A log-in as it is kept.
pub struct SessionRow {
    pub id: SessionId,
    pub user: UserId,
    /// Of the refresh token: SHA-256 in hex.
    pub refresh_hash: String,
    pub expires_at: DateTime<Utc>,
}

/// Adds a log-in.
pub async fn insert(conn: &impl ConnectionTrait, session: &SessionRow, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = Model {
        id: session.id.0,
        user_id: session.user.0,
        refresh_hash: session.refresh_hash.clone(),
        expires_at: session.expires_at,
        created_at: now,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Whether a log-in is still there and has not ended.
pub async fn is_alive(conn: &impl ConnectionTrait, id: SessionId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let row = Entity::find_by_id(id.0).one(conn).await?;
    Ok(row.is_some_and(|row| row.expires_at > now))
}

/// Those of these log-ins that are still there and have not ended.
pub async fn alive_of(
    conn: &impl ConnectionTrait,
    ids: &[SessionId],
    now: DateTime<Utc>,
) -> Result<HashSet<SessionId>, DbErr> {
    let mut alive = HashSet::new();
    for some in ids.chunks(MAX_AT_ONCE) {
        let query = Entity::find().filter(Column::Id.is_in(some.iter().map(|id| id.0)));
        let rows = query.filter(Column::ExpiresAt.gt(now)).all(conn).await?;
        alive.extend(rows.into_iter().map(|row| SessionId(row.id)));
    }
    Ok(alive)
}

/// Puts a new refresh token in the place of the old one, whoever of several comes first.
/// Gives the log-in and its user, or nothing where the old token is not valid.
pub async fn rotate(
    transaction: &impl ConnectionTrait,
    old_hash: &str,
    new_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<SessionRow>, DbErr> {
    let valid = Entity::find().filter(Column::RefreshHash.eq(old_hash)).filter(Column::ExpiresAt.gt(now));
    let Some(row) = valid.one(transaction).await? else { return Ok(None) };
    let changed = Entity::update_many()
        .set(ActiveModel { refresh_hash: Set(new_hash.to_owned()), ..ActiveModel::default() })
        .filter(Column::Id.eq(row.id))
        .filter(Column::RefreshHash.eq(old_hash))
        .exec(transaction)
        .await?;
    Ok((changed.rows_affected == 1).then(|| SessionRow {
        id: SessionId(row.id),
        user: UserId(row.user_id),
        refresh_hash: new_hash.to_owned(),
        expires_at: row.expires_at,
    }))
}

/// Ends a log-in.
pub async fn remove(conn: &impl ConnectionTrait, id: SessionId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await?;
    Ok(())
}

/// Forgets log-ins that have ended.
pub async fn remove_expired(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(conn).await?;
    Ok(())
}
