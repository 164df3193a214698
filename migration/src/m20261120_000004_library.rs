//! What lists are ordered by, with an index for every order; the trash; metadata.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Every list is of one owner, one status, perhaps one category, and goes by one of three keys and the id.
const LISTS: [&str; 6] = [
    "CREATE INDEX image_by_created ON image (owner_id, status, created_at, id)",
    "CREATE INDEX image_by_size ON image (owner_id, status, file_size, id)",
    "CREATE INDEX image_by_title ON image (owner_id, status, title_key, id)",
    "CREATE INDEX image_of_category_by_created ON image (owner_id, category_id, status, created_at, id)",
    "CREATE INDEX image_of_category_by_size ON image (owner_id, category_id, status, file_size, id)",
    "CREATE INDEX image_of_category_by_title ON image (owner_id, category_id, status, title_key, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On SQLite too: a process that is killed halfway leaves nothing half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        // The same order on every database: that of the bytes.
        let collation = if manager.get_database_backend() == DbBackend::Postgres { "COLLATE \"C\"" } else { "" };
        run.execute_unprepared(&format!("ALTER TABLE image ADD COLUMN title_key text {collation} NOT NULL DEFAULT ''"))
            .await?;
        run.execute_unprepared("ALTER TABLE image ADD COLUMN file_size bigint NOT NULL DEFAULT 0").await?;
        run.execute_unprepared("UPDATE image SET file_size = COALESCE(stored_size, declared_size)").await?;
        for column in ["trashed_at", "purge_at"] {
            let added = Table::alter().table("image").add_column(timestamp_with_time_zone_null(column)).to_owned();
            manager.alter_table(added).await?;
        }
        for index in LISTS {
            run.execute_unprepared(index).await?;
        }
        run.execute_unprepared("DROP INDEX image_owner_newest").await?;
        run.execute_unprepared("DROP INDEX image_category").await?;
        // What the sweep looks through: few rows beside those that are completed.
        run.execute_unprepared(
            "CREATE INDEX image_unsettled ON image (status, updated_at, id) WHERE status <> 'completed'",
        )
        .await?;
        manager.create_table(metadata()).await
    }
}

fn metadata() -> TableCreateStatement {
    Table::create()
        .table("image_metadata")
        .col(uuid("image_id").primary_key())
        .col(json("metadata"))
        .foreign_key(
            ForeignKey::create()
                .from("image_metadata", "image_id")
                .to("image", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
