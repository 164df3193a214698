//! What happened to images.

use async_graphql::{Description, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::image::Image;
use crate::{changes::Followed, domain::event::EventKind};

/// A change of an image, together with the current state of the image, which may already include later changes.
#[derive(Description)]
pub struct ImageChange(pub Followed);

/// The kinds of changes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "EventKind")]
pub enum ImageChangeKind {
    /// All variants are ready, for the first time or after they were generated again.
    Completed,
    /// The upload or the processing failed.
    Failed,
    /// The title, description, alternative text or tags changed.
    Described,
    /// The image was moved to another category.
    Moved,
    /// The image was moved to the trash.
    Trashed,
    /// The image was restored from the trash.
    Restored,
    /// The image was permanently deleted, or its upload was cancelled.
    Deleted,
    /// A kind of change that only a newer version of the server knows.
    Unknown,
}

#[Object(use_type_description)]
impl ImageChange {
    /// The position of this change in the log. Pass the last cursor that you received as `after`, and no change is
    /// missed or sent twice.
    async fn cursor(&self) -> String {
        self.0.event.place.to_string()
    }

    /// The kind of change.
    async fn kind(&self) -> ImageChangeKind {
        self.0.event.what.kind.into()
    }

    /// The id of the image, which is also present after the image is deleted.
    async fn image_id(&self) -> ID {
        ID::from(self.0.event.what.image)
    }

    /// The current state of the image. Null if the image is deleted.
    async fn image(&self) -> Option<Image> {
        let image = self.0.image.as_ref()?;
        Image::all_of(std::slice::from_ref(image)).next()
    }

    /// The time of the change.
    async fn happened_at(&self) -> DateTime<Utc> {
        self.0.event.what.at
    }
}
