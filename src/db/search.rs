//! What searches look through: the text as it is compared, and an index of its grams. Kept beside the images'
//! rows, which change far more often than what is said of them.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::sql::Sql;
use crate::domain::{
    access::Scope,
    ids::ImageId,
    image::Image,
    search::{SearchFilter, Searchable},
};

/// Makes an image findable by what is said of it now.
pub async fn put(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    put_many(transaction, std::slice::from_ref(image)).await
}

/// Makes many images findable; at most 1000.
pub async fn put_many(transaction: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    let found = |image: &Image| (image.id, Searchable::of(image.owner, &image.filename, &image.details));
    let rows: Vec<(ImageId, Searchable)> = images.iter().map(found).collect();
    match transaction.get_database_backend() {
        DbBackend::Postgres => put_in_postgres(transaction, rows).await,
        _ => put_in_sqlite(transaction, rows).await,
    }
}

/// Adds an image by this statement, and makes it findable, in one: Postgres alone can do that.
pub(super) async fn put_with(conn: &impl ConnectionTrait, added: Statement, image: &Image) -> Result<(), DbErr> {
    let found = Searchable::of(image.owner, &image.filename, &image.details);
    let mut sql = Sql::continuing(added, |added| format!("WITH added AS ({added}) "));
    sql.push("INSERT INTO image_search (image_id, text, tags, grams) VALUES ");
    sql.rows([found], |found| [image.id.0.into(), found.text.into(), found.tags.into(), found.grams.into()]);
    sql.execute(conn).await
}

async fn put_in_postgres(conn: &impl ConnectionTrait, rows: Vec<(ImageId, Searchable)>) -> Result<(), DbErr> {
    let mut sql = Sql::of(conn, "INSERT INTO image_search (image_id, text, tags, grams) VALUES ");
    sql.rows(rows, |(id, found)| [id.0.into(), found.text.into(), found.tags.into(), found.grams.into()]);
    sql.push(
        " ON CONFLICT (image_id) DO UPDATE \
         SET text = excluded.text, tags = excluded.tags, grams = excluded.grams",
    );
    sql.execute(conn).await
}

async fn put_in_sqlite(conn: &impl ConnectionTrait, rows: Vec<(ImageId, Searchable)>) -> Result<(), DbErr> {
    let mut texts = Sql::of(conn, "INSERT INTO image_search (image_id, text, tags) VALUES ");
    texts.rows(&rows, |(id, found)| [id.0.into(), found.text.clone().into(), found.tags.clone().into()]);
    texts.push(
        " ON CONFLICT (image_id) DO UPDATE SET text = excluded.text, tags = excluded.tags RETURNING image_id, seq",
    );
    let mut grams: HashMap<Uuid, String> = rows.iter().map(|(id, found)| (id.0, words(&found.grams))).collect();
    let mut entries: Vec<(i64, String)> = Vec::new();
    for row in conn.query_all_raw(texts.statement()).await? {
        let words = grams.remove(&row.try_get("", "image_id")?).unwrap_or_default();
        entries.push((row.try_get("", "seq")?, words));
    }
    let mut index = Sql::of(conn, "INSERT OR REPLACE INTO image_gram (rowid, grams) VALUES ");
    index.rows(entries, |(seq, words)| [seq.into(), words.into()]);
    index.execute(conn).await
}

/// Images that nothing finds yet, behind an id: they were there before there was a search. At most `limit`.
pub async fn missing(conn: &impl ConnectionTrait, behind: Option<ImageId>, limit: u64) -> Result<Vec<ImageId>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let mut sql = Sql::of(conn, "SELECT id FROM image WHERE id > ");
    sql.value(behind.map_or(Uuid::nil(), |id| id.0).into());
    sql.push(&format!(
        " AND NOT EXISTS (SELECT 1 FROM image_search WHERE image_id = image.id) ORDER BY id LIMIT {limit}"
    ));
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().map(|row| ImageId(row.id)).collect())
}

/// Writes a table of the ids of everything in a scope that passes, by the index, whose entries have the owner in them.
pub(super) fn push_hits(sql: &mut Sql, scope: Scope, search: &SearchFilter) {
    let grams = search.grams(scope.owner());
    if sql.backend() == DbBackend::Postgres {
        sql.push("SELECT found.image_id FROM image_search AS found WHERE found.grams @> ");
        sql.value(Value::from(grams));
    } else {
        // CROSS JOIN: in this order, whatever the planner thinks of it.
        sql.push(
            "SELECT found.image_id FROM image_gram CROSS JOIN image_search AS found \
             ON found.seq = image_gram.rowid WHERE image_gram MATCH ",
        );
        sql.value(words(&grams).into());
    }
    sql.push(" AND ");
    push_passes(sql, search);
}

/// Writes the condition that a row of `image_search`, as `found`, passes: by its text alone.
pub(super) fn push_passes(sql: &mut Sql, search: &SearchFilter) {
    let position = if sql.backend() == DbBackend::Postgres { "strpos" } else { "instr" };
    sql.push("1 = 1");
    let parts = search.needle().map(|needle| ("text", needle.to_owned()));
    for (column, part) in parts.into_iter().chain(search.marked_tags().map(|tag| ("tags", tag))) {
        sql.push(&format!(" AND {position}(found.{column}, "));
        sql.value(part.into());
        sql.push(") > 0");
    }
}

/// Grams as words for FTS5, which finds rows that have all of them.
fn words(grams: &[i32]) -> String {
    let words: Vec<String> = grams.iter().map(|gram| format!("\"{gram:08x}\"")).collect();
    words.join(" ")
}
