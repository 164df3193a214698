//! Jobs take turns among owners, a lease is told by the database's clock, and an outage is no attempt. Variants that
//! are made anew have keys of their own.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On SQLite too: a process that is killed halfway leaves nothing half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        let (id, nobody) = match manager.get_database_backend() {
            DbBackend::Postgres => ("uuid", "'00000000-0000-0000-0000-000000000000'"),
            _ => ("uuid_text", "x'00000000000000000000000000000000'"),
        };
        for statement in [
            &*format!("ALTER TABLE job ADD COLUMN owner {id} NOT NULL DEFAULT {nobody}"),
            "ALTER TABLE job ADD COLUMN postponed integer NOT NULL DEFAULT 0",
            // In milliseconds since 1970, by the database's clock.
            "ALTER TABLE job ADD COLUMN lease_ends bigint NOT NULL DEFAULT 0",
            "ALTER TABLE job ADD COLUMN is_suspected boolean NOT NULL DEFAULT FALSE",
            "ALTER TABLE job DROP COLUMN lease_until",
            "UPDATE job SET owner = (SELECT owner_id FROM image WHERE image.id = job.subject) \
             WHERE EXISTS (SELECT 1 FROM image WHERE image.id = job.subject)",
            "DROP INDEX job_due",
            "ALTER TABLE image ADD COLUMN generation integer NOT NULL DEFAULT 0",
            "ALTER TABLE variant ADD COLUMN generation integer NOT NULL DEFAULT 0",
            "CREATE INDEX job_turn ON job (state, owner, run_at, id)",
        ] {
            run.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
