//! Images: rows and their states.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{
    Db,
    entity::image::{Column, Entity, Model},
    locks_rows, search, signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    failure::FailureCode,
    ids::{ImageId, UserId},
    image::{Image, ImageStatus, UploadState},
    ticket::Unfinished,
};

/// One image, deleted ones included.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    Entity::find_by_id(id.0).one(conn).await?.map(Image::try_from).transpose()
}

/// Many images in one query, deleted ones included, in no order.
///
/// # Errors
/// When the database does not answer.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[ImageId]) -> Result<Vec<Image>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    query.all(conn).await?.into_iter().map(Image::try_from).collect()
}

/// An owner's images that changed since then, deleted ones included; at most 1000, the latest.
///
/// # Errors
/// When the database does not answer.
pub async fn changed_since(
    conn: &impl ConnectionTrait,
    owner: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<Image>, DbErr> {
    let query = Entity::find()
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::UpdatedAt.gte(since))
        .order_by_desc(Column::UpdatedAt)
        .limit(1000);
    query.all(conn).await?.into_iter().map(Image::try_from).collect()
}

/// An owner's uploads that nobody completed and that were touched since then; no more than `most` are looked at.
///
/// # Errors
/// When the database does not answer.
pub async fn unfinished(
    conn: &impl ConnectionTrait,
    owner: UserId,
    since: DateTime<Utc>,
    most: u64,
) -> Result<Unfinished, DbErr> {
    let mut sql = Sql::of(
        conn,
        "SELECT count(*) AS uploads, CAST(coalesce(sum(declared_size), 0) AS bigint) AS bytes FROM \
         (SELECT declared_size FROM image WHERE status IN ('pending', 'uploading') AND owner_id = ",
    );
    sql.value(owner.0.into());
    sql.push(" AND updated_at > ");
    sql.value(since.into());
    sql.push(" LIMIT ");
    sql.value(signed(most).into());
    sql.push(") AS unfinished");
    let row = conn.query_one_raw(sql.statement()).await?;
    let number = |name| row.as_ref().map_or(Ok(0), |row| row.try_get::<i64>("", name));
    Ok(Unfinished { uploads: unsigned(number("uploads")?), bytes: unsigned(number("bytes")?) })
}

/// Pages of images of one status that nobody touched since a moment, those left alone for longest first.
pub struct Unsettled {
    condition: String,
    untouched_since: DateTime<Utc>,
    limit: u64,
    behind: Option<(DateTime<Utc>, ImageId)>,
}

impl Unsettled {
    /// All of this status, which is not COMPLETED, of which there may be millions.
    pub fn of(status: ImageStatus, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        // As text, so that the planner sees that the index of the unsettled has all of them.
        let condition = format!("status = '{}' AND status <> 'completed'", status.name());
        Self { condition, untouched_since, limit, behind: None }
    }

    /// All that failed for this reason.
    pub fn failed(code: FailureCode, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        let all = Self::of(ImageStatus::Failed, untouched_since, limit);
        Self { condition: format!("{} AND failure_code = '{}'", all.condition, code.name()), ..all }
    }

    /// The next page; `None` when there are no more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next(&mut self, conn: &impl ConnectionTrait) -> Result<Option<Vec<Image>>, DbErr> {
        let mut sql = Sql::of(conn, &format!("SELECT * FROM image WHERE {} AND updated_at <= ", self.condition));
        sql.value(self.untouched_since.into());
        if let Some((updated_at, id)) = self.behind {
            sql.push(" AND (updated_at, id) > (");
            sql.values([updated_at.into(), id.0.into()]);
            sql.push(")");
        }
        sql.push(&format!(" ORDER BY updated_at, id LIMIT {}", self.limit));
        let rows = Entity::find().from_raw_sql(sql.statement()).all(conn).await?;
        let images = rows.into_iter().map(Image::try_from).collect::<Result<Vec<_>, _>>()?;
        self.behind = images.last().map(|image| (image.updated_at, image.id));
        Ok((!images.is_empty()).then_some(images))
    }
}

/// One image, held against other writers until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(transaction: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock_exclusive();
    }
    query.one(transaction).await?.map(Image::try_from).transpose()
}

/// The image that its owner asked for with this key before.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_idempotency_key(
    conn: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
) -> Result<Option<Image>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::IdempotencyKey.eq(key));
    query.one(conn).await?.map(Image::try_from).transpose()
}

/// Adds a new image, findable by its filename.
///
/// # Errors
/// A duplicate (see `is_duplicate`) when the owner used the key before; else when the database does not answer.
pub async fn insert(
    transaction: &impl ConnectionTrait,
    image: &Image,
    idempotency_key: Option<String>,
) -> Result<(), DbErr> {
    let mut row = Model::from(image).into_active_model();
    row.idempotency_key = Set(idempotency_key);
    Entity::insert(row).exec_without_returning(transaction).await?;
    search::put(transaction, image).await
}

/// Adds a new image by itself, whole or not at all: in one statement where one can do it.
///
/// # Errors
/// As `insert`.
pub async fn insert_alone(db: &Db, image: &Image, idempotency_key: Option<String>) -> Result<(), DbErr> {
    let conn = db.conn();
    if conn.get_database_backend() == DbBackend::Postgres {
        let mut row = Model::from(image).into_active_model();
        row.idempotency_key = Set(idempotency_key);
        let added = Entity::insert(row).build(DbBackend::Postgres);
        return search::put_with(conn, added, image).await;
    }
    let transaction = db.begin().await?;
    insert(&transaction, image, idempotency_key).await?;
    transaction.commit().await
}

/// Adds many images at once, with everything that finds them; at most 1000.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_many(transaction: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    let rows = images.iter().map(|image| Model::from(image).into_active_model());
    Entity::insert_many(rows).exec_without_returning(transaction).await?;
    search::put_many(transaction, images).await
}

/// Writes back what is said of an image that this transaction locked, so that it is found by it.
///
/// # Errors
/// When the database does not answer.
pub async fn redescribe(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    update(transaction, image).await?;
    search::put(transaction, image).await
}

/// Writes back the state of an image that this transaction locked.
///
/// # Errors
/// When the database does not answer.
pub async fn update(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    let mut row = Model::from(image).into_active_model().reset_all();
    // A deleted image's key may be used again; no other change touches it.
    row.idempotency_key = if image.state == UploadState::Deleted { Set(None) } else { sea_orm::ActiveValue::NotSet };
    row.id = sea_orm::ActiveValue::Unchanged(image.id.0);
    Entity::update(row).exec(transaction).await?;
    Ok(())
}

/// Removes the row, and its variants' with it.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(conn: &impl ConnectionTrait, id: ImageId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await?;
    Ok(())
}
