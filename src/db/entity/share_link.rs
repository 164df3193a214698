use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "share_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub image_id: Option<Uuid>,
    pub album_id: Option<Uuid>,
    pub made_by: Uuid,
    pub password_hash: Option<String>,
    pub shows_original: bool,
    pub expires_at: Option<DateTimeUtc>,
    pub views: i64,
    pub last_viewed_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
