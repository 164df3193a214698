//! Uploads in parts: under which name the storage keeps their parts.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use super::{
    Saved,
    entity::multipart_upload::{Column, Entity, Model},
    signed, unsigned,
};
use crate::domain::ids::ImageId;

/// Where the parts of an image are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptParts {
    /// As the storage calls the upload.
    pub upload_id: String,
    /// In bytes.
    pub part_size: u64,
}

/// Keeps where the parts of an image are going to be, unless it was kept before.
pub async fn insert(
    conn: &impl ConnectionTrait,
    image: ImageId,
    kept: &KeptParts,
    at: DateTime<Utc>,
) -> Result<Saved, DbErr> {
    let (upload_id, part_size) = (kept.upload_id.clone(), signed(kept.part_size));
    let row = Model { image_id: image.0, upload_id, part_size, created_at: at };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Where the parts of an image are, if it is sent in parts.
pub async fn find(conn: &impl ConnectionTrait, image: ImageId) -> Result<Option<KeptParts>, DbErr> {
    let found = Entity::find_by_id(image.0).one(conn).await?;
    Ok(found.map(|row| KeptParts { upload_id: row.upload_id, part_size: unsigned(row.part_size) }))
}

/// Forgets where the parts of an image were.
pub async fn remove(conn: &impl ConnectionTrait, image: ImageId) -> Result<(), DbErr> {
    Entity::delete_by_id(image.0).exec(conn).await.map(drop)
}

/// Forgets an upload by the name that the storage had for it.
pub async fn forget(conn: &impl ConnectionTrait, upload_id: &str) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UploadId.eq(upload_id)).exec(conn).await.map(drop)
}

/// Those of these names that the storage has uploads by and somebody knows.
pub async fn known(conn: &impl ConnectionTrait, upload_ids: &[String]) -> Result<Vec<String>, DbErr> {
    let found = Entity::find().filter(Column::UploadId.is_in(upload_ids)).all(conn).await?;
    Ok(found.into_iter().map(|row| row.upload_id).collect())
}
