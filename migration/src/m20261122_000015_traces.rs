//! Which operation led to a job: its trace goes on in the process that runs it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // As W3C's `traceparent`; not there where nobody traces, nor of what an older version enqueues.
        let sql = "ALTER TABLE job ADD COLUMN trace text";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}
