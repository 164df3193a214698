use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "category")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    #[sea_orm(unique)]
    pub name_key: String,
    #[sea_orm(unique)]
    pub slug: String,
    pub description: String,
    pub max_file_size: i64,
    pub allowed_extensions: Json,
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    /// Ids, divided by spaces.
    pub groups: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
