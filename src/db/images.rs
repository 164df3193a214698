//! Images: every read of single ones. Lists are `listing.rs`, writes `image_writes.rs`.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use uuid::Uuid;

use super::{
    entity::image::{Column, Entity},
    locks_rows, signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    failure::FailureCode,
    ids::{ImageId, UserId},
    image::{Image, ImageStatus},
    ticket::Unfinished,
};

/// One image, deleted ones included.
pub async fn find(conn: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    Entity::find_by_id(id.0).into_model().one(conn).await
}

/// One image, held against everybody who changes it or shares it until the transaction ends.
pub async fn hold(transaction: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    query.into_model().one(transaction).await
}

/// Many images in one query, deleted ones included, in no order.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[ImageId]) -> Result<Vec<Image>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    query.into_model().all(conn).await
}

/// Some of an owner's images that are not deleted, in no order.
pub async fn some_of(conn: &impl ConnectionTrait, owner: UserId, limit: u64) -> Result<Vec<Image>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0));
    query.filter(Column::Status.ne(ImageStatus::Deleted.name())).limit(limit).into_model().all(conn).await
}

/// Whether an owner has any image, deleted ones included.
pub async fn any_of(conn: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbErr> {
    let query = Entity::find().select_only().column(Column::Id).filter(Column::OwnerId.eq(owner.0));
    Ok(query.into_tuple::<Uuid>().one(conn).await?.is_some())
}

/// An owner's images that are not deleted, the oldest first, behind one that was given before.
pub async fn of_owner(
    conn: &impl ConnectionTrait,
    owner: UserId,
    after: Option<ImageId>,
    limit: u64,
) -> Result<Vec<Image>, DbErr> {
    let mut query = Entity::find().filter(Column::OwnerId.eq(owner.0));
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.0));
    }
    let query = query.filter(Column::Status.ne(ImageStatus::Deleted.name()));
    query.order_by_asc(Column::Id).limit(limit).into_model().all(conn).await
}

/// An image that changed, and to which revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    pub image: ImageId,
    pub owner: UserId,
    pub revision: u64,
}

/// Whatever changed since then, deleted images included; the latest `limit` of it.
pub async fn changed_since(
    conn: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Changed>, DbErr> {
    let query = Entity::find().select_only().columns([Column::Id, Column::OwnerId, Column::Revision]);
    let query = query.filter(Column::UpdatedAt.gte(since)).order_by_desc(Column::UpdatedAt).limit(limit);
    let rows: Vec<(Uuid, Uuid, i64)> = query.into_tuple().all(conn).await?;
    let changed = |(image, owner, revision)| Changed {
        image: ImageId(image),
        owner: UserId(owner),
        revision: unsigned(revision),
    };
    Ok(rows.into_iter().map(changed).collect())
}

/// An owner's uploads that nobody completed and that were touched since then, or that may have parts in the storage; no more
/// than `most` are looked at.
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
    sql.push(" AND (updated_at > ");
    sql.value(since.into());
    sql.push(" OR EXISTS (SELECT 1 FROM multipart_upload WHERE image_id = image.id)) LIMIT ");
    sql.value(signed(most).into());
    sql.push(") AS unfinished");
    let row = conn.query_one_raw(sql.statement()).await?;
    let number = |name| row.as_ref().map_or(Ok(0), |row| row.try_get::<i64>("", name));
    Ok(Unfinished { uploads: unsigned(number("uploads")?), bytes: unsigned(number("bytes")?) })
}

/// Pages of images of one status that nobody touched since a moment, those left alone for longest first.
pub struct StaleImages {
    condition: String,
    untouched_since: DateTime<Utc>,
    limit: u64,
    behind: Option<(DateTime<Utc>, ImageId)>,
    is_over: bool,
}

impl StaleImages {
    /// All of this status, which is not COMPLETED, of which there may be millions.
    pub fn of(status: ImageStatus, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        // As text, so that the planner sees that the partial index has all of them.
        let condition = format!("status = '{}' AND status <> 'completed'", status.name());
        Self { condition, untouched_since, limit, behind: None, is_over: false }
    }

    /// All that failed for this reason.
    pub fn failed(code: FailureCode, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        let all = Self::of(ImageStatus::Failed, untouched_since, limit);
        Self { condition: format!("{} AND failure_code = '{}'", all.condition, code.name()), ..all }
    }

    /// The next page; `None` when there are no more.
    pub async fn next(&mut self, conn: &impl ConnectionTrait) -> Result<Option<Vec<Image>>, DbErr> {
        if self.is_over {
            return Ok(None);
        }
        let mut sql = Sql::of(conn, &format!("SELECT * FROM image WHERE {} AND updated_at <= ", self.condition));
        sql.value(self.untouched_since.into());
        if let Some((updated_at, id)) = self.behind {
            sql.push(" AND (updated_at, id) > (");
            sql.values([updated_at.into(), id.0.into()]);
            sql.push(")");
        }
        sql.push(&format!(" ORDER BY updated_at, id LIMIT {}", self.limit));
        let images = Image::find_by_statement(sql.statement()).all(conn).await?;
        // A row that could not be decoded has no place in the order. Where there is no other, this page is the last.
        let last = images.iter().rfind(|image| image.status() != ImageStatus::Unknown);
        self.behind = last.map(|image| (image.updated_at, image.id));
        self.is_over = last.is_none();
        Ok((!images.is_empty()).then_some(images))
    }
}

/// The image that its owner asked for with this key before.
pub async fn find_by_idempotency_key(
    conn: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
) -> Result<Option<Image>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::IdempotencyKey.eq(key));
    query.into_model().one(conn).await
}
