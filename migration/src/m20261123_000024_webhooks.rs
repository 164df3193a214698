//! Webhooks: where events go, and what became of each.

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
        let mut of_owner = ForeignKey::create()
            .from("webhook", "owner_id")
            .to("user", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        let webhooks = Table::create()
            .table("webhook")
            .col(uuid("id").primary_key())
            .col(uuid("owner_id"))
            .col(text("url"))
            .col(text("description"))
            // Names of kinds of events, divided by spaces.
            .col(text("kinds"))
            .col(boolean("of_all_images"))
            // What the secret is made from, together with the server's.
            .col(text("salt"))
            .col(text_null("previous_salt"))
            .col(timestamp_with_time_zone_null("previous_salt_until"))
            // Only events behind this place go there.
            .col(big_integer("after_place"))
            // Events of these places go there once more.
            .col(big_integer_null("replay_after"))
            .col(big_integer_null("replay_through"))
            .col(timestamp_with_time_zone_null("disabled_at"))
            .col(text_null("disabled_because"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("failing_since"))
            .col(timestamp_with_time_zone_null("paused_until"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut of_owner)
            .to_owned();
        manager.create_table(webhooks).await?;
        let mut of_webhook = ForeignKey::create()
            .from("webhook_delivery", "webhook_id")
            .to("webhook", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        let deliveries = Table::create()
            .table("webhook_delivery")
            .col(uuid("id").primary_key())
            .col(uuid("webhook_id"))
            // Of the event; none of a test.
            .col(big_integer_null("place"))
            .col(text("kind"))
            .col(uuid_null("image_id"))
            .col(text("payload"))
            .col(text("state"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone("due_at"))
            .col(timestamp_with_time_zone_null("last_attempt_at"))
            .col(integer_null("last_status"))
            .col(text_null("last_error"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut of_webhook)
            .to_owned();
        manager.create_table(deliveries).await?;
        let run = manager.get_connection();
        for sql in [
            "CREATE INDEX webhook_of_owner ON webhook (owner_id)",
            "CREATE UNIQUE INDEX webhook_delivery_of_event ON webhook_delivery (webhook_id, place)",
            "CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE state = 'pending'",
            "CREATE INDEX webhook_delivery_latest ON webhook_delivery (webhook_id, created_at, id)",
            "CREATE INDEX webhook_delivery_old ON webhook_delivery (created_at)",
            // One row: up to which place events were looked at.
            "CREATE TABLE webhook_cursor (place bigint NOT NULL)",
            "INSERT INTO webhook_cursor SELECT coalesce(max(place), 0) FROM event",
        ] {
            run.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
