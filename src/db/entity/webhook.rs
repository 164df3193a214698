use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub url: String,
    pub description: String,
    /// Names, divided by spaces.
    pub kinds: String,
    pub of_all_images: bool,
    pub salt: String,
    pub previous_salt: Option<String>,
    pub previous_salt_until: Option<DateTimeUtc>,
    pub after_place: i64,
    pub replay_after: Option<i64>,
    pub replay_through: Option<i64>,
    pub disabled_at: Option<DateTimeUtc>,
    pub disabled_because: Option<String>,
    pub failures: i32,
    pub failing_since: Option<DateTimeUtc>,
    pub paused_until: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
