//! Users who are to be removed, and the end of all that the database has of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    Saved,
    entity::{
        user,
        user_removal::{ActiveModel, Column, Entity, Model},
    },
    sql::Sql,
};
use crate::domain::{ids::UserId, removal::Removal};

/// The removal of a user, if one is wanted.
pub async fn find(conn: &impl ConnectionTrait, user: UserId) -> Result<Option<Removal>, DbErr> {
    Ok(Entity::find_by_id(user.0).one(conn).await?.map(Removal::from))
}

/// The removals of many users.
pub async fn of_users(conn: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Removal>, DbErr> {
    let rows = Entity::find().filter(Column::UserId.is_in(users.iter().map(|user| user.0))).all(conn).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), Removal::from(row))).collect())
}

/// The removals that are wanted, those due first. At most 1000.
pub async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Removal>, DbErr> {
    Ok(Entity::find().order_by_asc(Column::DueAt).limit(1000).all(conn).await?.into_iter().map(Removal::from).collect())
}

/// Adds a removal, unless there is one.
pub async fn insert(conn: &impl ConnectionTrait, removal: &Removal) -> Result<Saved, DbErr> {
    let row = Model {
        user_id: removal.user.0,
        heir_id: removal.heir.map(|heir| heir.0),
        requested_by: removal.requested_by.0,
        requested_at: removal.requested_at,
        due_at: removal.due_at,
        started_at: None,
    };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Withdraws a removal that the user wished themselves and that has not begun. Says whether there was one.
pub async fn withdraw(conn: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    let own = Entity::delete_many().filter(Column::UserId.eq(user.0)).filter(Column::RequestedBy.eq(user.0));
    Ok(own.filter(Column::StartedAt.is_null()).exec(conn).await?.rows_affected == 1)
}

/// Notes that a removal has begun.
pub async fn start(conn: &impl ConnectionTrait, user: UserId, at: DateTime<Utc>) -> Result<(), DbErr> {
    let row = ActiveModel { user_id: Unchanged(user.0), started_at: Set(Some(at)), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Whether somebody who leaves gives their images to this user.
pub async fn is_heir(conn: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(Column::HeirId.eq(user.0)).one(conn).await?.is_some())
}

/// Removes a user who has no images any more, and every row by which somebody could be known to have been here.
pub async fn remove_user(transaction: &impl ConnectionTrait, user: UserId, email: &str) -> Result<(), DbErr> {
    let of_user = ["event", "image_count", "image_day", "image_tag"];
    for table in of_user {
        let mut sql = Sql::of(transaction, &format!("DELETE FROM {table} WHERE owner_id = "));
        sql.value(user.0.into());
        sql.execute(transaction).await?;
    }
    let mut sql = Sql::of(transaction, "UPDATE event SET actor_id = NULL WHERE actor_id = ");
    sql.value(user.0.into());
    sql.execute(transaction).await?;
    for table in ["share", "mail"] {
        let mut sql = Sql::of(transaction, &format!("DELETE FROM {table} WHERE email = "));
        sql.value(email.into());
        sql.execute(transaction).await?;
    }
    // Sessions, tokens, memberships, albums, shares and links go with it.
    user::Entity::delete_by_id(user.0).exec(transaction).await.map(drop)
}

impl From<Model> for Removal {
    fn from(row: Model) -> Self {
        Self {
            user: UserId(row.user_id),
            heir: row.heir_id.map(UserId),
            requested_by: UserId(row.requested_by),
            requested_at: row.requested_at,
            due_at: row.due_at,
            started_at: row.started_at,
        }
    }
}
