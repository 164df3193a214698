//! Images: rows and their states.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
};

use super::{
    Db,
    entity::image::{Column, Entity, Model},
    impossible, locks_rows, search, signed,
    sql::Sql,
    strings, unsigned,
};
use crate::domain::{
    details::Details,
    failure::{Failure, FailureCode},
    filename::Filename,
    format::ImageFormat,
    ids::{CategoryId, ImageId, UserId},
    image::{Facts, Image, ImageStatus, Kept, Original, UploadState},
    search::sort_key,
};

/// One image, deleted ones included.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    Entity::find_by_id(id.0).one(conn).await?.map(Image::try_from).transpose()
}

/// Many images in one query, deleted ones included, in no order.
///
/// # Errors
/// When the database does not answer.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[ImageId]) -> Result<Vec<Image>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    query.all(conn).await?.into_iter().map(Image::try_from).collect()
}

/// An owner's images that changed since then, deleted ones included; at most 1000, the latest.
///
/// # Errors
/// When the database does not answer.
pub async fn changed_since(
    conn: &impl ConnectionTrait,
    owner: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<Image>, DbErr> {
    let query = Entity::find()
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::UpdatedAt.gte(since))
        .order_by_desc(Column::UpdatedAt)
        .limit(1000);
    query.all(conn).await?.into_iter().map(Image::try_from).collect()
}

/// Pages of images of one status that nobody touched since a moment, those left alone for longest first.
pub struct Unsettled {
    condition: String,
    untouched_since: DateTime<Utc>,
    limit: u64,
    behind: Option<(DateTime<Utc>, ImageId)>,
}

impl Unsettled {
    /// All of this status, which is not COMPLETED, of which there may be millions.
    pub fn of(status: ImageStatus, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        // As text, so that the planner sees that the index of the unsettled has all of them.
        let condition = format!("status = '{}' AND status <> 'completed'", status.name());
        Self { condition, untouched_since, limit, behind: None }
    }

    /// All that failed for this reason.
    pub fn failed(code: FailureCode, untouched_since: DateTime<Utc>, limit: u64) -> Self {
        let all = Self::of(ImageStatus::Failed, untouched_since, limit);
        Self { condition: format!("{} AND failure_code = '{}'", all.condition, code.name()), ..all }
    }

    /// The next page; `None` when there are no more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next(&mut self, conn: &impl ConnectionTrait) -> Result<Option<Vec<Image>>, DbErr> {
        let mut sql = Sql::of(conn, &format!("SELECT * FROM image WHERE {} AND updated_at <= ", self.condition));
        sql.value(self.untouched_since.into());
        if let Some((updated_at, id)) = self.behind {
            sql.push(" AND (updated_at, id) > (");
            sql.values([updated_at.into(), id.0.into()]);
            sql.push(")");
        }
        sql.push(&format!(" ORDER BY updated_at, id LIMIT {}", self.limit));
        let rows = Entity::find().from_raw_sql(sql.statement()).all(conn).await?;
        let images = rows.into_iter().map(Image::try_from).collect::<Result<Vec<_>, _>>()?;
        self.behind = images.last().map(|image| (image.updated_at, image.id));
        Ok((!images.is_empty()).then_some(images))
    }
}

/// One image, held against other writers until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(transaction: &impl ConnectionTrait, id: ImageId) -> Result<Option<Image>, DbErr> {
    let mut query = Entity::find_by_id(id.0);
    if locks_rows(transaction) {
        query = query.lock_exclusive();
    }
    query.one(transaction).await?.map(Image::try_from).transpose()
}

/// The image that its owner asked for with this key before.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_idempotency_key(
    conn: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
) -> Result<Option<Image>, DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::IdempotencyKey.eq(key));
    query.one(conn).await?.map(Image::try_from).transpose()
}

/// Adds a new image, findable by its filename.
///
/// # Errors
/// A duplicate (see `is_duplicate`) when the owner used the key before; else when the database does not answer.
pub async fn insert(
    transaction: &impl ConnectionTrait,
    image: &Image,
    idempotency_key: Option<String>,
) -> Result<(), DbErr> {
    let mut row = Model::from(image).into_active_model();
    row.idempotency_key = Set(idempotency_key);
    Entity::insert(row).exec_without_returning(transaction).await?;
    search::put(transaction, image).await
}

/// Adds a new image by itself, whole or not at all: in one statement where one can do it.
///
/// # Errors
/// As `insert`.
pub async fn insert_alone(db: &Db, image: &Image, idempotency_key: Option<String>) -> Result<(), DbErr> {
    let conn = db.conn();
    if conn.get_database_backend() == DbBackend::Postgres {
        let mut row = Model::from(image).into_active_model();
        row.idempotency_key = Set(idempotency_key);
        let added = Entity::insert(row).build(DbBackend::Postgres);
        return search::put_with(conn, added, image).await;
    }
    let transaction = db.begin().await?;
    insert(&transaction, image, idempotency_key).await?;
    transaction.commit().await
}

/// Adds many images at once, with everything that finds them; at most 1000.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_many(transaction: &impl ConnectionTrait, images: &[Image]) -> Result<(), DbErr> {
    let rows = images.iter().map(|image| Model::from(image).into_active_model());
    Entity::insert_many(rows).exec_without_returning(transaction).await?;
    search::put_many(transaction, images).await
}

/// Writes back what is said of an image that this transaction locked, so that it is found by it.
///
/// # Errors
/// When the database does not answer.
pub async fn redescribe(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    update(transaction, image).await?;
    search::put(transaction, image).await
}

/// Writes back the state of an image that this transaction locked.
///
/// # Errors
/// When the database does not answer.
pub async fn update(transaction: &impl ConnectionTrait, image: &Image) -> Result<(), DbErr> {
    let mut row = Model::from(image).into_active_model().reset_all();
    // A deleted image's key may be used again; no other change touches it.
    row.idempotency_key = if image.state == UploadState::Deleted { Set(None) } else { sea_orm::ActiveValue::NotSet };
    row.id = sea_orm::ActiveValue::Unchanged(image.id.0);
    Entity::update(row).exec(transaction).await?;
    Ok(())
}

/// Removes the row, and its variants' with it.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(conn: &impl ConnectionTrait, id: ImageId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(conn).await?;
    Ok(())
}

/// What `read` reads, in its order. By their places, not their names: lists read hundreds of values.
pub(super) const COLUMNS: &str = "id, owner_id, category_id, original_filename, content_type, declared_size, file_size, \
    file_key, title, title_key, description, alt_text, tags, status, revision, bytes_received, stored_size, \
    stored_etag, width, height, placeholder, failure_code, failure_message, upload_started_at, upload_completed_at, \
    trashed_at, purge_at, created_at, updated_at";

/// An image from a row of `COLUMNS`.
pub(super) fn read(row: &QueryResult) -> Result<Image, DbErr> {
    let mut at = 0..;
    let mut next = || at.next().unwrap_or_default();
    Image::try_from(Model {
        id: row.try_get_by_index(next())?,
        owner_id: row.try_get_by_index(next())?,
        category_id: row.try_get_by_index(next())?,
        original_filename: row.try_get_by_index(next())?,
        content_type: row.try_get_by_index(next())?,
        declared_size: row.try_get_by_index(next())?,
        file_size: row.try_get_by_index(next())?,
        file_key: row.try_get_by_index(next())?,
        title: row.try_get_by_index(next())?,
        title_key: row.try_get_by_index(next())?,
        description: row.try_get_by_index(next())?,
        alt_text: row.try_get_by_index(next())?,
        tags: row.try_get_by_index(next())?,
        status: row.try_get_by_index(next())?,
        revision: row.try_get_by_index(next())?,
        bytes_received: row.try_get_by_index(next())?,
        stored_size: row.try_get_by_index(next())?,
        stored_etag: row.try_get_by_index(next())?,
        width: row.try_get_by_index(next())?,
        height: row.try_get_by_index(next())?,
        placeholder: row.try_get_by_index(next())?,
        failure_code: row.try_get_by_index(next())?,
        failure_message: row.try_get_by_index(next())?,
        idempotency_key: None,
        upload_started_at: row.try_get_by_index(next())?,
        upload_completed_at: row.try_get_by_index(next())?,
        trashed_at: row.try_get_by_index(next())?,
        purge_at: row.try_get_by_index(next())?,
        created_at: row.try_get_by_index(next())?,
        updated_at: row.try_get_by_index(next())?,
    })
}

impl From<&Image> for Model {
    fn from(image: &Image) -> Self {
        let original = image.original();
        let facts = image.facts();
        let failure = image.failure();
        let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        Self {
            id: image.id.0,
            owner_id: image.owner.0,
            category_id: image.category.0,
            original_filename: image.filename.as_str().to_owned(),
            content_type: image.format.content_type().to_owned(),
            declared_size: signed(image.declared_size),
            file_size: signed(image.file_size()),
            file_key: image.file_key.clone(),
            title: image.details.title.clone(),
            title_key: sort_key(&image.details.title),
            description: image.details.description.clone(),
            alt_text: image.details.alt_text.clone(),
            tags: image.details.tags.clone().into(),
            status: image.status().name().to_owned(),
            revision: signed(image.revision),
            bytes_received: signed(image.bytes_received()),
            stored_size: original.map(|original| signed(original.size)),
            stored_etag: original.map(|original| original.etag.clone()),
            width: facts.map(|facts| pixels(facts.width)),
            height: facts.map(|facts| pixels(facts.height)),
            placeholder: facts.map(|facts| facts.placeholder.clone()),
            failure_code: failure.map(|failure| failure.code.name().to_owned()),
            failure_message: failure.map(|failure| failure.message.clone()),
            idempotency_key: None,
            upload_started_at: image.upload_started_at,
            upload_completed_at: image.upload_completed_at,
            trashed_at: image.in_trash().map(|(since, _)| since),
            purge_at: image.in_trash().map(|(_, until)| until),
            created_at: image.created_at,
            updated_at: image.updated_at,
        }
    }
}

impl TryFrom<Model> for Image {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let format = ImageFormat::from_content_type(&row.content_type);
        Ok(Self {
            state: state_of(&row)?,
            id: ImageId(row.id),
            owner: UserId(row.owner_id),
            category: CategoryId(row.category_id),
            filename: Filename::stored(row.original_filename),
            format: format.ok_or_else(|| impossible(format!("image of type {}", row.content_type)))?,
            declared_size: unsigned(row.declared_size),
            file_key: row.file_key,
            details: Details {
                title: row.title,
                description: row.description,
                alt_text: row.alt_text,
                tags: strings(row.tags)?,
            },
            revision: unsigned(row.revision),
            upload_started_at: row.upload_started_at,
            upload_completed_at: row.upload_completed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn state_of(row: &Model) -> Result<UploadState, DbErr> {
    let original = row.stored_size.zip(row.stored_etag.clone());
    let original = original.map(|(size, etag)| Original { size: unsigned(size), etag });
    let facts = row.width.zip(row.height).zip(row.placeholder.clone()).map(|((width, height), placeholder)| Facts {
        width: width.unsigned_abs(),
        height: height.unsigned_abs(),
        placeholder,
    });
    let status = ImageStatus::from_name(&row.status);
    let torn = || impossible(format!("image {} says {} and lacks what goes with it", row.id, row.status));
    Ok(match status.ok_or_else(torn)? {
        ImageStatus::Pending => UploadState::Pending,
        ImageStatus::Uploading => UploadState::Uploading { received: unsigned(row.bytes_received) },
        ImageStatus::Processing => UploadState::Processing { original: original.ok_or_else(torn)?, facts },
        ImageStatus::Completed => {
            UploadState::Completed { original: original.ok_or_else(torn)?, facts: facts.ok_or_else(torn)? }
        }
        ImageStatus::Failed => UploadState::Failed {
            failure: failure_of(row).ok_or_else(torn)?,
            kept: original.map(|original| Kept { original, facts }),
        },
        ImageStatus::Trashed => UploadState::Trashed {
            original: original.ok_or_else(torn)?,
            facts: facts.ok_or_else(torn)?,
            since: row.trashed_at.ok_or_else(torn)?,
            until: row.purge_at.ok_or_else(torn)?,
        },
        ImageStatus::Deleted => UploadState::Deleted,
    })
}

fn failure_of(row: &Model) -> Option<Failure> {
    let name = row.failure_code.as_deref()?;
    let code = FailureCode::ALL.into_iter().find(|code| code.name() == name)?;
    Some(Failure { code, message: row.failure_message.clone()? })
}
