//! The sizes of an image.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, Object};

use super::scalars::{ByteSize, Url, int};
use crate::{
    domain::{self, variant::Variant},
    graphql::{FromContext, error::ApiError},
};

/// The sizes that every image is offered in, all of them WebP. Nothing is ever enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::variant::VariantType")]
pub enum VariantType {
    /// Fits in 150 × 150 pixels.
    Thumbnail,
    /// Fits in 300 × 300 pixels.
    Small,
    /// Fits in 600 × 600 pixels.
    Medium,
    /// Fits in 1200 × 1200 pixels.
    Large,
    /// Full size.
    Webp,
}

/// An image in one of its sizes.
#[derive(Description)]
pub struct ImageVariant {
    pub image: Arc<domain::image::Image>,
    pub variant: Variant,
}

#[Object(use_type_description)]
impl ImageVariant {
    /// Which of the five sizes.
    #[graphql(name = "type")]
    async fn kind(&self) -> VariantType {
        self.variant.kind.into()
    }

    /// Presigned, or the CDN's. The same for at least half of its life, so that caches know it again.
    async fn url(&self, ctx: &Context<'_>) -> Result<Url, ApiError> {
        Ok(Url(ctx.services().library.variant_url(&self.image, self.variant.kind).await?))
    }

    /// In pixels.
    async fn width(&self) -> i32 {
        int(self.variant.width)
    }

    /// In pixels.
    async fn height(&self) -> i32 {
        int(self.variant.height)
    }

    /// In bytes.
    async fn file_size(&self) -> ByteSize {
        ByteSize(self.variant.file_size)
    }

    /// Always `image/webp`.
    async fn content_type(&self) -> &'static str {
        Variant::CONTENT_TYPE
    }
}
