//! Groups of users, and what they permit.

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
        let groups = Table::create()
            .table("user_group")
            .col(pk_uuid("id"))
            .col(text("name").unique_key())
            // Names, divided by spaces.
            .col(text("permissions"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned();
        manager.create_table(groups).await?;
        let of = |column: &'static str, table: &'static str| {
            ForeignKey::create()
                .from("group_member", column)
                .to(table, "id")
                .on_delete(ForeignKeyAction::Cascade)
                .to_owned()
        };
        let members = Table::create()
            .table("group_member")
            .col(uuid("user_id"))
            .col(uuid("group_id"))
            .primary_key(Index::create().col("user_id").col("group_id"))
            .foreign_key(&mut of("user_id", "user"))
            .foreign_key(&mut of("group_id", "user_group"))
            .to_owned();
        manager.create_table(members).await?;
        let by_group = Index::create().name("group_member_group").table("group_member").col("group_id").to_owned();
        manager.create_index(by_group).await?;
        // The unique index of addresses sorts as the database's language does; a search by prefix needs bytes.
        let by_address = match manager.get_database_backend() {
            sea_orm::DbBackend::Postgres => "CREATE INDEX user_address ON \"user\" (email COLLATE \"C\")",
            _ => return Ok(()),
        };
        manager.get_connection().execute_unprepared(by_address).await.map(drop)
    }
}
