//! Groups of users, and what they permit.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};

use super::{
    Saved,
    entity::{
        group::{ActiveModel, Column, Entity, Model},
        group_member,
    },
    locks_rows,
    sql::Sql,
};
use crate::domain::{
    ids::{GroupId, UserId},
    user::{Group, Permission, Permissions},
};

/// All groups by name. At most 1000, which is all that there may be.
pub async fn list(conn: &impl ConnectionTrait) -> Result<Vec<Group>, DbErr> {
    let rows = Entity::find().order_by_asc(Column::Name).limit(1000).all(conn).await?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// One group.
pub async fn find(conn: &impl ConnectionTrait, id: GroupId) -> Result<Option<Group>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.map(Group::from))
}

/// Whether a group is there, which then stays until the transaction ends.
pub async fn hold(transaction: &impl ConnectionTrait, id: GroupId) -> Result<bool, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock(LockType::KeyShare);
    }
    Ok(query.one(transaction).await?.is_some())
}

/// Those of these groups that are there, by name.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[GroupId]) -> Result<Vec<Group>, DbErr> {
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(Column::Name);
    Ok(query.all(conn).await?.into_iter().map(Group::from).collect())
}

/// The group of a name.
pub async fn find_by_name(conn: &impl ConnectionTrait, name: &str) -> Result<Option<Group>, DbErr> {
    Ok(Entity::find().filter(Column::Name.eq(name)).one(conn).await?.map(Group::from))
}

/// Adds a group, unless its name is taken.
pub async fn insert(conn: &impl ConnectionTrait, group: &Group) -> Result<Saved, DbErr> {
    let row = Model {
        id: group.id.0,
        name: group.name.clone(),
        permissions: text_of(group.permissions),
        created_at: group.created_at,
    };
    Saved::of(Entity::insert(row.into_active_model()).exec_without_returning(conn).await)
}

/// Changes a group's name and permissions, unless the name is another one's.
pub async fn update(conn: &impl ConnectionTrait, group: &Group) -> Result<Saved, DbErr> {
    let row = ActiveModel {
        id: Unchanged(group.id.0),
        name: Set(group.name.clone()),
        permissions: Set(text_of(group.permissions)),
        ..ActiveModel::default()
    };
    Saved::of(Entity::update(row).exec(conn).await)
}

/// Removes a group, and everybody from it.
pub async fn remove(conn: &impl ConnectionTrait, id: GroupId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await.map(drop)
}

/// The groups of many users, by name.
pub async fn of_users(conn: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Vec<Group>>, DbErr> {
    let mut found: HashMap<UserId, Vec<Group>> = HashMap::new();
    let members = group_member::Entity::find()
        .filter(group_member::Column::UserId.is_in(users.iter().map(|user| user.0)))
        .all(conn)
        .await?;
    if members.is_empty() {
        return Ok(found);
    }
    let query = Entity::find().filter(Column::Id.is_in(members.iter().map(|member| member.group_id)));
    for group in query.order_by_asc(Column::Name).all(conn).await?.into_iter().map(Group::from) {
        for member in members.iter().filter(|member| member.group_id == group.id.0) {
            found.entry(UserId(member.user_id)).or_default().push(group.clone());
        }
    }
    Ok(found)
}

/// Makes a user a member of these groups and of no other.
pub async fn set_of_user(transaction: &impl ConnectionTrait, user: UserId, groups: &[GroupId]) -> Result<(), DbErr> {
    use group_member::{Column, Entity, Model};
    Entity::delete_many().filter(Column::UserId.eq(user.0)).exec(transaction).await?;
    let rows = groups.iter().map(|group| Model { user_id: user.0, group_id: group.0 }.into_active_model());
    if !groups.is_empty() {
        Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// Notes that the members of a group may do something else from now on.
pub async fn touch_members(conn: &impl ConnectionTrait, id: GroupId) -> Result<(), DbErr> {
    let text = "UPDATE \"user\" SET rights_revision = rights_revision + 1 WHERE id IN \
                (SELECT user_id FROM group_member WHERE group_id = ";
    let mut sql = Sql::of(conn, text);
    sql.value(id.0.into());
    sql.push(")");
    sql.execute(conn).await
}

/// The permissions that a text names; those of a newer version permit nothing here.
pub(super) fn permissions_of(text: &str) -> Permissions {
    text.split(' ').filter_map(Permission::named).collect()
}

fn text_of(permissions: Permissions) -> String {
    permissions.iter().map(Permission::name).collect::<Vec<_>>().join(" ")
}

impl From<Model> for Group {
    fn from(row: Model) -> Self {
        Self {
            id: GroupId(row.id),
            name: row.name,
            permissions: permissions_of(&row.permissions),
            created_at: row.created_at,
        }
    }
}
