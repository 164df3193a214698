//! The job queue.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("job")
                    .col(uuid("id").primary_key())
                    .col(json("payload"))
                    .col(text("dedupe_key"))
                    .col(uuid("subject"))
                    .col(text("state"))
                    .col(integer("attempts"))
                    // How often the process that ran it vanished without a word.
                    .col(integer("deaths"))
                    .col(timestamp_with_time_zone("run_at"))
                    .col(uuid_null("lease_token"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .col(text_null("last_error"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        let run = manager.get_connection();
        run.execute_unprepared("CREATE INDEX job_due ON job (state, run_at, id)").await?;
        run.execute_unprepared("CREATE UNIQUE INDEX job_waits_once ON job (dedupe_key) WHERE state = 'queued'").await?;
        run.execute_unprepared("CREATE UNIQUE INDEX job_runs_alone ON job (subject) WHERE state = 'running'").await?;
        Ok(())
    }
}
