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

/// How an upload stands: always the whole state, never a delta, so that a client that missed some misses nothing.
#[derive(Description)]
pub struct UploadProgress(pub Arc<domain::progress::Progress>);

#[Object(use_type_description)]
impl UploadProgress {
    /// The image as it stood at this revision.
    async fn image(&self) -> Image {
        Image::at(&self.0)
    }

    /// Where it is in its life.
    async fn status(&self) -> ImageStatus {
        self.0.image.status().into()
    }

    /// Grows with every event of one image: drop what is not newer.
    async fn revision(&self) -> i32 {
        int(self.0.image.revision)
    }

    /// How many bytes have arrived.
    async fn bytes_uploaded(&self) -> ByteSize {
        ByteSize(self.0.image.bytes_received())
    }

    /// How many bytes there are going to be.
    async fn bytes_total(&self) -> ByteSize {
        ByteSize(self.0.image.file_size())
    }

    /// Of the bytes, 0 to 100.
    async fn percent(&self) -> f64 {
        self.0.percent()
    }

    /// How many variants are ready.
    async fn variants_ready(&self) -> i32 {
        int(self.0.variants.len())
    }

    /// How many variants there are going to be.
    async fn variants_total(&self, ctx: &Context<'_>) -> i32 {
        let ready = self.0.variants.len();
        let is_over = self.0.image.status().is_terminal();
        int(if is_over { ready } else { ctx.services().uploads.variants_count(&self.0.variants) })
    }

    /// The one that this event made ready; null for every other event.
    async fn variant(&self) -> Option<ImageVariant> {
        let variant = self.0.ready_variant()?.clone();
        Some(ImageVariant { image: Arc::new(self.0.image.clone()), variant })
    }

    /// Why it FAILED; null otherwise.
    async fn failure(&self) -> Option<ImageFailure> {
        failure_of(&self.0.image)
    }
}
