//! Images: every write of their rows. `changes/` calls these, and nobody else.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, Iterable, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::LockType,
};

use super::{
    Db, Saved,
    entity::image::{ActiveModel, Column, Entity, Model},
    locks_rows, search,
    sql::Sql,
};
use crate::domain::{
    ids::ImageId,
    image::{Image, UploadState},
    search::sort_key,
};

/// One image, held against other writers until the transaction ends.
pub async fn lock(transaction: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        // Not against rows that refer to it, such as those of albums: they are locked in another order.
        query = query.lock(LockType::NoKeyUpdate);
    }
    Ok(query.one(transaction).await?.map(Image::from))
}

/// Many images, held in the order of their ids until the transaction ends.
pub async fn lock_many(transaction: &impl ConnectionTrait, ids: &[ImageId]) -> Result<Vec<Image>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(Column::Id);
    let query = if locks_rows(transaction) { query.lock(LockType::NoKeyUpdate) } else { query };
    Ok(query.all(transaction).await?.into_iter().map(Image::from).collect())
}

/// Adds a new image, findable by its filename, unless its owner used the key before.
pub async fn insert(
    transaction: &impl ConnectionTrait,
    image: &Image,
    idempotency_key: Option<String>,
) -> Result<Saved, DbErr> {
    let mut row = Model::from(image).into_active_model();
    row.idempotency_key = Set(idempotency_key);
    let saved = Saved::of(Entity::insert(row).exec_without_returning(transaction).await)?;
    if saved == Saved::Done {
        search::put(transaction, image).await?;
    }
    Ok(saved)
}

/// Adds a new image by itself, whole or not at all: in one statement where one can do it.
///
/// # Errors
/// As `insert`.
pub async fn insert_alone(db: &Db, image: &Image, idempotency_key: Option<String>) -> Result<Saved, DbErr> {
    let conn = db.conn();
    if conn.get_database_backend() == DbBackend::Postgres {
        let mut row = Model::from(image).into_active_model();
        row.idempotency_key = Set(idempotency_key);
        let added = Entity::insert(row).build(DbBackend::Postgres);
        return Saved::of(search::put_with(conn, added, image).await);
    }
    let transaction = db.begin().await?;
    let saved = insert(&transaction, image, idempotency_key).await?;
    if saved == Saved::Done {
        transaction.commit().await?;
    }
    Ok(saved)
}

/// Adds many images at once, with everything that finds them; at most 1000.
pub async fn insert_many(transaction: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    let rows = images.iter().map(|image| Model::from(image).into_active_model());
    Entity::insert_many(rows).exec_without_returning(transaction).await?;
    search::put_many(transaction, images).await
}

/// Writes back what is said of an image that this transaction locked, so that it is found by it.
pub async fn redescribe(transaction: &impl ConnectionTrait, before: &Image, image: &Image) -> Result<(), DbErr> {
    update(transaction, before, image).await?;
    make_findable(transaction, image).await
}

/// Makes an image from before there was a search findable, and gives it its place in lists by title.
pub async fn make_findable(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    let row =
        ActiveModel { id: Unchanged(image.id.0), title_key: Set(sort_key(&image.details.title)), ..Default::default() };
    Entity::update(row).exec_without_returning(transaction).await?;
    search::put(transaction, image).await
}

/// Writes what is different of an image that this transaction locked. Whatever a newer version wrote, and this one cannot
/// read, stays as it is.
pub async fn update(transaction: &impl ConnectionTrait, before: &Image, image: &Image) -> Result<(), DbErr> {
    let (old, mut row) = (Model::from(before).into_active_model(), Model::from(image).into_active_model());
    for column in Column::iter() {
        if row.get(column).into_value() != old.get(column).into_value() {
            row.reset(column);
        }
    }
    // A deleted image's key may be used again; no other change touches it.
    if image.state == UploadState::Deleted {
        row.idempotency_key = Set(None);
    }
    if row.is_changed() {
        Entity::update(row).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// Makes an image that this transaction locked somebody else's, with everything that finds it. Nothing by which it was
/// shared stays.
pub async fn give(transaction: &impl ConnectionTrait, before: &Image, image: &Image) -> Result<(), DbErr> {
    let id = image.id.0;
    // The counters follow the status alone: it is taken from the one owner, and given to the other.
    let status = Model::from(before).status;
    let away = ActiveModel { id: Unchanged(id), status: Set("deleted".to_owned()), ..Default::default() };
    Entity::update(away).exec_without_returning(transaction).await?;
    let given = ActiveModel {
        id: Unchanged(id),
        owner_id: Set(image.owner.0),
        status: Set(status),
        idempotency_key: Set(None),
        revision: Set(super::signed(image.revision)),
        updated_at: Set(image.updated_at),
        ..Default::default()
    };
    Entity::update(given).exec_without_returning(transaction).await?;
    for table in ["album_image", "share", "share_link"] {
        let mut sql = Sql::of(transaction, &format!("DELETE FROM {table} WHERE image_id = "));
        sql.value(id.into());
        sql.execute(transaction).await?;
    }
    let mut sql = Sql::of(transaction, "UPDATE image_fingerprint SET owner_id = ");
    sql.value(image.owner.0.into());
    sql.push(" WHERE image_id = ");
    sql.value(id.into());
    sql.execute(transaction).await?;
    search::put(transaction, image).await
}

/// Removes the row, and its variants' with it.
pub async fn remove(conn: &impl ConnectionTrait, id: ImageId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await?;
    Ok(())
}
