//! Images as rows, and rows as images.

use sea_orm::{DbErr, FromQueryResult, QueryResult, TryGetable};

use super::{entity::image::Model, signed, strings, unsigned};
use crate::domain::{
    details::Details,
    failure::{Failure, FailureCode},
    filename::Filename,
    format::StoredFormat,
    ids::{CategoryId, ImageId, UserId},
    image::{Facts, Image, ImageStatus, Kept, Original, UploadState},
    search::sort_key,
};

/// Columns by their names, and a row that has them in this order. Lists read them by their places, as they read hundreds
/// of values, and yet none can be taken for another.
macro_rules! columns {
    ($list:ident, $read:ident: $first:ident $(, $rest:ident)*) => {
        pub(super) const $list: &str = concat!(stringify!($first) $(, ", ", stringify!($rest))*);

        fn $read(model: &mut Model, row: &mut Columns<'_>) {
            model.$first = row.next(stringify!($first));
            $(model.$rest = row.next(stringify!($rest));)*
        }
    };
}

// All that is read of an image that is completed.
columns!(OF_COMPLETED, read_completed: id, owner_id, category_id, original_filename, content_type, declared_size, file_key,
    title, description, alt_text, tags, revision, upload_started_at, upload_completed_at, created_at, updated_at, status,
    stored_size, stored_etag, width, height, placeholder, dominant_colour, is_animated, generation);
// What follows of images in any state; the last two are for merging lists.
columns!(OF_OTHERS, read_others: bytes_received, failure_code, failure_message, trashed_at, purge_at, file_size, title_key);

/// An image from a row of these columns, in their order.
///
/// # Errors
/// When not even its id can be decoded.
pub(super) fn read(row: &QueryResult) -> Result<Image, DbErr> {
    Columns { row, next: Some(0), failed: None }.image()
}

/// The same from a row that has them by their names.
impl FromQueryResult for Image {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Columns { row, next: None, failed: None }.image()
    }
}

/// A row whose values are taken one after the other.
struct Columns<'a> {
    row: &'a QueryResult,
    /// The place of the next value; `None` to find each by its name.
    next: Option<usize>,
    /// Why a value could not be decoded. One such row does not end the list that it is in.
    failed: Option<DbErr>,
}

impl Columns<'_> {
    fn next<T: TryGetable + Default>(&mut self, name: &str) -> T {
        let value = match self.next {
            Some(at) => self.row.try_get_by_index(at),
            None => self.row.try_get("", name),
        };
        self.next = self.next.map(|at| at + 1);
        value.unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            T::default()
        })
    }

    fn image(mut self) -> Result<Image, DbErr> {
        let mut model = Model::default();
        read_completed(&mut model, &mut self);
        if model.status != ImageStatus::Completed.name() {
            read_others(&mut model, &mut self);
        }
        let Some(error) = self.failed else { return Ok(Image::from(model)) };
        if model.id.is_nil() {
            return Err(error);
        }
        tracing::error!(image = %model.id, %error, "a row of an image cannot be decoded; if it was visible, it is shown as UNKNOWN");
        let is_gone = matches!(ImageStatus::from_name(&model.status), ImageStatus::Deleted | ImageStatus::Trashed);
        let shown = if is_gone { ImageStatus::Deleted } else { ImageStatus::Unknown };
        shown.name().clone_into(&mut model.status);
        Ok(Image::from(model))
    }
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
            dominant_colour: facts.and_then(|facts| facts.dominant_colour.clone()),
            is_animated: facts.is_some_and(|facts| facts.is_animated),
            generation: i32::try_from(image.generation).unwrap_or(i32::MAX),
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

impl From<Model> for Image {
    fn from(mut row: Model) -> Self {
        let state = state_of(&mut row).unwrap_or_else(|| {
            tracing::warn!(image = %row.id, status = row.status, "the state of an image cannot be read by this version");
            UploadState::Unknown
        });
        Self {
            state,
            id: ImageId(row.id),
            owner: UserId(row.owner_id),
            category: CategoryId(row.category_id),
            filename: Filename::stored(row.original_filename),
            format: StoredFormat::of(row.content_type),
            declared_size: unsigned(row.declared_size),
            file_key: row.file_key,
            details: Details {
                title: row.title,
                description: row.description,
                alt_text: row.alt_text,
                tags: strings(row.tags),
            },
            generation: row.generation.unsigned_abs(),
            revision: unsigned(row.revision),
            upload_started_at: row.upload_started_at,
            upload_completed_at: row.upload_completed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// `None` of a state that a newer version wrote, or one that lacks what goes with it.
fn state_of(row: &mut Model) -> Option<UploadState> {
    let original = row.stored_size.zip(row.stored_etag.take());
    let original = original.map(|(size, etag)| Original { size: unsigned(size), etag });
    let facts = row.width.zip(row.height).zip(row.placeholder.take()).map(|((width, height), placeholder)| Facts {
        width: width.unsigned_abs(),
        height: height.unsigned_abs(),
        placeholder,
        dominant_colour: row.dominant_colour.take(),
        is_animated: row.is_animated,
    });
    Some(match ImageStatus::from_name(&row.status) {
        ImageStatus::Pending => UploadState::Pending,
        ImageStatus::Uploading => UploadState::Uploading { received: unsigned(row.bytes_received) },
        ImageStatus::Processing => UploadState::Processing { original: original?, facts },
        ImageStatus::Completed => UploadState::Completed { original: original?, facts: facts? },
        ImageStatus::Failed => {
            UploadState::Failed { failure: failure_of(row)?, kept: original.map(|original| Kept { original, facts }) }
        }
        ImageStatus::Trashed => {
            UploadState::Trashed { original: original?, facts: facts?, since: row.trashed_at?, until: row.purge_at? }
        }
        ImageStatus::Deleted => UploadState::Deleted,
        ImageStatus::Unknown => return None,
    })
}

fn failure_of(row: &Model) -> Option<Failure> {
    let code = FailureCode::from_name(row.failure_code.as_deref()?);
    Some(Failure { code, message: row.failure_message.clone()? })
}
