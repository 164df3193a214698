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

/// The standard variants, all of them WebP, which exist unless the operator configured others. Images are never
/// enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum VariantType {
    /// Fits into 150 × 150 pixels.
    Thumbnail,
    /// Fits into 300 × 300 pixels.
    Small,
    /// Fits into 600 × 600 pixels.
    Medium,
    /// Fits into 1200 × 1200 pixels.
    Large,
    /// The size of the original.
    Webp,
    /// A variant that the operator defined: see `name`. It cannot be used as an argument.
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

/// A resized or converted version of an image.
#[derive(Description)]
pub struct ImageVariant {
    pub image: Arc<domain::image::Image>,
    pub variant: Variant,
}

#[Object(use_type_description)]
impl ImageVariant {
    /// The type of the variant. CUSTOM for names other than the standard ones.
    #[graphql(name = "type")]
    async fn kind(&self) -> VariantType {
        VariantType::of(&self.variant.name)
    }

    /// The name of the variant. The name of a standard variant is its type in lower case. Example: `"thumbnail"`.
    async fn name(&self) -> &str {
        self.variant.name.as_str()
    }

    /// The URL of the variant, either presigned or on the CDN. It stays the same for at least half of its lifetime, so
    /// that caches work.
    #[graphql(directive = cost::cost::apply(10))]
    async fn url(&self, ctx: &Context<'_>) -> Result<Url, ApiError> {
        Ok(Url(ctx.services().library.variant_url(&self.image, &self.variant).await?))
    }

    /// The width in pixels.
    async fn width(&self) -> i32 {
        int(self.variant.width)
    }

    /// The height in pixels.
    async fn height(&self) -> i32 {
        int(self.variant.height)
    }

    /// The size of the file in bytes.
    async fn file_size(&self) -> ByteSize {
        ByteSize(self.variant.file_size)
    }

    /// Whether the variant was made with the settings that are in force. False for variants from before the settings were
    /// kept, and for those that are no longer configured. `regenerateVariants` and `generateVariants` make the former anew.
    async fn is_up_to_date(&self, ctx: &Context<'_>) -> bool {
        ctx.services().uploads.is_up_to_date(&self.variant)
    }

    /// The media type: `image/webp`, unless the operator configured another one.
    async fn content_type(&self) -> &'static str {
        self.variant.format.content_type()
    }
}
