//! What is known of a picture beside its size: its colour, whether it moves, what it is a copy of and what it looks
//! like. Variants of the operator's own. HEIC and AVIF for the first category.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [&str; 3] = [
    "ALTER TABLE image ADD COLUMN dominant_colour text",
    "ALTER TABLE image ADD COLUMN is_animated boolean NOT NULL DEFAULT FALSE",
    "ALTER TABLE variant ADD COLUMN format text NOT NULL DEFAULT 'webp'",
];

/// A likeness is 64 bits in four bands of 16: whoever looks for pictures that differ in few bits looks for bands that
/// differ in one or none, each by its index.
const INDEXES: [&str; 5] = [
    "CREATE INDEX image_fingerprint_by_bytes ON image_fingerprint (owner_id, sha256, image_id)",
    "CREATE INDEX image_fingerprint_by_band_0 ON image_fingerprint (owner_id, band_0)",
    "CREATE INDEX image_fingerprint_by_band_1 ON image_fingerprint (owner_id, band_1)",
    "CREATE INDEX image_fingerprint_by_band_2 ON image_fingerprint (owner_id, band_2)",
    "CREATE INDEX image_fingerprint_by_band_3 ON image_fingerprint (owner_id, band_3)",
];

/// As it was made until now, and was left as it was.
const GENERAL: &str = "UPDATE category \
    SET allowed_extensions = '[\"jpg\",\"jpeg\",\"png\",\"webp\",\"gif\",\"heic\",\"heif\",\"avif\"]' \
    WHERE name = 'general' AND CAST(allowed_extensions AS text) = '[\"jpg\",\"jpeg\",\"png\",\"webp\",\"gif\"]'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On SQLite too: a process that is killed halfway leaves nothing half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        let (id, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("uuid", "bytea"),
            _ => ("uuid_text", "blob"),
        };
        let fingerprint = format!(
            "CREATE TABLE image_fingerprint (\
             image_id {id} NOT NULL PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE, \
             owner_id {id} NOT NULL, sha256 {bytes} NOT NULL, likeness bigint NOT NULL, \
             band_0 integer NOT NULL, band_1 integer NOT NULL, band_2 integer NOT NULL, band_3 integer NOT NULL)"
        );
        run.execute_unprepared(&fingerprint).await?;
        for statement in COLUMNS.iter().chain(&INDEXES) {
            run.execute_unprepared(statement).await?;
        }
        run.execute_unprepared(GENERAL).await.map(drop)
    }
}
