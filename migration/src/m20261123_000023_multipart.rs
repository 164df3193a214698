//! Uploads in parts.

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
        let mut of_image = ForeignKey::create()
            .from("multipart_upload", "image_id")
            .to("image", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        let uploads = Table::create()
            .table("multipart_upload")
            .col(uuid("image_id").primary_key())
            // As the storage calls it.
            .col(text("upload_id"))
            .col(big_integer("part_size"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut of_image)
            .to_owned();
        manager.create_table(uploads).await
    }
}
