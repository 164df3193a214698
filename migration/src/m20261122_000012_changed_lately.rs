//! What changed lately, of everybody: servers look for it in one query, however many images are watched.

use sea_orm_migration::prelude::*;

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
        run.execute_unprepared("CREATE INDEX image_changed ON image (updated_at)").await?;
        run.execute_unprepared("DROP INDEX image_owner_changed").await.map(drop)
    }
}
