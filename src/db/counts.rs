//! Kept counters, changed by triggers in the transactions that change the rows: here they are only read.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use uuid::Uuid;

use super::{sql::Sql, unsigned};
use crate::domain::{
    access::Scope,
    ids::{CategoryId, UserId},
    image::ImageStatus,
    stats::{Count, DayCount, TagCount, Total},
};

/// What is counted: what is deleted is gone.
const COUNTED: [ImageStatus; 6] = [
    ImageStatus::Pending,
    ImageStatus::Uploading,
    ImageStatus::Processing,
    ImageStatus::Completed,
    ImageStatus::Failed,
    ImageStatus::Trashed,
];

/// All counts, also of what is in the trash.
pub async fn all(conn: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Count>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        category_id: Uuid,
        status: String,
        images: i64,
        bytes: i64,
    }
    let mut sql = Sql::of(conn, "SELECT category_id, status, images, bytes FROM image_count WHERE ");
    sql.push_scope(scope);
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?.into_iter().map(|row| Count {
        category: CategoryId(row.category_id),
        status: ImageStatus::from_name(&row.status),
        total: Total { images: unsigned(row.images), bytes: unsigned(row.bytes) },
    });
    Ok(rows.collect())
}

/// All images of all owners, by status; each status once.
pub async fn by_status(conn: &impl ConnectionTrait) -> Result<Vec<(ImageStatus, Total)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        status: String,
        images: i64,
        bytes: i64,
    }
    let sql = "SELECT status, CAST(sum(images) AS bigint) AS images, CAST(sum(bytes) AS bigint) AS bytes \
               FROM image_count GROUP BY status";
    let rows = Row::find_by_statement(Sql::of(conn, sql).statement()).all(conn).await?;
    let total = |status: ImageStatus| {
        let row = rows.iter().find(|row| row.status == status.name());
        let (images, bytes) = row.map_or((0, 0), |row| (unsigned(row.images), unsigned(row.bytes)));
        (status, Total { images, bytes })
    };
    Ok(COUNTED.into_iter().map(total).collect())
}

/// How many bytes each of these owners has in the storage, the trash included.
pub async fn bytes_of(conn: &impl ConnectionTrait, owners: &[UserId]) -> Result<Vec<(UserId, u64)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        owner_id: Uuid,
        bytes: i64,
    }
    let mut sql =
        Sql::of(conn, "SELECT owner_id, CAST(sum(bytes) AS bigint) AS bytes FROM image_count WHERE owner_id IN (");
    sql.values(owners.iter().map(|owner| owner.0.into()));
    sql.push(") GROUP BY owner_id");
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.owner_id), unsigned(row.bytes))).collect())
}

/// Counts from a day on, oldest first; days without images are left out.
pub async fn days(conn: &impl ConnectionTrait, scope: Scope, from: NaiveDate) -> Result<Vec<DayCount>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        day: String,
        images: i64,
        bytes: i64,
    }
    let mut sql = Sql::of(conn, "SELECT day, images, bytes FROM image_day WHERE ");
    sql.push_scope(scope);
    sql.push(" AND day >= ");
    sql.value(from.to_string().into());
    sql.push(" ORDER BY day");
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?.into_iter().filter_map(|row| {
        let unreadable = |error| tracing::error!(day = row.day, %error, "omitted a counter of an invalid day");
        let day = row.day.parse().map_err(unreadable).ok()?;
        Some(DayCount { day, total: Total { images: unsigned(row.images), bytes: unsigned(row.bytes) } })
    });
    Ok(rows.collect())
}

/// Tags that begin with one of these, those of most images first.
pub async fn tags(
    conn: &impl ConnectionTrait,
    scope: Scope,
    prefixes: &[String],
    limit: u64,
) -> Result<Vec<TagCount>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        tag: String,
        images: i64,
    }
    let mut sql = Sql::of(conn, "");
    for (at, prefix) in prefixes.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION " });
        sql.push("SELECT tag, images FROM image_tag WHERE ");
        sql.push_scope(scope);
        sql.push(" AND tag >= ");
        sql.value(prefix.clone().into());
        // The largest character behind the prefix: everything that begins with it comes before.
        sql.push(" AND tag < ");
        sql.value(format!("{prefix}{}", char::MAX).into());
    }
    sql.push(&format!(" ORDER BY images DESC, tag LIMIT {limit}"));
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().map(|row| TagCount { tag: row.tag, images: unsigned(row.images) }).collect())
}
