//! Copies of users' data.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::data_export::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    ids::{DataExportId, UserId},
    removal::DataExport,
};

/// One of them.
pub async fn find(conn: &impl ConnectionTrait, id: DataExportId) -> Result<Option<DataExport>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.map(DataExport::from))
}

/// Those of a user, the latest first. At most 100.
pub async fn of_user(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<DataExport>, DbErr> {
    let query = Entity::find().filter(Column::UserId.eq(user.0)).order_by_desc(Column::Id).limit(100);
    Ok(query.all(conn).await?.into_iter().map(DataExport::from).collect())
}

/// Those that have ended. At most 100.
pub async fn expired(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<DataExport>, DbErr> {
    let query = Entity::find().filter(Column::ExpiresAt.lte(now)).limit(100);
    Ok(query.all(conn).await?.into_iter().map(DataExport::from).collect())
}

/// Adds one.
pub async fn insert(conn: &impl ConnectionTrait, export: &DataExport) -> Result<(), DbErr> {
    let row = Model {
        id: export.id.0,
        user_id: export.user.0,
        secret: export.secret.clone(),
        sizes: None,
        requested_at: export.requested_at,
        ready_at: None,
        expires_at: export.expires_at,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Notes that all files of one are there. Says whether anybody still wants it.
pub async fn set_ready(
    conn: &impl ConnectionTrait,
    id: DataExportId,
    sizes: &[u64],
    at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row =
        ActiveModel { sizes: Set(Some(serde_json::json!(sizes))), ready_at: Set(Some(at)), ..ActiveModel::default() };
    let ready = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(conn).await?;
    Ok(ready.rows_affected == 1)
}

/// Forgets one.
pub async fn remove(conn: &impl ConnectionTrait, id: DataExportId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await.map(drop)
}

impl From<Model> for DataExport {
    fn from(row: Model) -> Self {
        Self {
            id: DataExportId(row.id),
            user: UserId(row.user_id),
            secret: row.secret,
            sizes: row.sizes.and_then(|sizes| serde_json::from_value(sizes).ok()),
            requested_at: row.requested_at,
            ready_at: row.ready_at,
            expires_at: row.expires_at,
        }
    }
}
