//! What searches look through: the text as it is compared, and an index of its grams. Kept beside the images'
//! rows, which change far more often than what is said of them.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::sql::Sql;
use crate::domain::{
    access::Scope,
    ids::ImageId,
    image::Image,
    listing::ImageFilter,
    search::{Month, Partition, SearchFilter, Searchable},
};

/// By how much an entry's number in SQLite is above its image's date, at most: as many images have the same microsecond.
pub(super) const MAX_SHIFT: i64 = 65_536;

/// Makes an image findable by what is said of it now.
pub async fn put(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    put_many(transaction, std::slice::from_ref(image)).await
}

/// Makes many images findable; at most 1000.
pub async fn put_many(transaction: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        return put_in_postgres(transaction, images).await;
    }
    let mut entries = Vec::with_capacity(images.len());
    for image in images {
        entries.push(put_text_in_sqlite(transaction, image).await?);
    }
    let mut index = Sql::of(transaction, "INSERT OR REPLACE INTO image_gram (rowid, grams) VALUES ");
    index.rows(entries, |(number, words)| [number.into(), words.into()]);
    index.execute(transaction).await
}

/// Adds an image by this statement, and makes it findable, in one: Postgres alone can do that.
pub(super) async fn put_with(conn: &impl ConnectionTrait, added: Statement, image: &Image) -> Result<(), DbErr> {
    let mut sql = Sql::continuing(added, |added| format!("WITH added AS ({added}) "));
    push_rows(&mut sql, std::slice::from_ref(image));
    sql.execute(conn).await
}

async fn put_in_postgres(conn: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    let mut sql = Sql::of(conn, "");
    push_rows(&mut sql, images);
    sql.push(
        " ON CONFLICT (image_id) DO UPDATE \
         SET text = excluded.text, tags = excluded.tags, grams = excluded.grams, month_grams = excluded.month_grams",
    );
    sql.execute(conn).await
}

fn push_rows(sql: &mut Sql, images: &[Image]) {
    // What older versions write and look for stays empty: where it is not, one of them wrote the entry since.
    sql.push("INSERT INTO image_search (image_id, text, tags, grams, month_grams) VALUES ");
    sql.rows(images, |image| {
        let found = searchable(image, Some(Month::of(image.created_at)));
        let of_older: Vec<i32> = Vec::new();
        [image.id.0.into(), found.text.into(), found.tags.into(), of_older.into(), found.grams.into()]
    });
}

/// The number and the words of an entry of the index, once there is what it is of.
async fn put_text_in_sqlite(conn: &impl ConnectionTrait, image: &Image) -> Result<(i64, String), DbErr> {
    let found = searchable(image, None);
    let mut sql = Sql::of(conn, "INSERT INTO image_search (seq, image_id, text, tags) VALUES (");
    push_free_number(&mut sql, image.created_at);
    sql.push(", ");
    sql.values([image.id.0.into(), found.text.into(), found.tags.into()]);
    sql.push(") ON CONFLICT (image_id) DO UPDATE SET text = excluded.text, tags = excluded.tags RETURNING seq");
    let row = conn.query_one_raw(sql.statement()).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotInserted)?;
    Ok((row.try_get("", "seq")?, words(&found.grams)))
}

/// The date in microseconds, or the first number behind it that no entry has.
fn push_free_number(sql: &mut Sql, date: DateTime<Utc>) {
    let number = date.timestamp_micros();
    sql.push("(SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM image_search WHERE seq = ");
    sql.value(number.into());
    sql.push(") THEN ");
    sql.value(number.into());
    sql.push(" ELSE (SELECT taken.seq + 1 FROM image_search AS taken WHERE taken.seq >= ");
    sql.value(number.into());
    sql.push(" AND taken.seq < ");
    sql.value((number + MAX_SHIFT).into());
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM image_search AS next WHERE next.seq = taken.seq + 1) \
         ORDER BY taken.seq LIMIT 1) END)",
    );
}

fn searchable(image: &Image, month: Option<Month>) -> Searchable {
    let partition = Partition { owner: image.owner, month };
    Searchable::of(partition, image.category, &image.filename, &image.details)
}

/// Which images searches do not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// Those without an entry.
    Missing,
    /// Those with an entry that an older version wrote. Of SQLite only one version at a time writes.
    Older,
}

/// Images that searches do not find, the newest before an id; at most `limit`.
pub async fn outdated(
    conn: &impl ConnectionTrait,
    kind: Outdated,
    before: Option<ImageId>,
    limit: u64,
) -> Result<Vec<ImageId>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let (table, id, condition) = match (kind, conn.get_database_backend()) {
        (Outdated::Missing, _) => {
            ("image", "id", "NOT EXISTS (SELECT 1 FROM image_search WHERE image_search.image_id = image.id)")
        }
        (Outdated::Older, DbBackend::Postgres) => ("image_search", "image_id", "grams <> '{}'"),
        (Outdated::Older, _) => return Ok(Vec::new()),
    };
    let mut sql = Sql::of(conn, &format!("SELECT {id} AS id FROM {table} WHERE {condition} AND {id} < "));
    sql.value(before.map_or(Uuid::max(), |id| id.0).into());
    sql.push(&format!(" ORDER BY {id} DESC LIMIT {limit}"));
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().map(|row| ImageId(row.id)).collect())
}

/// The part of the index that can have what is looked for.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Numbers from one to another, both included.
    Numbers(i64, i64),
    /// At least one month.
    Months(Vec<Month>),
}

/// Writes a table of the entries in a part of the index that can pass.
pub(super) fn push_hits(sql: &mut Sql, scope: Scope, filter: &ImageFilter, part: &Part) {
    let months = match part {
        Part::Numbers(from, to) => {
            sql.push("SELECT found.image_id, found.text, found.tags FROM ");
            return push_matches(sql, scope, filter, "", (*from, *to));
        }
        Part::Months(months) => months,
    };
    sql.push("SELECT found.image_id, found.text, found.tags FROM (");
    // Of alternatives in one condition the planner makes a scan of the whole table, until that is very large.
    for (at, month) in months.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        sql.push("SELECT image_id, text, tags FROM image_search WHERE month_grams @> ");
        let partition = Partition { owner: scope.owner(), month: Some(*month) };
        sql.value(Value::from(filter.search.grams(partition, filter.category)));
    }
    sql.push(") AS found WHERE 1 = 1");
}

/// Joins the images to entries of this name: these first, whatever the planner thinks of it.
pub(super) fn push_images_of(sql: &mut Sql, entry: &str) {
    push_one_by_one(sql, "image", "image", "id", &format!("{entry}.image_id"));
}

/// Joins the entries to images of this name, as `found`, in the same way.
pub(super) fn push_entries_of(sql: &mut Sql, images: &str) {
    push_one_by_one(sql, "image_search", "found", "image_id", &format!("{images}.id"));
}

fn push_one_by_one(sql: &mut Sql, table: &str, name: &str, key: &str, value: &str) {
    sql.push(&if sql.backend() == DbBackend::Postgres {
        format!(" CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {table}.{key} = {value} OFFSET 0) AS {name}")
    } else {
        format!(" CROSS JOIN {table} AS {name} ON {name}.{key} = {value}")
    });
}

/// Writes SQLite's entries with these numbers that can pass, with their images.
pub(super) fn push_numbered(sql: &mut Sql, scope: Scope, filter: &ImageFilter, numbers: (i64, i64)) {
    push_matches(sql, scope, filter, "CROSS JOIN image ON image.id = found.image_id ", numbers);
}

fn push_matches(sql: &mut Sql, scope: Scope, filter: &ImageFilter, joined: &str, (from, to): (i64, i64)) {
    // CROSS JOIN: in this order, whatever the planner thinks of it.
    sql.push(&format!(
        "image_gram CROSS JOIN image_search AS found ON found.seq = image_gram.rowid {joined}WHERE image_gram MATCH "
    ));
    let partition = Partition { owner: scope.owner(), month: None };
    sql.value(words(&filter.search.grams(partition, filter.category)).into());
    sql.push(" AND image_gram.rowid BETWEEN ");
    sql.value(from.into());
    sql.push(" AND ");
    sql.value(to.into());
}

/// Writes the condition that an entry, under this name, passes: by its text alone.
pub(super) fn push_passes(sql: &mut Sql, entry: &str, search: &SearchFilter) {
    let position = if sql.backend() == DbBackend::Postgres { "strpos" } else { "instr" };
    sql.push("1 = 1");
    let parts = search.needle().map(|needle| ("text", needle.to_owned()));
    for (column, part) in parts.into_iter().chain(search.marked_tags().map(|tag| ("tags", tag))) {
        sql.push(&format!(" AND {position}({entry}.{column}, "));
        sql.value(part.into());
        sql.push(") > 0");
    }
}

/// Grams as words for FTS5, which finds rows that have all of them.
fn words(grams: &[i32]) -> String {
    let words: Vec<String> = grams.iter().map(|gram| format!("\"{gram:08x}\"")).collect();
    words.join(" ")
}
