//! What searches and tag filters look through: the text as it is compared, and an index of its grams.
//! Rows of images that were there before are written by the first sweep.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const POSTGRES: &str = "
CREATE TABLE image_search (
    image_id uuid PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
    text text NOT NULL,
    tags text NOT NULL,
    grams int4[] NOT NULL
);
-- What waits to be sorted in is read through by every search: little of it.
CREATE INDEX image_search_grams ON image_search USING gin (grams) WITH (gin_pending_list_limit = 256);
";

// FTS5 holds the grams as words of its own and nothing else: no copy of the text, no positions.
const SQLITE: &str = "
CREATE TABLE image_search (
    seq integer PRIMARY KEY,
    image_id uuid_text NOT NULL UNIQUE REFERENCES image (id) ON DELETE CASCADE,
    text text NOT NULL,
    tags text NOT NULL
);
CREATE VIRTUAL TABLE image_gram USING fts5 (grams, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE TRIGGER image_search_removed AFTER DELETE ON image_search BEGIN
    DELETE FROM image_gram WHERE rowid = OLD.seq;
END;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On SQLite too: a process that is killed halfway leaves nothing half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
