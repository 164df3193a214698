//! Kept counters: what statistics, totals and quotas read. Triggers change them in the transaction that changes
//! the rows, whoever that is, so they cannot drift.

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
        let sql = match manager.get_database_backend() {
            DbBackend::Postgres => include_str!("sql/counts.postgres.sql"),
            _ => include_str!("sql/counts.sqlite.sql"),
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
