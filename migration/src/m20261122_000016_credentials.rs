//! Log-ins that their users can look through and end, tokens for programs, and accounts that are closed.

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
        let of_users = [
            text_null("last_login_address"),
            timestamp_with_time_zone_null("email_verified_at"),
            timestamp_with_time_zone_null("deactivated_at"),
            // Grows with whatever changes what the user may do, so that their sockets begin anew.
            integer("rights_revision").default(0).to_owned(),
        ];
        for column in of_users {
            manager.alter_table(Table::alter().table("user").add_column(column).to_owned()).await?;
        }
        let of_sessions = [
            boolean("is_remembered").default(false).to_owned(),
            // Of the refresh token before the present one, whose answer may have been lost.
            text_null("previous_hash"),
            timestamp_with_time_zone_null("rotated_at"),
            text_null("user_agent"),
            text_null("address"),
            timestamp_with_time_zone_null("last_used_at"),
        ];
        for column in of_sessions {
            manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        }
        let tokens = Table::create()
            .table("api_token")
            .col(pk_uuid("id"))
            .col(uuid("user_id"))
            .col(text("name"))
            .col(text("hash").unique_key())
            .col(text("scopes"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("last_used_at"))
            .foreign_key(
                ForeignKey::create().from("api_token", "user_id").to("user", "id").on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(tokens).await?;
        let by_user = Index::create().name("api_token_user").table("api_token").col("user_id").to_owned();
        manager.create_index(by_user).await
    }
}
