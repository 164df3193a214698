//! What was done by whom, users who leave, copies of their data, avatars, and categories for some groups alone.

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
        for table in [audit(), removal(), data_export()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("audit_actor", "audit", ["actor_id", "id"]),
            ("audit_target", "audit", ["target_id", "id"]),
            ("audit_action", "audit", ["action", "id"]),
            ("data_export_user", "data_export", ["user_id", "id"]),
        ] {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        // Ids, divided by spaces; none is for everybody.
        let groups = text("groups").default("").to_owned();
        manager.alter_table(Table::alter().table("category").add_column(groups).to_owned()).await?;
        manager.alter_table(Table::alter().table("user").add_column(uuid_null("avatar_id")).to_owned()).await
    }
}

/// No foreign keys: it outlives what it tells of.
fn audit() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(pk_uuid("id"))
        .col(timestamp_with_time_zone("at"))
        .col(text("action"))
        .col(uuid_null("actor_id"))
        .col(uuid_null("target_id"))
        .col(text_null("address"))
        .col(json("details"))
        .to_owned()
}

fn of_user(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, "user_id").to("user", "id").on_delete(ForeignKeyAction::Cascade).to_owned()
}

fn removal() -> TableCreateStatement {
    Table::create()
        .table("user_removal")
        .col(uuid("user_id").primary_key())
        // Whose the images are to be; deleted, where there is nobody.
        .col(uuid_null("heir_id"))
        .col(uuid("requested_by"))
        .col(timestamp_with_time_zone("requested_at"))
        .col(timestamp_with_time_zone("due_at"))
        // From then on there is no way back.
        .col(timestamp_with_time_zone_null("started_at"))
        .foreign_key(&mut of_user("user_removal"))
        .to_owned()
}

fn data_export() -> TableCreateStatement {
    Table::create()
        .table("data_export")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        // In the keys of its files, so that nobody guesses them.
        .col(text("secret"))
        // In bytes, each of a file; none until all are there.
        .col(json_null("sizes"))
        .col(timestamp_with_time_zone("requested_at"))
        .col(timestamp_with_time_zone_null("ready_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(&mut of_user("data_export"))
        .to_owned()
}
