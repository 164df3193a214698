//! Albums, and what is shared: with people by their addresses, with groups, and by links.

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
        for table in [album(), album_image(), share(), share_link()] {
            manager.create_table(table).await?;
        }
        let indexes: [(&str, &str, &[&str], bool); 11] = [
            ("album_owner", "album", &["owner_id", "id"], false),
            ("album_image_place", "album_image", &["album_id", "place", "image_id"], false),
            ("album_image_image", "album_image", &["image_id"], false),
            // What is shared twice with somebody is shared once.
            ("share_image_email", "share", &["image_id", "email"], true),
            ("share_image_group", "share", &["image_id", "group_id"], true),
            ("share_album_email", "share", &["album_id", "email"], true),
            ("share_album_group", "share", &["album_id", "group_id"], true),
            ("share_email", "share", &["email", "id"], false),
            ("share_group", "share", &["group_id", "id"], false),
            ("share_sharer", "share", &["shared_by", "id"], false),
            ("share_link_image", "share_link", &["image_id"], false),
        ];
        for (name, table, columns, is_unique) in indexes {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            if is_unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        let by_album = Index::create().name("share_link_album").table("share_link").col("album_id").to_owned();
        manager.create_index(by_album).await?;
        let by_maker = Index::create().name("share_link_maker").table("share_link").col("made_by").to_owned();
        manager.create_index(by_maker).await
    }
}

fn of(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").on_delete(ForeignKeyAction::Cascade).to_owned()
}

fn album() -> TableCreateStatement {
    Table::create()
        .table("album")
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(text("name"))
        .col(text("description"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut of("album", "owner_id", "user"))
        .to_owned()
}

fn album_image() -> TableCreateStatement {
    Table::create()
        .table("album_image")
        .col(uuid("album_id"))
        .col(uuid("image_id"))
        // Grows in the album's order, with gaps.
        .col(big_integer("place"))
        .primary_key(Index::create().col("album_id").col("image_id"))
        .foreign_key(&mut of("album_image", "album_id", "album"))
        .foreign_key(&mut of("album_image", "image_id", "image"))
        .to_owned()
}

/// Of an image or of an album; with an address or with a group.
fn share() -> TableCreateStatement {
    Table::create()
        .table("share")
        .col(pk_uuid("id"))
        .col(uuid_null("image_id"))
        .col(uuid_null("album_id"))
        .col(text_null("email"))
        .col(uuid_null("group_id"))
        .col(text("access"))
        .col(uuid("shared_by"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut of("share", "image_id", "image"))
        .foreign_key(&mut of("share", "album_id", "album"))
        .foreign_key(&mut of("share", "group_id", "user_group"))
        .foreign_key(&mut of("share", "shared_by", "user"))
        .to_owned()
}

fn share_link() -> TableCreateStatement {
    Table::create()
        .table("share_link")
        .col(pk_uuid("id"))
        .col(uuid_null("image_id"))
        .col(uuid_null("album_id"))
        .col(uuid("made_by"))
        .col(text_null("password_hash"))
        .col(boolean("shows_original"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(big_integer("views"))
        .col(timestamp_with_time_zone_null("last_viewed_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut of("share_link", "image_id", "image"))
        .foreign_key(&mut of("share_link", "album_id", "album"))
        .foreign_key(&mut of("share_link", "made_by", "user"))
        .to_owned()
}
