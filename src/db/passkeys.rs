//! Passkeys of users.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{
    Saved,
    entity::passkey::{ActiveModel, Column, Entity, Model},
};
use crate::domain::{
    ids::{PasskeyId, UserId},
    session::{Passkey, PublicCredential},
};

/// Adds a passkey, unless somebody has it.
pub async fn insert(conn: &impl ConnectionTrait, passkey: &Passkey) -> Result<Saved, DbErr> {
    let row = Model {
        id: passkey.id.0,
        user_id: passkey.user.0,
        credential_id: passkey.credential.id.clone(),
        name: passkey.name.clone(),
        credential: passkey.credential.key.clone(),
        challenged_at: passkey.challenged_at,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
    };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// A user's passkeys, the latest first. At most 100.
pub async fn of_user(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<Passkey>, DbErr> {
    let query = Entity::find().filter(Column::UserId.eq(user.0)).order_by_desc(Column::Id).limit(100);
    Ok(query.all(conn).await?.into_iter().map(Passkey::from).collect())
}

/// The passkey of a credential.
pub async fn find_by_credential(conn: &impl ConnectionTrait, credential_id: &str) -> Result<Option<Passkey>, DbErr> {
    let found = Entity::find().filter(Column::CredentialId.eq(credential_id)).one(conn).await?;
    Ok(found.map(Passkey::from))
}

/// Notes that a challenge was answered, with what became of the key. Says whether none that was made then or later was
/// answered before.
pub async fn note_answer(
    conn: &impl ConnectionTrait,
    id: PasskeyId,
    key: String,
    challenged_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        credential: Set(key),
        challenged_at: Set(challenged_at),
        last_used_at: Set(Some(now)),
        ..ActiveModel::default()
    };
    let earlier = Column::ChallengedAt.lt(challenged_at);
    let noted = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).filter(earlier).exec(conn).await?;
    Ok(noted.rows_affected == 1)
}

/// Removes a passkey, if it is this user's. Says whether it was.
pub async fn remove(conn: &impl ConnectionTrait, user: UserId, id: PasskeyId) -> Result<bool, DbErr> {
    let removed = Entity::delete_by_id(id.0).filter(Column::UserId.eq(user.0)).exec(conn).await?;
    Ok(removed.rows_affected == 1)
}

/// Removes all passkeys of a user.
pub async fn remove_all(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user.0)).exec(conn).await.map(drop)
}

impl From<Model> for Passkey {
    fn from(row: Model) -> Self {
        Self {
            id: PasskeyId(row.id),
            user: UserId(row.user_id),
            name: row.name,
            credential: PublicCredential { id: row.credential_id, key: row.credential },
            challenged_at: row.challenged_at,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}
