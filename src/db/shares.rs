//! What is shared with whom.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{
    entity::share::{ActiveModel, Column, Entity, Model},
    signed,
    sql::Sql,
};
use crate::domain::{
    ids::{GroupId, ImageId, ShareId, UserId},
    image::Image,
    sharing::{Album, Grantee, Share, ShareAccess, Shareable},
    user::User,
};

/// What a user may do with somebody else's image because it, or an album that it is in, is shared with them. Nothing for
/// the owner, who needs none.
pub async fn access_to(conn: &impl ConnectionTrait, user: UserId, image: &Image) -> Result<Option<ShareAccess>, DbErr> {
    Ok(access_to_images(conn, user, std::slice::from_ref(image)).await?.remove(&image.id))
}

/// The same of many images, in one statement; none, where all are the user's own.
pub async fn access_to_images(
    conn: &impl ConnectionTrait,
    user: UserId,
    images: &[Image],
) -> Result<HashMap<ImageId, ShareAccess>, DbErr> {
    let of_others: Vec<Uuid> = images.iter().filter(|image| image.owner != user).map(|image| image.id.0).collect();
    let mut found = HashMap::new();
    if of_others.is_empty() {
        return Ok(found);
    }
    let mut sql = Sql::of(conn, "SELECT s.image_id AS id, s.access AS access FROM share s WHERE s.image_id IN (");
    sql.values(of_others.iter().map(|id| (*id).into()));
    sql.push(")");
    push_is_with(&mut sql, user);
    sql.push(
        " UNION ALL SELECT a.image_id, s.access FROM album_image a JOIN share s ON s.album_id = a.album_id \
         WHERE a.image_id IN (",
    );
    sql.values(of_others.into_iter().map(Into::into));
    sql.push(")");
    push_is_with(&mut sql, user);
    for row in conn.query_all_raw(sql.statement()).await? {
        let access = ShareAccess::named(&row.try_get::<String>("", "access")?);
        let most = found.entry(ImageId(row.try_get("", "id")?)).or_insert(access);
        *most = access.max(*most);
    }
    Ok(found)
}

/// What a user may do with somebody else's album because it is shared with them.
pub async fn access_to_album(
    conn: &impl ConnectionTrait,
    user: UserId,
    album: &Album,
) -> Result<Option<ShareAccess>, DbErr> {
    if album.owner == user {
        return Ok(None);
    }
    let mut sql = Sql::of(conn, "SELECT s.access AS access FROM share s WHERE s.album_id = ");
    sql.value(album.id.0.into());
    push_is_with(&mut sql, user);
    let rows = conn.query_all_raw(sql.statement()).await?;
    let access = rows.iter().map(|row| Ok(ShareAccess::named(&row.try_get::<String>("", "access")?)));
    Ok(access.collect::<Result<Vec<_>, DbErr>>()?.into_iter().max())
}

/// The condition that a share is with a user: by their address, or by a group of theirs.
fn push_is_with(sql: &mut Sql, user: UserId) {
    sql.push(" AND (s.email = (SELECT u.email FROM \"user\" u WHERE u.id = ");
    sql.value(user.0.into());
    sql.push(") OR s.group_id IN (SELECT m.group_id FROM group_member m WHERE m.user_id = ");
    sql.value(user.0.into());
    sql.push("))");
}

/// What others share with a user or with these groups, the latest first, behind what was given before. Only what is there to
/// be seen.
pub async fn page_with(
    conn: &impl ConnectionTrait,
    user: &User,
    groups: &[GroupId],
    after: Option<ShareId>,
    limit: u64,
) -> Result<Vec<Share>, DbErr> {
    // One short scan of an index for the address and for each group, merged.
    let mut sql = Sql::of(conn, "SELECT * FROM (");
    push_some_with(&mut sql, user.id, ("email", user.email.as_str().into()), after, limit);
    for group in groups {
        sql.push(" UNION ALL ");
        push_some_with(&mut sql, user.id, ("group_id", group.0.into()), after, limit);
    }
    sql.push(&format!(") AS merged ORDER BY id DESC LIMIT {limit}"));
    let rows = Model::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().filter_map(of_row).collect())
}

fn push_some_with(
    sql: &mut Sql,
    user: UserId,
    (column, with): (&str, sea_orm::Value),
    after: Option<ShareId>,
    limit: u64,
) {
    sql.push(&format!(
        "SELECT * FROM (SELECT s.* FROM share s LEFT JOIN image i ON i.id = s.image_id WHERE \
         (s.image_id IS NULL OR i.status NOT IN ('trashed', 'deleted')) AND s.{column} = "
    ));
    sql.value(with);
    // A group of one's own sees what one shares with it.
    sql.push(" AND s.shared_by <> ");
    sql.value(user.0.into());
    if let Some(after) = after {
        sql.push(" AND s.id < ");
        sql.value(after.0.into());
    }
    sql.push(" ORDER BY s.id DESC LIMIT ");
    sql.value(signed(limit).into());
    sql.push(") AS latest");
}

/// One share.
pub async fn find(conn: &impl ConnectionTrait, id: ShareId) -> Result<Option<Share>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(conn).await?.and_then(of_row))
}

/// With whom these images and albums are shared, the oldest share first.
pub async fn of_many(conn: &impl ConnectionTrait, of: &[Shareable]) -> Result<HashMap<Shareable, Vec<Share>>, DbErr> {
    let query = Entity::find().filter(super::is_one_of(of, Column::ImageId, Column::AlbumId));
    let mut found: HashMap<Shareable, Vec<Share>> = HashMap::new();
    let mut rows = query.all(conn).await?;
    // Sorted here: SQLite would walk through all shares by their ids.
    rows.sort_unstable_by_key(|row| row.id);
    for share in rows.into_iter().filter_map(of_row) {
        found.entry(share.of).or_default().push(share);
    }
    Ok(found)
}

/// What a user shares with others, the oldest share first. At most 10,000.
pub async fn by_user(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<Share>, DbErr> {
    let query = Entity::find().filter(Column::SharedBy.eq(user.0)).order_by_asc(Column::Id).limit(10_000);
    Ok(query.all(conn).await?.into_iter().filter_map(of_row).collect())
}

/// With how many people and groups something is shared.
pub async fn count(conn: &impl ConnectionTrait, of: Shareable) -> Result<u64, DbErr> {
    Entity::find().filter(is_of(of)).count(conn).await
}

/// The share of something with somebody, if there is one.
pub async fn find_with(conn: &impl ConnectionTrait, of: Shareable, with: &Grantee) -> Result<Option<Share>, DbErr> {
    let is_with = match with {
        Grantee::Email(email) => Column::Email.eq(email),
        Grantee::Group(group) => Column::GroupId.eq(group.0),
    };
    Ok(Entity::find().filter(is_of(of)).filter(is_with).one(conn).await?.and_then(of_row))
}

/// Adds a share.
pub async fn insert(conn: &impl ConnectionTrait, share: &Share) -> Result<(), DbErr> {
    let (image_id, album_id) = super::columns_of(share.of);
    let (email, group_id) = match &share.with {
        Grantee::Email(email) => (Some(email.clone()), None),
        Grantee::Group(group) => (None, Some(group.0)),
    };
    let row = Model {
        id: share.id.0,
        image_id,
        album_id,
        email,
        group_id,
        access: share.access.name().to_owned(),
        shared_by: share.shared_by.0,
        created_at: share.created_at,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(conn).await.map(drop)
}

/// Changes what may be done with what was shared. Says whether it is there.
pub async fn set_access(conn: &impl ConnectionTrait, id: ShareId, access: ShareAccess) -> Result<bool, DbErr> {
    let row = ActiveModel { access: Set(access.name().to_owned()), ..ActiveModel::default() };
    let changed = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(conn).await?;
    Ok(changed.rows_affected == 1)
}

/// Takes a share back. Says whether it was there.
pub async fn remove(conn: &impl ConnectionTrait, id: ShareId) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id.0).exec(conn).await?.rows_affected == 1)
}

fn is_of(of: Shareable) -> Condition {
    super::is_one_of(&[of], Column::ImageId, Column::AlbumId)
}

/// A row of a newer version may be of something else.
fn of_row(row: Model) -> Option<Share> {
    let with = match (row.email, row.group_id) {
        (Some(email), _) => Grantee::Email(email),
        (None, group) => Grantee::Group(GroupId(group?)),
    };
    Some(Share {
        id: ShareId(row.id),
        of: super::shareable(row.image_id, row.album_id)?,
        with,
        access: ShareAccess::named(&row.access),
        shared_by: UserId(row.shared_by),
        created_at: row.created_at,
    })
}
