//! Links that show something to everybody who has them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    entity::share_link::{Column, Entity, Model},
    signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    ids::{ShareLinkId, UserId},
    sharing::{ShareLink, Shareable},
};

/// One link, whether it has expired or not.
pub async fn find(conn: &impl ConnectionTrait, id: ShareLinkId) -> Result<Option<ShareLink>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.and_then(of_row))
}

/// The links of these images and albums, the oldest first.
pub async fn of_many(
    conn: &impl ConnectionTrait,
    of: &[Shareable],
) -> Result<HashMap<Shareable, Vec<ShareLink>>, DbErr> {
    let query = Entity::find().filter(super::is_one_of(of, Column::ImageId, Column::AlbumId));
    let mut found: HashMap<Shareable, Vec<ShareLink>> = HashMap::new();
    let mut rows = query.all(conn).await?;
    // Sorted here: SQLite would walk through all links by their ids.
    rows.sort_unstable_by_key(|row| row.id);
    for link in rows.into_iter().filter_map(of_row) {
        found.entry(link.of).or_default().push(link);
    }
    Ok(found)
}

/// The links that a user made, the oldest first. At most 10,000.
pub async fn by_user(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<ShareLink>, DbErr> {
    let query = Entity::find().filter(Column::MadeBy.eq(user.0)).order_by_asc(Column::Id).limit(10_000);
    Ok(query.all(conn).await?.into_iter().filter_map(of_row).collect())
}

/// Adds a link.
pub async fn insert(conn: &impl ConnectionTrait, link: &ShareLink) -> Result<(), DbErr> {
    let (image_id, album_id) = super::columns_of(link.of);
    let row = Model {
        id: link.id.0,
        image_id,
        album_id,
        made_by: link.made_by.0,
        password_hash: link.password_hash.clone(),
        shows_original: link.shows_original,
        expires_at: link.expires_at,
        views: signed(link.views),
        last_viewed_at: link.last_viewed_at,
        created_at: link.created_at,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Counts that a link was opened so often.
pub async fn count_views(
    conn: &impl ConnectionTrait,
    id: ShareLinkId,
    count: u64,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut sql = Sql::of(conn, "UPDATE share_link SET views = views + ");
    sql.value(signed(count).into());
    sql.push(", last_viewed_at = ");
    sql.value(now.into());
    sql.push(" WHERE id = ");
    sql.value(id.0.into());
    sql.execute(conn).await
}

/// Ends a link. Says whether it was there.
pub async fn remove(conn: &impl ConnectionTrait, id: ShareLinkId) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id.0).exec(conn).await?.rows_affected == 1)
}

/// A row of a newer version may be of something else.
fn of_row(row: Model) -> Option<ShareLink> {
    Some(ShareLink {
        id: ShareLinkId(row.id),
        of: super::shareable(row.image_id, row.album_id)?,
        made_by: UserId(row.made_by),
        password_hash: row.password_hash,
        shows_original: row.shows_original,
        expires_at: row.expires_at,
        views: unsigned(row.views),
        last_viewed_at: row.last_viewed_at,
        created_at: row.created_at,
    })
}
