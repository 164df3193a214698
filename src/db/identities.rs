//! Who showed a credential, and what they may do: read in one statement, for nearly every request asks it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult};
use uuid::Uuid;

use super::{
    entity::{api_token, user},
    groups::{self, permissions_of},
    sql::Sql,
};
use crate::domain::{
    caller::{Credential, Standing},
    ids::{ApiTokenId, GroupId, SessionId, UserId},
    session::ApiToken,
    user::{Permissions, User},
};

/// How many ids a statement has.
const MAX_AT_ONCE: usize = 1000;

/// A user, with what their groups permit.
pub struct Known {
    pub user: User,
    pub permissions: Permissions,
    pub groups: Vec<GroupId>,
    pub rights_revision: i32,
    /// Whether more than a password was shown for the credential.
    pub has_second_factor: bool,
}

/// A user, and each of their groups in a row.
const COLUMNS: &str = "u.*, g.id AS of_group, g.permissions AS of_group_permissions";
const GROUPS: &str = "LEFT JOIN group_member m ON m.user_id = u.id LEFT JOIN user_group g ON g.id = m.group_id";

/// The user of a log-in that has not ended.
pub async fn of_session(
    conn: &impl ConnectionTrait,
    id: SessionId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Known>, DbErr> {
    let text = format!(
        "SELECT {COLUMNS}, s.has_second_factor AS has_second_factor \
         FROM session s JOIN \"user\" u ON u.id = s.user_id {GROUPS} WHERE s.id = "
    );
    let mut sql = Sql::of(conn, &text);
    sql.value(id.0.into());
    sql.push(" AND u.id = ");
    sql.value(user.0.into());
    sql.push(" AND s.expires_at > ");
    sql.value(now.into());
    sql.push(" AND u.deactivated_at IS NULL");
    known(&conn.query_all_raw(sql.statement()).await?)
}

/// The user of a token that has not ended, and the token.
pub async fn of_api_token(
    conn: &impl ConnectionTrait,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Known, ApiToken)>, DbErr> {
    let text = format!(
        "SELECT {COLUMNS}, t.id AS t_id, t.user_id AS t_user_id, t.name AS t_name, t.hash AS t_hash, \
         t.scopes AS t_scopes, t.expires_at AS t_expires_at, t.created_at AS t_created_at, \
         t.last_used_at AS t_last_used_at, t.has_second_factor AS t_has_second_factor, \
         t.has_second_factor AS has_second_factor \
         FROM api_token t JOIN \"user\" u ON u.id = t.user_id {GROUPS} WHERE t.hash = "
    );
    let mut sql = Sql::of(conn, &text);
    sql.value(hash.into());
    sql.push(" AND t.expires_at > ");
    sql.value(now.into());
    sql.push(" AND u.deactivated_at IS NULL");
    let rows = conn.query_all_raw(sql.statement()).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let token = api_token::Model::from_query_result(first, "t_")?;
    Ok(known(&rows)?.map(|known| (known, token.into())))
}

/// The user of somebody at a provider, and since when their membership is as a token of it said.
pub async fn of_external(
    conn: &impl ConnectionTrait,
    issuer: &str,
    subject: &str,
) -> Result<Option<(Known, Option<DateTime<Utc>>)>, DbErr> {
    let text = format!(
        "SELECT {COLUMNS}, FALSE AS has_second_factor, e.groups_as_of AS groups_as_of \
         FROM external_identity e JOIN \"user\" u ON u.id = e.user_id {GROUPS} WHERE e.issuer = "
    );
    let mut sql = Sql::of(conn, &text);
    sql.value(issuer.into());
    sql.push(" AND e.subject = ");
    sql.value(subject.into());
    sql.push(" AND u.deactivated_at IS NULL");
    let rows = conn.query_all_raw(sql.statement()).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let groups_as_of = first.try_get("", "groups_as_of")?;
    Ok(known(&rows)?.map(|known| (known, groups_as_of)))
}

/// Those of these credentials that have not ended, with the revision of their users' rights.
pub async fn alive(
    conn: &impl ConnectionTrait,
    credentials: impl IntoIterator<Item = Credential>,
    now: DateTime<Utc>,
) -> Result<HashMap<Credential, i32>, DbErr> {
    let (mut sessions, mut tokens, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for credential in credentials {
        match credential {
            Credential::Session(id) => sessions.push(id.0),
            Credential::ApiToken(id) => tokens.push(id.0),
            Credential::External(id) => users.push(id.0),
        }
    }
    let of_table = |table: &str| {
        format!(
            "SELECT c.id AS id, u.rights_revision AS rights_revision FROM {table} c JOIN \"user\" u ON u.id = c.user_id \
             WHERE u.deactivated_at IS NULL AND c.expires_at > "
        )
    };
    let mut alive = HashMap::new();
    for (id, revision) in alive_of(conn, &of_table("session"), &sessions, now).await? {
        alive.insert(Credential::Session(SessionId(id)), revision);
    }
    for (id, revision) in alive_of(conn, &of_table("api_token"), &tokens, now).await? {
        alive.insert(Credential::ApiToken(ApiTokenId(id)), revision);
    }
    let of_users = "SELECT c.id AS id, c.rights_revision AS rights_revision FROM \"user\" c \
                    WHERE c.deactivated_at IS NULL AND c.created_at <= ";
    for (id, revision) in alive_of(conn, of_users, &users, now).await? {
        alive.insert(Credential::External(UserId(id)), revision);
    }
    Ok(alive)
}

async fn alive_of(
    conn: &impl ConnectionTrait,
    text: &str,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, i32)>, DbErr> {
    let mut alive = Vec::new();
    for some in ids.chunks(MAX_AT_ONCE) {
        let mut sql = Sql::of(conn, text);
        sql.value(now.into());
        sql.push(" AND c.id IN (");
        sql.values(some.iter().map(|id| (*id).into()));
        sql.push(")");
        for row in conn.query_all_raw(sql.statement()).await? {
            alive.push((row.try_get("", "id")?, row.try_get("", "rights_revision")?));
        }
    }
    Ok(alive)
}

/// Whether a credential has not ended, and its user may still do what they could.
pub async fn stands(conn: &impl ConnectionTrait, standing: Standing, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let alive = alive(conn, [standing.credential], now).await?;
    Ok(alive.get(&standing.credential) == Some(&standing.rights_revision))
}

/// Notes that more than a password was shown for a credential.
pub async fn note_second_factor(conn: &impl ConnectionTrait, credential: Credential) -> Result<(), DbErr> {
    let (table, id) = match credential {
        Credential::Session(id) => ("session", id.0),
        Credential::ApiToken(id) => ("api_token", id.0),
        // What it is worth, its provider says.
        Credential::External(_) => return Ok(()),
    };
    let mut sql = Sql::of(conn, &format!("UPDATE {table} SET has_second_factor = TRUE WHERE id = "));
    sql.value(id.into());
    sql.execute(conn).await
}

/// Has all log-ins and tokens of a user count as made with a password alone.
pub async fn forget_second_factor(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    for table in ["session", "api_token"] {
        let mut sql = Sql::of(conn, &format!("UPDATE {table} SET has_second_factor = FALSE WHERE user_id = "));
        sql.value(user.0.into());
        sql.execute(conn).await?;
    }
    Ok(())
}

/// The permissions of a user, all of them for an administrator.
pub async fn permissions_of_user(conn: &impl ConnectionTrait, user: &User) -> Result<Permissions, DbErr> {
    if user.is_admin {
        return Ok(Permissions::all());
    }
    let groups = groups::of_users(conn, &[user.id]).await?.remove(&user.id).unwrap_or_default();
    Ok(groups.iter().fold(Permissions::empty(), |all, group| all | group.permissions))
}

/// A row for each of the user's groups, or one without any.
fn known(rows: &[QueryResult]) -> Result<Option<Known>, DbErr> {
    let Some(first) = rows.first() else { return Ok(None) };
    let row = user::Model::from_query_result(first, "")?;
    let (mut permissions, mut groups) = (Permissions::empty(), Vec::new());
    for row in rows {
        if let Some(group) = row.try_get::<Option<Uuid>>("", "of_group")? {
            groups.push(GroupId(group));
            permissions |= permissions_of(&row.try_get::<String>("", "of_group_permissions")?);
        }
    }
    if row.is_admin {
        permissions = Permissions::all();
    }
    let rights_revision = row.rights_revision;
    let has_second_factor = first.try_get("", "has_second_factor")?;
    Ok(Some(Known { user: User::from(row), permissions, groups, rights_revision, has_second_factor }))
}
