//! What happened to images.

use async_graphql::{Description, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::image::Image;
use crate::{changes::Followed, domain::event::EventKind};

/// Something that happened to an image, and the image as it is now. Later changes of the same image may be in it
/// already.
#[derive(Description)]
pub struct ImageChange(pub Followed);

/// What happened to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "EventKind")]
pub enum ImageChangeKind {
    /// All of its variants are ready, for the first time or anew.
    Completed,
    /// Its upload or its processing failed.
    Failed,
    /// Its title, description, alternative text or tags changed.
    Described,
    /// It was moved to another category.
    Moved,
    /// It was put into the trash.
    Trashed,
    /// It was taken out of the trash.
    Restored,
    /// It was deleted for good, or its upload was cancelled.
    Deleted,
    /// A newer version of the server wrote a kind of change that this one does not know.
    Unknown,
}

#[Object(use_type_description)]
impl ImageChange {
    /// The place of this change. Give the last one that you received as `after`, and nothing is missed or sent twice.
    async fn cursor(&self) -> String {
        self.0.event.place.to_string()
    }

    /// The kind of change.
    async fn kind(&self) -> ImageChangeKind {
        self.0.event.what.kind.into()
    }

    /// The id of the image, also when the image is gone.
    async fn image_id(&self) -> ID {
        ID::from(self.0.event.what.image)
    }

    /// The image as it is now; null when it is deleted.
    async fn image(&self) -> Option<Image> {
        let image = self.0.image.as_ref()?;
        Image::all_of(std::slice::from_ref(image)).next()
    }

    /// When it happened.
    async fn happened_at(&self) -> DateTime<Utc> {
        self.0.event.what.at
    }
}
