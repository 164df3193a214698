//! Albums. What is in them is `album_images.rs`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::LockType,
};

use super::{
    entity::album::{ActiveModel, Column, Entity, Model},
    locks_rows,
};
use crate::domain::{
    ids::{AlbumId, UserId},
    sharing::Album,
};

/// One album.
pub async fn find(conn: &impl ConnectionTrait, id: AlbumId) -> Result<Option<Album>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.map(Album::from))
}

/// One album, held against everybody else who changes it or what is in it until the transaction ends.
pub async fn lock(transaction: &impl ConnectionTrait, id: AlbumId) -> Result<Option<Album>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    Ok(query.one(transaction).await?.map(Album::from))
}

/// Many albums in one query.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[AlbumId]) -> Result<HashMap<AlbumId, Album>, DbErr> {
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    Ok(query.all(conn).await?.into_iter().map(|row| (AlbumId(row.id), Album::from(row))).collect())
}

/// An owner's albums, the latest first, behind one that was given before.
pub async fn page(
    conn: &impl ConnectionTrait,
    owner: UserId,
    after: Option<AlbumId>,
    limit: u64,
) -> Result<Vec<Album>, DbErr> {
    let mut query = Entity::find().filter(Column::OwnerId.eq(owner.0));
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after.0));
    }
    let rows = query.order_by_desc(Column::Id).limit(limit).all(conn).await?;
    Ok(rows.into_iter().map(Album::from).collect())
}

/// How many albums an owner has.
pub async fn count(conn: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Entity::find().filter(Column::OwnerId.eq(owner.0)).count(conn).await
}

/// Adds an album.
pub async fn insert(conn: &impl ConnectionTrait, album: &Album) -> Result<(), DbErr> {
    let row = Model {
        id: album.id.0,
        owner_id: album.owner.0,
        name: album.name.clone(),
        description: album.description.clone(),
        created_at: album.created_at,
        updated_at: album.updated_at,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Keeps an album's name and description, and when it was changed.
pub async fn update(conn: &impl ConnectionTrait, album: &Album) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Unchanged(album.id.0),
        name: Set(album.name.clone()),
        description: Set(album.description.clone()),
        updated_at: Set(album.updated_at),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Notes when an album was changed.
pub async fn touch(conn: &impl ConnectionTrait, id: AlbumId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), updated_at: Set(now), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Removes an album, and with it its shares and links. Its images stay.
pub async fn remove(conn: &impl ConnectionTrait, id: AlbumId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await.map(drop)
}

impl From<Model> for Album {
    fn from(row: Model) -> Self {
        Self {
            id: AlbumId(row.id),
            owner: UserId(row.owner_id),
            name: row.name,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
