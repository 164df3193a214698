//! Which images are in an album, and in which order.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, Value,
};

use super::{
    entity::album_image::{Column, Entity, Model},
    signed,
    sql::Sql,
};
use crate::domain::{
    ids::{AlbumId, ImageId},
    image::Image,
    sharing::{AlbumPlace, PlacedImage},
};

/// In rows: SQLite and PostgreSQL have bounds on the values of a statement.
const AT_ONCE: usize = 1000;

/// The completed images of an album in its order, behind one that was given before.
pub async fn page(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    after: Option<(AlbumPlace, ImageId)>,
    limit: u64,
) -> Result<Vec<PlacedImage>, DbErr> {
    let text = "SELECT a.place AS place, image.* FROM album_image a JOIN image ON image.id = a.image_id \
                WHERE image.status = 'completed' AND a.album_id = ";
    let mut sql = Sql::of(conn, text);
    sql.value(album.0.into());
    if let Some((place, image)) = after {
        sql.push(" AND (a.place, a.image_id) > (");
        sql.values([place.0.into(), image.0.into()]);
        sql.push(")");
    }
    sql.push(" ORDER BY a.place, a.image_id LIMIT ");
    sql.value(signed(limit).into());
    let rows = conn.query_all_raw(sql.statement()).await?;
    let placed = rows.iter().map(|row| {
        Ok(PlacedImage { place: AlbumPlace(row.try_get("", "place")?), image: Image::from_query_result(row, "")? })
    });
    placed.collect()
}

/// How many completed images each of these albums has.
pub async fn counts(conn: &impl ConnectionTrait, albums: &[AlbumId]) -> Result<HashMap<AlbumId, u64>, DbErr> {
    let text = "SELECT a.album_id AS album, count(*) AS images FROM album_image a JOIN image ON image.id = a.image_id \
                WHERE image.status = 'completed' AND a.album_id IN (";
    let mut sql = Sql::of(conn, text);
    sql.values(albums.iter().map(|album| album.0.into()));
    sql.push(") GROUP BY a.album_id");
    let rows = conn.query_all_raw(sql.statement()).await?;
    let count = |row: &sea_orm::QueryResult| {
        Ok((AlbumId(row.try_get("", "album")?), super::unsigned(row.try_get("", "images")?)))
    };
    rows.iter().map(count).collect()
}

/// Every image of an album in its order, whatever its status.
pub async fn all(conn: &impl ConnectionTrait, album: AlbumId) -> Result<Vec<(ImageId, AlbumPlace)>, DbErr> {
    let query = Entity::find().filter(Column::AlbumId.eq(album.0));
    let rows = query.order_by_asc(Column::Place).order_by_asc(Column::ImageId).all(conn).await?;
    Ok(rows.into_iter().map(|row| (ImageId(row.image_id), AlbumPlace(row.place))).collect())
}

/// Puts these images into an album, at these places.
pub async fn insert(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    images: &[(ImageId, AlbumPlace)],
) -> Result<(), DbErr> {
    for some in images.chunks(AT_ONCE) {
        let row = |(image, place): &(ImageId, AlbumPlace)| {
            Model { album_id: album.0, image_id: image.0, place: place.0 }.into_active_model()
        };
        Entity::insert_many(some.iter().map(row)).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Takes these images out of an album.
pub async fn remove(conn: &impl ConnectionTrait, album: AlbumId, images: &[ImageId]) -> Result<(), DbErr> {
    let these = Column::ImageId.is_in(images.iter().map(|image| Value::from(image.0)));
    Entity::delete_many().filter(Column::AlbumId.eq(album.0)).filter(these).exec(conn).await.map(drop)
}

/// Takes everything out of an album.
pub async fn remove_all(conn: &impl ConnectionTrait, album: AlbumId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AlbumId.eq(album.0)).exec(conn).await.map(drop)
}
