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
    ids::{GroupId, SessionId, UserId},
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
}

const COLUMNS: &str = "u.*, g.id AS of_group, g.permissions AS of_group_permissions";
const GROUPS: &str = "LEFT JOIN group_member m ON m.user_id = u.id LEFT JOIN user_group g ON g.id = m.group_id";

/// The user of a log-in that has not ended.
pub async fn of_session(
    conn: &impl ConnectionTrait,
    id: SessionId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Known>, DbErr> {
    let text = format!("SELECT {COLUMNS} FROM session s JOIN \"user\" u ON u.id = s.user_id {GROUPS} WHERE s.id = ");
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
         t.last_used_at AS t_last_used_at \
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

/// Those of these log-ins and tokens that have not ended, with the revision of their users' rights.
pub async fn alive(
    conn: &impl ConnectionTrait,
    table: CredentialTable,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, i32>, DbErr> {
    let mut alive = HashMap::new();
    for some in ids.chunks(MAX_AT_ONCE) {
        let text = format!(
            "SELECT c.id AS id, u.rights_revision AS rights_revision FROM {} c JOIN \"user\" u ON u.id = c.user_id \
             WHERE u.deactivated_at IS NULL AND c.expires_at > ",
            table.name()
        );
        let mut sql = Sql::of(conn, &text);
        sql.value(now.into());
        sql.push(" AND c.id IN (");
        sql.values(some.iter().map(|id| (*id).into()));
        sql.push(")");
        for row in conn.query_all_raw(sql.statement()).await? {
            alive.insert(row.try_get("", "id")?, row.try_get("", "rights_revision")?);
        }
    }
    Ok(alive)
}

/// Whether a log-in or a token has not ended, and its user may still do what they could.
pub async fn stands(conn: &impl ConnectionTrait, standing: Standing, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let (table, id) = match standing.credential {
        Credential::Session(id) => (CredentialTable::Session, id.0),
        Credential::ApiToken(id) => (CredentialTable::ApiToken, id.0),
    };
    Ok(alive(conn, table, &[id], now).await?.get(&id) == Some(&standing.rights_revision))
}

/// The permissions of a user, all of them for an administrator.
pub async fn permissions_of_user(conn: &impl ConnectionTrait, user: &User) -> Result<Permissions, DbErr> {
    if user.is_admin {
        return Ok(Permissions::all());
    }
    let groups = groups::of_users(conn, &[user.id]).await?.remove(&user.id).unwrap_or_default();
    Ok(groups.iter().fold(Permissions::empty(), |all, group| all | group.permissions))
}

/// What somebody shows to be let in.
#[derive(Debug, Clone, Copy)]
pub enum CredentialTable {
    Session,
    ApiToken,
}

impl CredentialTable {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiToken => "api_token",
        }
    }
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
    Ok(Some(Known { user: User::from(row), permissions, groups, rights_revision }))
}
