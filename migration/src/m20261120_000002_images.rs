//! Categories, images and their variants.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(category()).await?;
        manager.create_table(image()).await?;
        manager.create_table(variant()).await?;
        let run = manager.get_connection();
        run.execute_unprepared("CREATE INDEX image_owner_newest ON image (owner_id, id)").await?;
        run.execute_unprepared("CREATE INDEX image_owner_changed ON image (owner_id, updated_at)").await?;
        run.execute_unprepared("CREATE INDEX image_category ON image (category_id)").await?;
        run.execute_unprepared("CREATE UNIQUE INDEX image_idempotency ON image (owner_id, idempotency_key)").await?;
        Ok(())
    }
}

fn category() -> TableCreateStatement {
    Table::create()
        .table("category")
        .col(uuid("id").primary_key())
        .col(text("name"))
        // The name in lower case: two names that differ in case alone are one.
        .col(text("name_key").unique_key())
        .col(text("slug").unique_key())
        .col(text("description"))
        .col(big_integer("max_file_size"))
        .col(json("allowed_extensions"))
        .col(boolean("is_active"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn image() -> TableCreateStatement {
    Table::create()
        .table("image")
        .col(uuid("id").primary_key())
        .col(uuid("owner_id"))
        .col(uuid("category_id"))
        .col(text("original_filename"))
        .col(text("content_type"))
        .col(big_integer("declared_size"))
        .col(text("file_key"))
        .col(text("title"))
        .col(text("description"))
        .col(text("alt_text"))
        .col(json("tags"))
        .col(text("status"))
        .col(big_integer("revision"))
        .col(big_integer("bytes_received"))
        .col(big_integer_null("stored_size"))
        .col(text_null("stored_etag"))
        .col(integer_null("width"))
        .col(integer_null("height"))
        .col(text_null("placeholder"))
        .col(text_null("failure_code"))
        .col(text_null("failure_message"))
        .col(text_null("idempotency_key"))
        .col(timestamp_with_time_zone_null("upload_started_at"))
        .col(timestamp_with_time_zone_null("upload_completed_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(ForeignKey::create().from("image", "owner_id").to("user", "id"))
        .foreign_key(ForeignKey::create().from("image", "category_id").to("category", "id"))
        .to_owned()
}

fn variant() -> TableCreateStatement {
    Table::create()
        .table("variant")
        .col(uuid("image_id"))
        .col(text("kind"))
        .col(integer("width"))
        .col(integer("height"))
        .col(big_integer("file_size"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("image_id").col("kind"))
        .foreign_key(
            ForeignKey::create().from("variant", "image_id").to("image", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
