//! Which images are in an album, and in which order.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Value,
};
use uuid::Uuid;

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
pub async fn all(conn: &impl ConnectionTrait, album: AlbumId) -> Result<Vec<ImageId>, DbErr> {
    let query = Entity::find().select_only().column(Column::ImageId).filter(Column::AlbumId.eq(album.0));
    let query = query.order_by_asc(Column::Place).order_by_asc(Column::ImageId);
    Ok(query.into_tuple::<Uuid>().all(conn).await?.into_iter().map(ImageId).collect())
}

/// How many images an album has, whatever their status, and the last place of one.
pub async fn extent(conn: &impl ConnectionTrait, album: AlbumId) -> Result<(u64, Option<AlbumPlace>), DbErr> {
    let mut sql = Sql::of(conn, "SELECT count(*) AS images, max(place) AS last FROM album_image WHERE album_id = ");
    sql.value(album.0.into());
    let Some(row) = conn.query_one_raw(sql.statement()).await? else { return Ok((0, None)) };
    let last: Option<i64> = row.try_get("", "last")?;
    Ok((super::unsigned(row.try_get("", "images")?), last.map(AlbumPlace)))
}

/// The places of those of these images that are in an album.
pub async fn places_of(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    images: &[ImageId],
) -> Result<HashMap<ImageId, AlbumPlace>, DbErr> {
    let these = Column::ImageId.is_in(images.iter().map(|image| Value::from(image.0)));
    let rows = Entity::find().filter(Column::AlbumId.eq(album.0)).filter(these).all(conn).await?;
    Ok(rows.into_iter().map(|row| (ImageId(row.image_id), AlbumPlace(row.place))).collect())
}

/// The last place before another one, or of all, that none of these images has.
pub async fn place_before(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    before: Option<AlbumPlace>,
    but: &[ImageId],
) -> Result<Option<AlbumPlace>, DbErr> {
    let others = Column::ImageId.is_not_in(but.iter().map(|image| Value::from(image.0)));
    let mut query = Entity::find().filter(Column::AlbumId.eq(album.0)).filter(others);
    if let Some(before) = before {
        query = query.filter(Column::Place.lt(before.0));
    }
    Ok(query.order_by_desc(Column::Place).one(conn).await?.map(|row| AlbumPlace(row.place)))
}

/// Puts these images into an album, at these places.
pub async fn insert(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    images: &[(ImageId, AlbumPlace)],
) -> Result<(), DbErr> {
    if images.is_empty() {
        return Ok(());
    }
    let row = |(image, place): &(ImageId, AlbumPlace)| {
        Model { album_id: album.0, image_id: image.0, place: place.0 }.into_active_model()
    };
    Entity::insert_many(images.iter().map(row)).exec_without_returning(conn).await.map(drop)
}

/// Puts images of an album at other places.
pub async fn set_places(
    conn: &impl ConnectionTrait,
    album: AlbumId,
    images: &[(ImageId, AlbumPlace)],
) -> Result<(), DbErr> {
    for (image, place) in images {
        let mut sql = Sql::of(conn, "UPDATE album_image SET place = ");
        sql.value(place.0.into());
        sql.push(" WHERE album_id = ");
        sql.value(album.0.into());
        sql.push(" AND image_id = ");
        sql.value(image.0.into());
        sql.execute(conn).await?;
    }
    Ok(())
}

/// Numbers the places of an album anew, so far from each other.
pub async fn renumber(conn: &impl ConnectionTrait, album: AlbumId, gap: i64) -> Result<(), DbErr> {
    let text = "UPDATE album_image SET place = numbered.nth * ";
    let mut sql = Sql::of(conn, text);
    sql.value(gap.into());
    sql.push(
        " FROM (SELECT image_id, row_number() OVER (ORDER BY place, image_id) AS nth FROM album_image \
         WHERE album_id = ",
    );
    sql.value(album.0.into());
    sql.push(") AS numbered WHERE album_image.image_id = numbered.image_id AND album_image.album_id = ");
    sql.value(album.0.into());
    sql.execute(conn).await
}

/// Takes these images out of an album.
pub async fn remove(conn: &impl ConnectionTrait, album: AlbumId, images: &[ImageId]) -> Result<(), DbErr> {
    let these = Column::ImageId.is_in(images.iter().map(|image| Value::from(image.0)));
    Entity::delete_many().filter(Column::AlbumId.eq(album.0)).filter(these).exec(conn).await.map(drop)
}
