//! Tokens for programs: each is known by its hash.

use chrono::{DateTime, Utc};
use enumset::EnumSet;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::api_token::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    caller::TokenScope,
    ids::{ApiTokenId, UserId},
    session::ApiToken,
};

/// Adds a token with its hash, SHA-256 in hex.
pub async fn insert(conn: &impl ConnectionTrait, token: &ApiToken, hash: String) -> Result<(), DbErr> {
    let names: Vec<_> = token.scopes.iter().map(TokenScope::name).collect();
    let row = Model {
        id: token.id.0,
        user_id: token.user.0,
        name: token.name.clone(),
        hash,
        scopes: names.join(" "),
        expires_at: token.expires_at,
        created_at: token.created_at,
        last_used_at: None,
        has_second_factor: token.has_second_factor,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// A user's tokens that have not ended, the latest first. At most 1000.
pub async fn of_user(conn: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Vec<ApiToken>, DbErr> {
    let query = Entity::find().filter(Column::UserId.eq(user.0)).filter(Column::ExpiresAt.gt(now));
    let rows = query.order_by_desc(Column::Id).limit(1000).all(conn).await?;
    Ok(rows.into_iter().map(ApiToken::from).collect())
}

/// How many of a user's tokens have not ended.
pub async fn count(conn: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<u64, DbErr> {
    Entity::find().filter(Column::UserId.eq(user.0)).filter(Column::ExpiresAt.gt(now)).count(conn).await
}

/// Notes that a token was used.
pub async fn touch(conn: &impl ConnectionTrait, id: ApiTokenId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), last_used_at: Set(Some(now)), ..ActiveModel::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(conn).await.map(drop)
}

/// Ends a token, if it is this user's. Says whether it was.
pub async fn remove(conn: &impl ConnectionTrait, user: UserId, id: ApiTokenId) -> Result<bool, DbErr> {
    let removed = Entity::delete_by_id(id.0).filter(Column::UserId.eq(user.0)).exec(conn).await?;
    Ok(removed.rows_affected == 1)
}

/// Ends all tokens of a user.
pub async fn remove_all(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user.0)).exec(conn).await.map(drop)
}

/// Forgets tokens that have ended.
pub async fn remove_expired(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(conn).await.map(drop)
}

impl From<Model> for ApiToken {
    fn from(row: Model) -> Self {
        Self {
            id: ApiTokenId(row.id),
            user: UserId(row.user_id),
            name: row.name,
            // What a newer version knows is good for nothing here.
            scopes: row.scopes.split(' ').filter_map(TokenScope::named).collect::<EnumSet<_>>(),
            expires_at: row.expires_at,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            has_second_factor: row.has_second_factor,
        }
    }
}
