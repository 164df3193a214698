//! Images made anew after a change of the settings: what each variant was made with, and how far a run has come.

use sea_orm_migration::{prelude::*, schema::*};

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
        // Not known of variants from before, nor of those that an older server makes.
        run.execute_unprepared("ALTER TABLE variant ADD COLUMN settings text").await?;
        let regenerations = Table::create()
            .table("regeneration")
            .col(pk_uuid("id"))
            .col(text("state"))
            .col(json("filter"))
            // The last image that was examined, in the order of their ids.
            .col(uuid_null("examined_through"))
            .col(big_integer("total"))
            .col(big_integer("examined"))
            .col(big_integer("remade"))
            .col(big_integer("failed"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .to_owned();
        manager.create_table(regenerations).await?;
        let one = "CREATE UNIQUE INDEX regeneration_running ON regeneration (state) WHERE state = 'running'";
        run.execute_unprepared(one).await.map(drop)
    }
}
