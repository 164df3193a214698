//! Runs through the library that make images anew. At most one is running, which an index sees to.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::{
    entity::regeneration::{Column, Entity, Model},
    signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    ids::{ImageId, RegenerationId},
    regeneration::{Regeneration, RegenerationFilter, RegenerationState, Tally},
};
use chrono::{DateTime, Utc};

/// A completed image to examine.
#[derive(Debug, FromQueryResult)]
pub struct Examined {
    image_id: Uuid,
    /// Whether it has no fingerprint or no metadata: it is from before these were kept.
    pub lacks_rows: bool,
}

impl Examined {
    pub const fn id(&self) -> ImageId {
        ImageId(self.image_id)
    }
}

/// Adds a run, unless one is running: `false`.
pub async fn insert(conn: &impl ConnectionTrait, run: &Regeneration) -> Result<bool, DbErr> {
    let filter = serde_json::to_value(&run.filter).map_err(|error| DbErr::Json(error.to_string()))?;
    let row = Model {
        id: run.id.0,
        state: run.state.name().to_owned(),
        filter,
        examined_through: run.examined_through.map(|image| image.0),
        total: signed(run.total),
        examined: signed(run.tally.examined),
        remade: signed(run.tally.remade),
        failed: signed(run.tally.failed),
        started_at: run.started_at,
        ended_at: run.ended_at,
    };
    match Entity::insert(row.into_active_model()).exec_without_returning(conn).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The run that is running.
pub async fn running(conn: &impl ConnectionTrait) -> Result<Option<Regeneration>, DbErr> {
    let running = Column::State.eq(RegenerationState::Running.name());
    Entity::find().filter(running).one(conn).await?.map(read).transpose()
}

/// The run that began last.
pub async fn latest(conn: &impl ConnectionTrait) -> Result<Option<Regeneration>, DbErr> {
    let newest = Entity::find().order_by_desc(Column::StartedAt).order_by_desc(Column::Id);
    newest.one(conn).await?.map(read).transpose()
}

/// Notes how far a run has come. `false` where it is not running any more.
pub async fn advance(
    conn: &impl ConnectionTrait,
    run: RegenerationId,
    through: ImageId,
    tally: Tally,
) -> Result<bool, DbErr> {
    let mut sql = Sql::of(conn, "UPDATE regeneration SET examined_through = ");
    sql.value(through.0.into());
    for (column, count) in [("examined", tally.examined), ("remade", tally.remade), ("failed", tally.failed)] {
        sql.push(&format!(", {column} = "));
        sql.value(signed(count).into());
    }
    if_running(conn, sql, run).await
}

/// Ends a run. `false` where it is not running any more.
pub async fn end(
    conn: &impl ConnectionTrait,
    run: RegenerationId,
    state: RegenerationState,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let mut sql = Sql::of(conn, "UPDATE regeneration SET state = ");
    sql.value(state.name().into());
    sql.push(", ended_at = ");
    sql.value(now.into());
    if_running(conn, sql, run).await
}

async fn if_running(conn: &impl ConnectionTrait, mut sql: Sql, run: RegenerationId) -> Result<bool, DbErr> {
    sql.push(" WHERE state = 'running' AND id = ");
    sql.value(run.0.into());
    Ok(conn.execute_raw(sql.statement()).await?.rows_affected() == 1)
}

/// How many images a run examines.
pub async fn count(conn: &impl ConnectionTrait, filter: &RegenerationFilter) -> Result<u64, DbErr> {
    let mut sql = Sql::of(conn, "SELECT count(*) FROM image WHERE ");
    push_filter(&mut sql, filter);
    let row = conn.query_one_raw(sql.statement()).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0)).map(unsigned)
}

/// The next images that a run examines, behind one of them.
pub async fn page(
    conn: &impl ConnectionTrait,
    filter: &RegenerationFilter,
    behind: Option<ImageId>,
    most: u64,
) -> Result<Vec<Examined>, DbErr> {
    let mut sql = Sql::of(
        conn,
        "SELECT image.id AS image_id, (metadata.image_id IS NULL OR fingerprint.image_id IS NULL) AS lacks_rows FROM image \
         LEFT JOIN image_metadata AS metadata ON metadata.image_id = image.id \
         LEFT JOIN image_fingerprint AS fingerprint ON fingerprint.image_id = image.id WHERE ",
    );
    push_filter(&mut sql, filter);
    if let Some(behind) = behind {
        sql.push(" AND image.id > ");
        sql.value(behind.0.into());
    }
    sql.push(&format!(" ORDER BY image.id LIMIT {most}"));
    Examined::find_by_statement(sql.statement()).all(conn).await
}

fn push_filter(sql: &mut Sql, filter: &RegenerationFilter) {
    sql.push("image.status = 'completed'");
    if let Some(owner) = filter.owner {
        sql.push(" AND image.owner_id = ");
        sql.value(owner.0.into());
    }
    if let Some(format) = filter.format {
        sql.push(" AND image.content_type = ");
        sql.value(format.content_type().into());
    }
}

fn read(row: Model) -> Result<Regeneration, DbErr> {
    let state = RegenerationState::from_name(&row.state);
    Ok(Regeneration {
        id: RegenerationId(row.id),
        state: state.ok_or_else(|| DbErr::Custom(format!("a regeneration has the unknown state {}", row.state)))?,
        filter: serde_json::from_value(row.filter).map_err(|error| DbErr::Json(error.to_string()))?,
        examined_through: row.examined_through.map(ImageId),
        total: unsigned(row.total),
        tally: Tally { examined: unsigned(row.examined), remade: unsigned(row.remade), failed: unsigned(row.failed) },
        started_at: row.started_at,
        ended_at: row.ended_at,
    })
}
