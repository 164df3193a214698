//! Searches by date read the index of grams in its order: SQLite numbers its entries by the dates of the images, PostgreSQL
//! has the month in its grams. A job writes all entries anew after the upgrade.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

// A server of an older version, beside this one for a while, goes on to write `grams`; what it wrote is found by that.
const POSTGRES: &str = "
ALTER TABLE image_search ADD COLUMN month_grams int4[];
CREATE INDEX image_search_month_grams ON image_search USING gin (month_grams) WITH (gin_pending_list_limit = 256);
CREATE INDEX image_search_older ON image_search (image_id) WHERE grams <> '{}';
";

// The numbers change, so all entries are written anew.
const SQLITE: &str = "
DROP TABLE image_search;
DROP TABLE image_gram;
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
