//! Who users are at providers of identities.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};

use super::{
    Saved,
    entity::external_identity::{ActiveModel, Column, Entity, Model},
};
use crate::domain::ids::UserId;

/// The user of somebody at an issuer.
pub async fn find(conn: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<UserId>, DbErr> {
    let found = Entity::find_by_id((issuer.to_owned(), subject.to_owned())).one(conn).await?;
    Ok(found.map(|row| UserId(row.user_id)))
}

/// Notes who a user is at an issuer, unless somebody is.
pub async fn insert(
    conn: &impl ConnectionTrait,
    issuer: &str,
    subject: &str,
    user: UserId,
    at: DateTime<Utc>,
) -> Result<Saved, DbErr> {
    let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
    let row = Model { issuer, subject, user_id: user.0, created_at: at, groups_as_of: None };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Notes that membership is as a token of that moment says. Says whether none that was made later or then said so.
pub async fn follow_groups(
    conn: &impl ConnectionTrait,
    issuer: &str,
    subject: &str,
    as_of: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row = ActiveModel { groups_as_of: Set(Some(as_of)), ..ActiveModel::default() };
    let older = Condition::any().add(Column::GroupsAsOf.is_null()).add(Column::GroupsAsOf.lt(as_of));
    let this = Entity::update_many().set(row).filter(Column::Issuer.eq(issuer)).filter(Column::Subject.eq(subject));
    Ok(this.filter(older).exec(conn).await?.rows_affected == 1)
}

/// Whether an issuer has a name for a user already.
pub async fn is_known_at(conn: &impl ConnectionTrait, user: UserId, issuer: &str) -> Result<bool, DbErr> {
    let named = Entity::find().filter(Column::UserId.eq(user.0)).filter(Column::Issuer.eq(issuer));
    Ok(named.one(conn).await?.is_some())
}
