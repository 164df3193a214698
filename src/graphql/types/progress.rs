//! What subscribers are told.

use std::sync::Arc;

use async_graphql::{Context, Description, Object};

use super::{
    image::Image,
    scalars::{ByteSize, int},
    status::{ImageFailure, ImageStatus, failure_of},
    variant::ImageVariant,
};
use crate::{domain, graphql::FromContext};

/// The progress of an upload. It is always the complete state, so a client that missed events has lost nothing.
#[derive(Description)]
pub struct UploadProgress(pub Arc<domain::progress::Progress>);

#[Object(use_type_description)]
impl UploadProgress {
    /// The image at this revision.
    async fn image(&self) -> Image {
        Image::at(&self.0)
    }

    /// The status of the image.
    async fn status(&self) -> ImageStatus {
        self.0.image.status().into()
    }

    /// A number that grows with every event of one image. Ignore events whose revision is not larger than the last one.
    async fn revision(&self) -> i32 {
        int(self.0.image.revision)
    }

    /// The number of bytes that have arrived.
    async fn bytes_uploaded(&self) -> ByteSize {
        ByteSize(self.0.image.bytes_received())
    }

    /// The size of the file in bytes.
    async fn bytes_total(&self) -> ByteSize {
        ByteSize(self.0.image.file_size())
    }

    /// The share of the bytes that have arrived, from 0 to 100.
    async fn percent(&self) -> f64 {
        self.0.percent()
    }

    /// The number of variants that are ready.
    async fn variants_ready(&self) -> i32 {
        int(self.0.variants.len())
    }

    /// The number of variants that there will be.
    async fn variants_total(&self, ctx: &Context<'_>) -> i32 {
        let ready = self.0.variants.len();
        let is_over = self.0.image.status().is_terminal();
        int(if is_over { ready } else { ctx.services().uploads.variants_count(&self.0.image, &self.0.variants) })
    }

    /// The variant that became ready with this event. Null for every other event.
    async fn variant(&self) -> Option<ImageVariant> {
        let variant = self.0.ready_variant()?.clone();
        Some(ImageVariant { image: Arc::new(self.0.image.clone()), variant })
    }

    /// The reason why the image is FAILED. Null in any other status.
    async fn failure(&self) -> Option<ImageFailure> {
        failure_of(&self.0.image)
    }
}
