//! The sizes of an image.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, Object};

use super::scalars::{ByteSize, Url, int};
use crate::{
    domain::{
        self,
        variant::{Variant, VariantName},
    },
    graphql::{FromContext, cost, error::ApiError},
};

/// The sizes that images are offered in where the operator names no others, all of them WebP. Nothing is ever
/// enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
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
    /// One of the operator's own: see `name`. Of no use as an argument.
    Custom,
}

impl VariantType {
    /// What it is called; nothing where only a name tells.
    pub fn name(self) -> Option<VariantName> {
        let kind = match self {
            Self::Thumbnail => domain::variant::VariantType::Thumbnail,
            Self::Small => domain::variant::VariantType::Small,
            Self::Medium => domain::variant::VariantType::Medium,
            Self::Large => domain::variant::VariantType::Large,
            Self::Webp => domain::variant::VariantType::Webp,
            Self::Custom => return None,
        };
        Some(kind.into())
    }

    fn of(name: &VariantName) -> Self {
        match name.kind() {
            Some(domain::variant::VariantType::Thumbnail) => Self::Thumbnail,
            Some(domain::variant::VariantType::Small) => Self::Small,
            Some(domain::variant::VariantType::Medium) => Self::Medium,
            Some(domain::variant::VariantType::Large) => Self::Large,
            Some(domain::variant::VariantType::Webp) => Self::Webp,
            None => Self::Custom,
        }
    }
}

/// An image in one of its sizes.
#[derive(Description)]
pub struct ImageVariant {
    pub image: Arc<domain::image::Image>,
    pub variant: Variant,
}

#[Object(use_type_description)]
impl ImageVariant {
    /// Which of the five sizes, or CUSTOM.
    #[graphql(name = "type")]
    async fn kind(&self) -> VariantType {
        VariantType::of(&self.variant.name)
    }

    /// What the operator calls it; of the five, their types in lower case. Example: `"thumbnail"`.
    async fn name(&self) -> &str {
        self.variant.name.as_str()
    }

    /// Presigned, or the CDN's. The same for at least half of its life, so that caches know it again.
    #[graphql(directive = cost::cost::apply(10))]
    async fn url(&self, ctx: &Context<'_>) -> Result<Url, ApiError> {
        Ok(Url(ctx.services().library.variant_url(&self.image, &self.variant).await?))
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

    /// `image/webp`, or what else the operator chose.
    async fn content_type(&self) -> &'static str {
        self.variant.format.content_type()
    }
}
