//! Second factors, and who somebody is elsewhere.

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
        let of_user = |table: &'static str| {
            ForeignKey::create().from(table, "user_id").to("user", "id").on_delete(ForeignKeyAction::Cascade).to_owned()
        };
        let factors = Table::create()
            .table("second_factor")
            .col(uuid("user_id").primary_key())
            // What the secret is made from, together with the server's.
            .col(text("salt"))
            .col(timestamp_with_time_zone_null("confirmed_at"))
            // Of the last code that was taken: none is taken twice.
            .col(big_integer("last_step"))
            // Hashes of recovery codes, divided by spaces.
            .col(text("recovery_hashes"))
            .foreign_key(&mut of_user("second_factor"))
            .to_owned();
        manager.create_table(factors).await?;
        let identities = Table::create()
            .table("external_identity")
            .col(text("issuer"))
            .col(text("subject"))
            .col(uuid("user_id"))
            .col(timestamp_with_time_zone("created_at"))
            .primary_key(Index::create().col("issuer").col("subject"))
            .foreign_key(&mut of_user("external_identity"))
            .to_owned();
        manager.create_table(identities).await?;
        let by_user =
            Index::create().name("external_identity_user").table("external_identity").col("user_id").to_owned();
        manager.create_index(by_user).await?;
        let since = timestamp_with_time_zone_null("second_factor_at");
        manager.alter_table(Table::alter().table("user").add_column(since).to_owned()).await
    }
}
