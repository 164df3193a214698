use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Default, DeriveEntityModel)]
#[sea_orm(table_name = "image")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub category_id: Uuid,
    pub original_filename: String,
    pub content_type: String,
    pub declared_size: i64,
    pub file_size: i64,
    pub file_key: String,
    pub title: String,
    pub title_key: String,
    pub description: String,
    pub alt_text: String,
    pub tags: Json,
    pub status: String,
    pub revision: i64,
    pub bytes_received: i64,
    pub stored_size: Option<i64>,
    pub stored_etag: Option<String>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub placeholder: Option<String>,
    pub dominant_colour: Option<String>,
    pub is_animated: bool,
    pub generation: i32,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub idempotency_key: Option<String>,
    pub upload_started_at: Option<DateTimeUtc>,
    pub upload_completed_at: Option<DateTimeUtc>,
    pub trashed_at: Option<DateTimeUtc>,
    pub purge_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
