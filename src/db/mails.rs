//! Mails, until their links were used or they have ended.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
};

use super::entity::mail::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    ids::{GroupId, MailId, UserId},
    mail::{Language, Mail, Notice, Purpose},
};

/// Adds a mail.
pub async fn insert(conn: &impl ConnectionTrait, mail: &Mail) -> Result<(), DbErr> {
    let mut row = Model {
        id: mail.id.0,
        purpose: mail.purpose.name().to_owned(),
        email: mail.email.clone(),
        language: mail.language.tag().to_owned(),
        display_name: None,
        password_hash: None,
        groups: None,
        invited_by: None,
        created_at: mail.created_at,
        expires_at: mail.expires_at,
    };
    match &mail.purpose {
        Purpose::SignUp { display_name, password_hash } => {
            row.display_name = Some(display_name.clone());
            row.password_hash = Some(password_hash.clone());
        }
        Purpose::Invitation { groups, by } => {
            row.invited_by = Some(by.0);
            let ids: Vec<String> = groups.iter().map(GroupId::to_string).collect();
            row.groups = Some(ids.join(" "));
        }
        Purpose::VerifyEmail | Purpose::ResetPassword | Purpose::Notice(_) => {}
    }
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// A mail that has not ended.
pub async fn find(conn: &impl ConnectionTrait, id: MailId, now: DateTime<Utc>) -> Result<Option<Mail>, DbErr> {
    let row = Entity::find_by_id(id.0).filter(Column::ExpiresAt.gt(now)).one(conn).await?;
    Ok(row.and_then(read))
}

/// How many mails of this purpose were asked for since then, for one address.
pub async fn count_since(
    conn: &impl ConnectionTrait,
    email: &str,
    purpose: &Purpose,
    since: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let of_address = Entity::find().filter(Column::Email.eq(email)).filter(Column::Purpose.eq(purpose.name()));
    of_address.filter(Column::CreatedAt.gt(since)).count(conn).await
}

/// Ends a mail's link. Says whether it was good until now. The row still counts as a mail that was sent.
pub async fn spend(conn: &impl ConnectionTrait, id: MailId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let ended = Entity::update_many().set(ended(now)).filter(Column::Id.eq(id.0)).filter(Column::ExpiresAt.gt(now));
    Ok(ended.exec(conn).await?.rows_affected == 1)
}

/// Ends all links of this purpose that an address was sent.
pub async fn spend_all(
    conn: &impl ConnectionTrait,
    email: &str,
    purpose: &Purpose,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let of_address = Entity::update_many().set(ended(now)).filter(Column::Email.eq(email));
    let good = of_address.filter(Column::Purpose.eq(purpose.name())).filter(Column::ExpiresAt.gt(now));
    good.exec(conn).await.map(drop)
}

fn ended(now: DateTime<Utc>) -> ActiveModel {
    ActiveModel { expires_at: Set(now), password_hash: Set(None), ..ActiveModel::default() }
}

/// Puts another sign-up in the place of the latest one of the address, whose link is then that of this one.
pub async fn replace_sign_up(conn: &impl ConnectionTrait, mail: &Mail, now: DateTime<Utc>) -> Result<(), DbErr> {
    let Purpose::SignUp { display_name, password_hash } = &mail.purpose else { return Ok(()) };
    let of_address = Entity::find().filter(Column::Email.eq(&mail.email)).filter(Column::ExpiresAt.gt(now));
    let sign_ups = of_address.filter(Column::Purpose.eq(mail.purpose.name())).order_by_desc(Column::Id);
    let Some(latest) = sign_ups.one(conn).await? else { return Ok(()) };
    let row = ActiveModel {
        id: Unchanged(latest.id),
        display_name: Set(Some(display_name.clone())),
        password_hash: Set(Some(password_hash.clone())),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(conn).await.map(drop)
}

/// Forgets mails whose links have ended.
pub async fn remove_expired(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(conn).await.map(drop)
}

/// Nothing of a purpose that only a newer version knows.
fn read(row: Model) -> Option<Mail> {
    let purpose = match row.purpose.as_str() {
        "sign_up" => Purpose::SignUp { display_name: row.display_name?, password_hash: row.password_hash? },
        "invitation" => {
            let ids = row.groups.unwrap_or_default();
            let groups = ids.split(' ').filter_map(|id| id.parse().ok()).collect();
            Purpose::Invitation { groups, by: UserId(row.invited_by?) }
        }
        "verify_email" => Purpose::VerifyEmail,
        "reset_password" => Purpose::ResetPassword,
        other => Purpose::Notice(Notice::of_name(other)?),
    };
    Some(Mail {
        id: MailId(row.id),
        purpose,
        email: row.email,
        language: Language::of_tag(&row.language).unwrap_or_default(),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}
