//! The log of events: what happened to images, in the order in which it was committed.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Places are handed out before a transaction commits, so one that has the lower place could commit later, behind a
/// reader's back. Whoever adds events holds this lock until the commit, so places and commits have one order. SQLite
/// has one writer at a time anyway. A process that freezes with the lock in its hand loses it after ten seconds.
const IN_TURN: &str = "\
    CREATE FUNCTION event_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$ \
    BEGIN PERFORM set_config('idle_in_transaction_session_timeout', '10s', true); \
    PERFORM pg_advisory_xact_lock(7236833124879463795); RETURN NULL; END $$; \
    CREATE TRIGGER event_in_turn BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION event_in_turn();";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On SQLite too: a process that is killed halfway leaves nothing half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let events = Table::create()
            .table("event")
            .col(big_integer("place").primary_key().auto_increment())
            .col(timestamp_with_time_zone("happened_at"))
            .col(text("kind"))
            .col(uuid_null("actor_id"))
            .col(uuid("image_id"))
            .col(uuid("owner_id"))
            .to_owned();
        manager.create_table(events).await?;
        let run = manager.get_connection();
        run.execute_unprepared("CREATE INDEX event_of_owner ON event (owner_id, place)").await?;
        // One row: readers that stand before this place have missed something.
        run.execute_unprepared("CREATE TABLE event_retention (removed_through bigint NOT NULL)").await?;
        run.execute_unprepared("INSERT INTO event_retention VALUES (0)").await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            run.execute_unprepared(IN_TURN).await?;
        }
        Ok(())
    }
}
