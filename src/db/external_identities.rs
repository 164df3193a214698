//! Who users are at providers of identities.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};

use super::{
    Saved,
    entity::external_identity::{Entity, Model},
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
    let row = Model { issuer, subject, user_id: user.0, created_at: at };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}
