//! The kind of a job beside it: each kind has slots of its own, and a worker leaves alone what it does not know.

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
        // Told by the key, so that jobs of an older version that still runs have one too.
        let kind = match manager.get_database_backend() {
            DbBackend::Postgres => "split_part(dedupe_key, ':', 1)) STORED",
            _ => "substr(dedupe_key, 1, instr(dedupe_key, ':') - 1)) VIRTUAL",
        };
        run.execute_unprepared(&format!("ALTER TABLE job ADD COLUMN kind text GENERATED ALWAYS AS ({kind}")).await?;
        // Beside `job_turn`, which an older version that still runs claims by.
        let index = "CREATE INDEX job_turn_of_kind ON job (state, kind, owner, run_at, id)";
        run.execute_unprepared(index).await.map(drop)
    }
}
