//! Second factors of users.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use super::{
    entity::second_factor::{ActiveModel, Column, Entity, Model},
    signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{ids::UserId, session::SecondFactor};

/// The second factor of a user, confirmed or not.
pub async fn find(conn: &impl ConnectionTrait, user: UserId) -> Result<Option<SecondFactor>, DbErr> {
    Ok(Entity::find_by_id(user.0).one(conn).await?.map(SecondFactor::from))
}

/// Begins a second factor, in the place of one that was not confirmed.
pub async fn begin(conn: &impl ConnectionTrait, user: UserId, salt: String) -> Result<(), DbErr> {
    remove(conn, user).await?;
    let row = Model { user_id: user.0, salt, confirmed_at: None, last_step: 0, recovery_hashes: String::new() };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Confirms a second factor, unless it was or another one was begun since. Says whether it did.
pub async fn confirm(
    conn: &impl ConnectionTrait,
    begun: &SecondFactor,
    recovery_hashes: &[String],
    at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        confirmed_at: Set(Some(at)),
        recovery_hashes: Set(recovery_hashes.join(" ")),
        ..ActiveModel::default()
    };
    let open =
        Entity::update_many().set(row).filter(Column::UserId.eq(begun.user.0)).filter(Column::ConfirmedAt.is_null());
    let open = open.filter(Column::Salt.eq(begun.salt.as_str()));
    let is_confirmed = open.exec(conn).await?.rows_affected == 1;
    if is_confirmed {
        note_on_user(conn, begun.user, Some(at)).await?;
    }
    Ok(is_confirmed)
}

/// Takes the code of a step, once. Says whether no code of this step or of a later one was taken.
pub async fn take_step(conn: &impl ConnectionTrait, user: UserId, step: u64) -> Result<bool, DbErr> {
    let row = ActiveModel { last_step: Set(signed(step)), ..ActiveModel::default() };
    let older = Column::LastStep.lt(signed(step));
    let taken = Entity::update_many().set(row).filter(Column::UserId.eq(user.0)).filter(older).exec(conn).await?;
    Ok(taken.rows_affected == 1)
}

/// Takes a recovery code, once. Says whether it was there.
pub async fn take_recovery_code(conn: &impl ConnectionTrait, factor: &SecondFactor, hash: &str) -> Result<bool, DbErr> {
    let left: Vec<&str> = factor.recovery_hashes.iter().map(String::as_str).filter(|known| *known != hash).collect();
    if left.len() == factor.recovery_hashes.len() {
        return Ok(false);
    }
    let row = ActiveModel { recovery_hashes: Set(left.join(" ")), ..ActiveModel::default() };
    let same = Column::RecoveryHashes.eq(factor.recovery_hashes.join(" "));
    let taken = Entity::update_many().set(row).filter(Column::UserId.eq(factor.user.0)).filter(same).exec(conn).await?;
    Ok(taken.rows_affected == 1)
}

/// Removes the codes of a user.
pub async fn remove(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_by_id(user.0).exec(conn).await?;
    note_on_user(conn, user, None).await
}

/// Notes it where everybody looks who asks what a user may do.
async fn note_on_user(conn: &impl ConnectionTrait, user: UserId, at: Option<DateTime<Utc>>) -> Result<(), DbErr> {
    let text = "UPDATE \"user\" SET rights_revision = rights_revision + 1, second_factor_at = ";
    let mut sql = Sql::of(conn, text);
    sql.value(at.into());
    sql.push(" WHERE id = ");
    sql.value(user.0.into());
    // What is as it was is no change of anybody's rights.
    sql.push(if at.is_none() { " AND second_factor_at IS NOT NULL" } else { "" });
    sql.execute(conn).await
}

impl From<Model> for SecondFactor {
    fn from(row: Model) -> Self {
        Self {
            user: UserId(row.user_id),
            salt: row.salt,
            is_confirmed: row.confirmed_at.is_some(),
            last_step: unsigned(row.last_step),
            recovery_hashes: row.recovery_hashes.split_whitespace().map(str::to_owned).collect(),
        }
    }
}
