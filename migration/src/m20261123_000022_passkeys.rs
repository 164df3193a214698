//! Passkeys, which log-ins had two factors, and since when membership follows a provider.

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
        let of_user = ForeignKey::create()
            .from("passkey", "user_id")
            .to("user", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        let passkeys = Table::create()
            .table("passkey")
            .col(uuid("id").primary_key())
            .col(uuid("user_id"))
            // Base64url, as browsers write it.
            .col(text("credential_id").unique_key())
            .col(text("name"))
            // The public key and its counter, as JSON.
            .col(text("credential"))
            // When the last challenge was made that was answered: none is answered twice.
            .col(timestamp_with_time_zone("challenged_at"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("last_used_at"))
            .foreign_key(&mut of_user.clone())
            .to_owned();
        manager.create_table(passkeys).await?;
        let by_user = Index::create().name("passkey_user").table("passkey").col("user_id").to_owned();
        manager.create_index(by_user).await?;
        for table in ["session", "api_token"] {
            let column = boolean("has_second_factor").default(false).to_owned();
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            // Until now, whoever had a second factor had shown it.
            let text = format!(
                "UPDATE {table} SET has_second_factor = TRUE \
                 WHERE user_id IN (SELECT id FROM \"user\" WHERE second_factor_at IS NOT NULL)"
            );
            manager.get_connection().execute_unprepared(&text).await?;
        }
        let followed = timestamp_with_time_zone_null("groups_as_of");
        manager.alter_table(Table::alter().table("external_identity").add_column(followed).to_owned()).await
    }
}
