//! What cameras wrote: beside the images' rows, because lists do not need it.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict};

use super::entity::metadata::{Column, Entity, Model};
use crate::domain::{ids::ImageId, metadata::Metadata};

/// Keeps what was read of an image, in the place of what was kept before.
pub async fn put(conn: &impl ConnectionTrait, image: ImageId, metadata: &Metadata) -> Result<(), DbErr> {
    let metadata = serde_json::to_value(metadata).map_err(|error| DbErr::Json(error.to_string()))?;
    let instead = OnConflict::column(Column::ImageId).update_column(Column::Metadata).to_owned();
    let row = Model { image_id: image.0, metadata }.into_active_model();
    Entity::insert(row).on_conflict(instead).exec_without_returning(conn).await?;
    Ok(())
}

/// Many images' metadata in one query.
pub async fn of_images(conn: &impl ConnectionTrait, ids: &[ImageId]) -> Result<HashMap<ImageId, Metadata>, DbErr> {
    let query = Entity::find().filter(Column::ImageId.is_in(ids.iter().map(|id| id.0)));
    let rows = query.all(conn).await?.into_iter().filter_map(|row| {
        let image = ImageId(row.image_id);
        let read = serde_json::from_value(row.metadata);
        let unreadable = |error| tracing::warn!(%image, %error, "omitted metadata that this version cannot read");
        Some((image, read.map_err(unreadable).ok()?))
    });
    Ok(rows.collect())
}
