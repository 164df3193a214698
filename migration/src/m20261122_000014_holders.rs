//! Which process holds a job: its death is seen by the end of its session, long before its lease ends.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Not known of what an older worker claims: its lease alone tells that it lives.
        let sql = "ALTER TABLE job ADD COLUMN holder integer";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}
