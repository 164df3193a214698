//! Images as rows, and rows as images.

use sea_orm::{DbErr, QueryResult};

use super::{entity::image::Model, impossible, signed, strings, unsigned};
use crate::domain::{
    details::Details,
    failure::{Failure, FailureCode},
    filename::Filename,
    format::ImageFormat,
    ids::{CategoryId, ImageId, UserId},
    image::{Facts, Image, ImageStatus, Kept, Original, UploadState},
    search::sort_key,
};

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
