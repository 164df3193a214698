//! Mails that carry a link: what each is for, until its link was used or has ended.

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
        let mails = Table::create()
            .table("mail")
            .col(pk_uuid("id"))
            .col(text("purpose"))
            .col(text("email"))
            .col(text("language"))
            // Of a sign-up, until the address is confirmed.
            .col(text_null("display_name"))
            .col(text_null("password_hash"))
            // Of an invitation: ids, divided by spaces.
            .col(text_null("groups"))
            .col(uuid_null("invited_by"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .to_owned();
        manager.create_table(mails).await?;
        let by_address = Index::create().name("mail_email").table("mail").col("email").to_owned();
        manager.create_index(by_address).await
    }
}
