//! Categories.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{
    Saved,
    entity::category::{Column, Entity, Model},
    locks_rows, signed, strings, unsigned,
};
use crate::domain::{category::Category, ids::CategoryId};

/// One category.
pub async fn find(conn: &impl ConnectionTrait, id: CategoryId) -> Result<Option<Category>, DbErr> {
    Entity::find_by_id(id.0).one(conn).await?.map(Category::try_from).transpose()
}

/// One category, held against other writers until the transaction ends.
pub async fn lock(transaction: &impl ConnectionTrait, id: CategoryId) -> Result<Option<Category>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock_exclusive();
    }
    query.one(transaction).await?.map(Category::try_from).transpose()
}

/// Many categories in one query, in no order.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[CategoryId]) -> Result<Vec<Category>, DbErr> {
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    query.all(conn).await?.into_iter().map(Category::try_from).collect()
}

/// All categories by name, or the active ones alone, without that of avatars. At most 1000.
pub async fn list(conn: &impl ConnectionTrait, include_inactive: bool) -> Result<Vec<Category>, DbErr> {
    let mut query =
        Entity::find().filter(Column::Id.ne(CategoryId::AVATARS.0)).order_by_asc(Column::NameKey).limit(1000);
    if !include_inactive {
        query = query.filter(Column::IsActive.eq(true));
    }
    query.all(conn).await?.into_iter().map(Category::try_from).collect()
}

/// Whether a slug is taken.
pub async fn slug_exists(conn: &impl ConnectionTrait, slug: &str) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(Column::Slug.eq(slug)).one(conn).await?.is_some())
}

/// Adds a category, unless its name or its slug is taken.
pub async fn insert(conn: &impl ConnectionTrait, category: &Category) -> Result<Saved, DbErr> {
    Saved::of(Entity::insert(Model::from(category).into_active_model()).exec_without_returning(conn).await)
}

/// Writes back a category, unless its name is taken.
pub async fn update(conn: &impl ConnectionTrait, category: &Category) -> Result<Saved, DbErr> {
    let mut row = Model::from(category).into_active_model().reset_all();
    row.id = sea_orm::ActiveValue::Unchanged(category.id.0);
    Saved::of(Entity::update(row).exec(conn).await)
}

impl From<&Category> for Model {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id.0,
            name: category.name.clone(),
            name_key: category.name.to_lowercase(),
            slug: category.slug.clone(),
            description: category.description.clone(),
            max_file_size: signed(category.max_file_size),
            allowed_extensions: category.allowed_extensions.clone().into(),
            is_active: category.is_active,
            created_at: category.created_at,
            groups: category.groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

impl TryFrom<Model> for Category {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: CategoryId(row.id),
            name: row.name,
            slug: row.slug,
            description: row.description,
            max_file_size: unsigned(row.max_file_size),
            allowed_extensions: strings(row.allowed_extensions),
            is_active: row.is_active,
            groups: row.groups.split(' ').filter_map(|id| id.parse().ok()).collect(),
            created_at: row.created_at,
        })
    }
}
