//! Users.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::LockType,
};

use super::{
    Saved,
    entity::user::{ActiveModel, Column, Entity, Model},
    locks_rows,
};
use crate::domain::{ids::UserId, user::User};

/// One user.
pub async fn find(conn: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.map(User::from))
}

/// Many users in one query, in no order.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<User>, DbErr> {
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    Ok(query.all(conn).await?.into_iter().map(User::from).collect())
}

/// Holds a user's row against everybody who changes what the user has, until the transaction ends.
pub async fn hold(transaction: &impl ConnectionTrait, id: UserId) -> Result<(), DbErr> {
    if locks_rows(transaction) {
        // Not against images that refer to it: they are what is being counted.
        Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate).one(transaction).await?;
    }
    Ok(())
}

/// The user of an address in lower case, with the hash of their password where they have one.
pub async fn find_by_email(conn: &impl ConnectionTrait, email: &str) -> Result<Option<(User, Option<String>)>, DbErr> {
    let row = Entity::find().filter(Column::Email.eq(email)).one(conn).await?;
    Ok(row.map(|mut row| {
        let password_hash = row.password_hash.take();
        (User::from(row), password_hash)
    }))
}

/// Whether there is any user at all.
pub async fn any(conn: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().count(conn).await? > 0)
}

/// When the first user was made, and the database with them.
pub async fn first_made_at(conn: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    // Ids grow with time.
    let first = Entity::find().order_by_asc(Column::Id).one(conn).await?;
    Ok(first.map(|user| user.created_at))
}

/// Adds a user, unless the address is taken.
pub async fn insert(conn: &impl ConnectionTrait, user: &User, password_hash: Option<String>) -> Result<Saved, DbErr> {
    let row = Model {
        id: user.id.0,
        email: user.email.clone(),
        display_name: user.display_name.clone(),
        password_hash,
        is_admin: user.is_admin,
        last_login_at: user.last_login_at,
        created_at: user.created_at,
    };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Notes that a user signed in.
pub async fn note_login(conn: &impl ConnectionTrait, id: UserId, at: DateTime<Utc>) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(id.0),
        last_login_at: Set(Some(at)),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(conn).await?;
    Ok(())
}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        Self {
            id: UserId(row.id),
            email: row.email,
            display_name: row.display_name,
            is_admin: row.is_admin,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
        }
    }
}
