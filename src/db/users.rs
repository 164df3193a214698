//! Users.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::{
    Saved,
    entity::user::{ActiveModel, Column, Entity, Model},
    locks_rows,
    sql::Sql,
};
use crate::domain::{
    ids::{ImageId, UserId},
    user::{LastLogIn, User},
};

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

/// The administrators who may sign in and do not leave, held until the transaction ends, in the order of their ids: so that
/// no two of them make each other the last one.
pub async fn hold_admins(transaction: &impl ConnectionTrait) -> Result<Vec<UserId>, DbErr> {
    let leaving = "NOT EXISTS (SELECT 1 FROM user_removal WHERE user_removal.user_id = \"user\".id)";
    let query = Entity::find().filter(Column::IsAdmin.eq(true)).filter(Column::DeactivatedAt.is_null());
    let query = query.filter(Expr::cust(leaving)).order_by_asc(Column::Id);
    let query = if locks_rows(transaction) { query.lock(LockType::NoKeyUpdate) } else { query };
    Ok(query.all(transaction).await?.into_iter().map(|row| UserId(row.id)).collect())
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
        last_login_at: None,
        created_at: user.created_at,
        last_login_address: None,
        email_verified_at: user.email_verified_at,
        deactivated_at: user.deactivated_at,
        rights_revision: 0,
        avatar_id: user.avatar.map(|avatar| avatar.0),
        second_factor_at: None,
    };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Notes that a user signed in.
pub async fn note_login(conn: &impl ConnectionTrait, id: UserId, log_in: &LastLogIn) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Unchanged(id.0),
        last_login_at: Set(Some(log_in.at)),
        last_login_address: Set(log_in.address.clone()),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Some users by address, whose address begins with the prefix, behind an address.
pub async fn page(
    conn: &impl ConnectionTrait,
    prefix: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<User>, DbErr> {
    // By bytes, as the index has them, whatever the database's language.
    let address = match conn.get_database_backend() {
        DbBackend::Postgres => "email COLLATE \"C\"",
        _ => "email",
    };
    let mut sql = Sql::of(conn, "SELECT * FROM \"user\" WHERE ");
    sql.push(&format!("{address} >= "));
    sql.value(prefix.into());
    sql.push(&format!(" AND {address} < "));
    // Behind every address that begins with the prefix: nothing sorts after this character.
    sql.value(format!("{prefix}\u{10FFFF}").into());
    if let Some(after) = after {
        sql.push(&format!(" AND {address} > "));
        sql.value(after.into());
    }
    sql.push(&format!(" ORDER BY {address} LIMIT "));
    sql.value(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let rows = Model::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Notes that a user may do something else from now on.
pub async fn touch_rights(conn: &impl ConnectionTrait, id: UserId) -> Result<(), DbErr> {
    let mut sql = Sql::of(conn, "UPDATE \"user\" SET rights_revision = rights_revision + 1 WHERE id = ");
    sql.value(id.0.into());
    sql.execute(conn).await
}

/// Shuts a user out since then, or lets them in again.
pub async fn set_deactivated(
    conn: &impl ConnectionTrait,
    id: UserId,
    since: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), deactivated_at: Set(since), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Makes a user an administrator, or no longer one.
pub async fn set_admin(conn: &impl ConnectionTrait, id: UserId, is_admin: bool) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), is_admin: Set(is_admin), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await?;
    touch_rights(conn, id).await
}

/// Notes that a user's address is theirs.
pub async fn set_email_verified(conn: &impl ConnectionTrait, id: UserId, at: DateTime<Utc>) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), email_verified_at: Set(Some(at)), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Changes how a user is called.
pub async fn set_display_name(conn: &impl ConnectionTrait, id: UserId, name: String) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), display_name: Set(name), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Changes which image shows a user.
pub async fn set_avatar(conn: &impl ConnectionTrait, id: UserId, image: Option<ImageId>) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), avatar_id: Set(image.map(|image| image.0)), ..Default::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Keeps another hash of the same password, unless that was changed. Says whether it was kept.
pub async fn rehash(conn: &impl ConnectionTrait, id: UserId, old: &str, new: String) -> Result<bool, DbErr> {
    let row = ActiveModel { password_hash: Set(Some(new)), ..ActiveModel::default() };
    let same = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).filter(Column::PasswordHash.eq(old));
    Ok(same.exec(conn).await?.rows_affected == 1)
}

/// Keeps the hash of a user's password.
pub async fn set_password(conn: &impl ConnectionTrait, id: UserId, hash: String) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), password_hash: Set(Some(hash)), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Has nobody sign in as a user by a password any more.
pub async fn remove_password(conn: &impl ConnectionTrait, id: UserId) -> Result<(), DbErr> {
    let row = ActiveModel { id: Unchanged(id.0), password_hash: Set(None), ..ActiveModel::default() };
    Entity::update(row).exec(conn).await.map(drop)
}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        let address = row.last_login_address;
        Self {
            id: UserId(row.id),
            email: row.email,
            email_verified_at: row.email_verified_at,
            display_name: row.display_name,
            is_admin: row.is_admin,
            last_login: row.last_login_at.map(|at| LastLogIn { at, address }),
            deactivated_at: row.deactivated_at,
            avatar: row.avatar_id.map(ImageId),
            second_factor_at: row.second_factor_at,
            created_at: row.created_at,
        }
    }
}
