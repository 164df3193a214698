//! Images.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Lookahead, Object};
use chrono::{DateTime, Utc};

use super::{
    category::Category,
    connection::at_most,
    metadata::ImageMetadata,
    scalars::{ByteSize, Url, int},
    share::Share,
    share_link::ShareLink,
    status::{ImageFailure, ImageStatus, failure_of},
    user::User,
    variant::{ImageVariant, VariantType},
};
use crate::{
    domain::{self, access, progress::Progress, variant::Variant},
    graphql::{
        FromContext, cost,
        error::ApiError,
        loaders::{Siblings, present},
    },
};

/// An image, from its upload ticket to its deletion.
#[derive(Description)]
pub struct Image {
    known: Arc<domain::image::Image>,
    /// Those that it was read together with, itself among them.
    siblings: Arc<Siblings>,
    /// As they were when an event was published; looked up where there was none.
    variants: Option<Arc<Vec<Variant>>>,
}

impl Image {
    /// An image whose variants are looked up when they are asked for.
    pub fn of(image: domain::image::Image) -> Self {
        let image = Arc::new(image);
        Self { siblings: Siblings::of(std::slice::from_ref(&image)), known: image, variants: None }
    }

    /// Images that were read together.
    pub fn all_of(images: &[Arc<domain::image::Image>]) -> impl Iterator<Item = Self> {
        let siblings = Siblings::of(images);
        images.iter().map(move |image| Self {
            known: Arc::clone(image),
            siblings: Arc::clone(&siblings),
            variants: None,
        })
    }

    /// Images that were read together, with the variants that the operation selects of them.
    pub async fn page(ctx: &Context<'_>, images: &[Arc<domain::image::Image>], selection: Lookahead<'_>) -> Vec<Self> {
        let images: Vec<Self> = Self::all_of(images).collect();
        let is_selected = |field| selection.field(field).exists();
        if let Some(first) = images.first()
            && ["variants", "variant", "srcSet"].into_iter().any(is_selected)
        {
            first.siblings.prepare(ctx, &first.siblings.variants).await;
        }
        images
    }

    /// An image as an event tells of it.
    pub fn at(progress: &Progress) -> Self {
        Self { variants: Some(Arc::new(progress.variants.clone())), ..Self::of(progress.image.clone()) }
    }

    async fn ready_variants(&self, ctx: &Context<'_>) -> Result<Arc<Vec<Variant>>, ApiError> {
        if !self.known.shows_variants() {
            return Ok(Arc::default());
        }
        match &self.variants {
            Some(variants) => Ok(Arc::clone(variants)),
            None => Ok(self.siblings.load(ctx, &self.siblings.variants, &self.known).await?.unwrap_or_default()),
        }
    }
}

#[Object(use_type_description)]
impl Image {
    /// The id of the image, a UUIDv7. Images created later have larger ids.
    pub async fn id(&self) -> ID {
        ID::from(self.known.id)
    }

    /// The user who owns the image.
    async fn owner(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let owner = self.siblings.load(ctx, &self.siblings.owners, &self.known).await?;
        Ok(User(present(owner, "user")?))
    }

    /// The category of the image.
    async fn category(&self, ctx: &Context<'_>) -> Result<Category, ApiError> {
        let category = self.siblings.load(ctx, &self.siblings.categories, &self.known).await?;
        Ok(Category(present(category, "category")?))
    }

    /// The name of the file on the computer of the person who uploaded it. Example: `"IMG_2041.jpg"`.
    #[graphql(directive = cost::cost::apply(2))]
    async fn original_filename(&self) -> &str {
        self.known.filename.as_str()
    }

    /// The key of the original in the bucket once the upload is complete.
    async fn file_key(&self) -> &str {
        &self.known.file_key
    }

    /// The size of the original in bytes: the announced size until the object is stored, then its actual size.
    async fn file_size(&self) -> Option<ByteSize> {
        Some(ByteSize(self.known.file_size()))
    }

    /// The media type of the original. Example: `"image/jpeg"`.
    async fn content_type(&self) -> &str {
        self.known.format.content_type()
    }

    /// The width of the original in pixels, after EXIF orientation is applied. Null until the image is processed.
    async fn width(&self) -> Option<i32> {
        self.known.facts().map(|facts| int(facts.width))
    }

    /// The height of the original in pixels, after EXIF orientation is applied. Null until the image is processed.
    async fn height(&self) -> Option<i32> {
        self.known.facts().map(|facts| int(facts.height))
    }

    /// The status of the image.
    async fn status(&self) -> ImageStatus {
        self.known.status().into()
    }

    /// The reason why the image is FAILED. Null in any other status.
    async fn failure(&self) -> Option<ImageFailure> {
        failure_of(&self.known)
    }

    /// The title. At most 255 characters, empty by default.
    #[graphql(directive = cost::cost::apply(2))]
    async fn title(&self) -> &str {
        &self.known.details.title
    }

    /// The description of the image. At most 5000 characters.
    #[graphql(directive = cost::cost::apply(40))]
    async fn description(&self) -> &str {
        &self.known.details.description
    }

    /// The alternative text for people who cannot see the picture. At most 1000 characters.
    #[graphql(directive = cost::cost::apply(8))]
    async fn alt_text(&self) -> &str {
        &self.known.details.alt_text
    }

    /// The tags in the order in which they were given. At most 50 tags of at most 50 characters.
    #[graphql(directive = cost::cost::apply(20))]
    async fn tags(&self) -> &[String] {
        &self.known.details.tags
    }

    /// The URL of the original, either presigned or on the CDN. Null until the original is stored and checked, and for those
    /// with whom the image is shared: they see the variants.
    #[graphql(directive = cost::cost::apply(10))]
    async fn url(&self, ctx: &Context<'_>) -> Result<Option<Url>, ApiError> {
        if !access::sees_original(ctx.caller(), &self.known) {
            return Ok(None);
        }
        Ok(ctx.services().library.original_url(&self.known).await?.map(Url))
    }

    /// The variants that are ready, the smallest first.
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn variants(&self, ctx: &Context<'_>) -> Result<Vec<ImageVariant>, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        let of_image = |variant: &Variant| ImageVariant { image: Arc::clone(&self.known), variant: variant.clone() };
        Ok(variants.iter().map(of_image).collect())
    }

    /// One variant by its type. Null until it is ready.
    async fn variant(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "type", desc = "The type of the variant.")] kind: VariantType,
    ) -> Result<Option<ImageVariant>, ApiError> {
        let Some(name) = kind.name() else { return Ok(None) };
        let variants = self.ready_variants(ctx).await?;
        let variant = variants.iter().find(|variant| variant.name == name).cloned();
        Ok(variant.map(|variant| ImageVariant { image: Arc::clone(&self.known), variant }))
    }

    /// The value for the `srcset` attribute of an `<img>`: the ready variants with their widths. By default, variants
    /// that are cropped to another aspect ratio are left out. Example: `"https://…_small.webp?… 300w, https://… 600w"`.
    #[graphql(directive = cost::cost::apply(50))]
    async fn src_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The names of the variants, in any case. Defaults to all variants with the aspect ratio of the original. \
                    Example: `[\"small\", \"large\"]`."
        )]
        sizes: Option<Vec<String>>,
    ) -> Result<String, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        Ok(ctx.services().library.src_set(&self.known, &variants, sizes.as_deref()).await?)
    }

    /// The owner's other images that look like this one, the most similar first: resized, recompressed, or converted to
    /// another format.
    #[graphql(directive = cost::cost::apply(2000), directive = cost::list_size::apply(10, cost::names(["first"]), None))]
    async fn similar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of images to return: 1 to 100.", default = 10)] first: i32,
    ) -> async_graphql::Result<Vec<Self>> {
        let first = at_most("first", first, 100)?;
        let found =
            ctx.services().library.similar(ctx.caller(), &self.known, first.into()).await.map_err(ApiError::from)?;
        let found: Vec<_> = found.into_iter().map(Arc::new).collect();
        Ok(Self::all_of(&found).collect())
    }

    /// The owner's oldest image with identical bytes. Null if there is no older one.
    #[graphql(directive = cost::cost::apply(20))]
    async fn duplicate_of(&self, ctx: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let original = self.siblings.load(ctx, &self.siblings.originals, &self.known).await?;
        Ok(original.and_then(|original| Self::all_of(std::slice::from_ref(&original)).next()))
    }

    /// Those with whom the image is shared. Empty unless the caller owns the image.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(10, None, None))]
    async fn shares(&self, ctx: &Context<'_>) -> Result<Vec<Share>, ApiError> {
        if !access::sees_shares(ctx.caller(), self.known.owner) {
            return Ok(Vec::new());
        }
        let shares = self.siblings.load(ctx, &self.siblings.shares, &self.known).await?.unwrap_or_default();
        Ok(shares.iter().cloned().map(Share).collect())
    }

    /// The links that show the image to everybody who has them. Empty unless the caller owns the image.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(5, None, None))]
    async fn share_links(&self, ctx: &Context<'_>) -> Result<Vec<ShareLink>, ApiError> {
        if !access::sees_shares(ctx.caller(), self.known.owner) {
            return Ok(Vec::new());
        }
        let links = self.siblings.load(ctx, &self.siblings.links, &self.known).await?.unwrap_or_default();
        Ok(links.iter().cloned().map(ShareLink).collect())
    }

    /// The metadata that the camera wrote into the file. Null until the image is processed.
    async fn metadata(&self, ctx: &Context<'_>) -> Result<Option<ImageMetadata>, ApiError> {
        let metadata = self.siblings.load(ctx, &self.siblings.metadata, &self.known).await?;
        let Some(metadata) = metadata else { return Ok(None) };
        let shows_location = access::sees_location(ctx.caller(), &self.known);
        Ok(Some(ImageMetadata { metadata, shows_location }))
    }

    /// A ThumbHash in base64: a blurred preview of about 25 bytes to show while the picture loads. Null until the image
    /// is processed.
    async fn placeholder(&self) -> Option<&str> {
        self.known.facts().map(|facts| facts.placeholder.as_str())
    }

    /// The dominant colour, to show while the picture loads. Null until the image is processed. Example: `"#5a7d4c"`.
    async fn dominant_color(&self) -> Option<&str> {
        self.known.facts()?.dominant_colour.as_deref()
    }

    /// Whether the original is animated. Its variants are animated too, within limits that `metadata { notes }`
    /// reports.
    async fn is_animated(&self) -> bool {
        self.known.facts().is_some_and(|facts| facts.is_animated)
    }

    /// Whether the object exists in the storage. Each use sends a request to the storage.
    #[graphql(directive = cost::cost::apply(300))]
    async fn exists_in_storage(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Ok(ctx.services().library.exists_in_storage(&self.known).await?)
    }

    /// The time at which the first byte arrived or was reported. Null until then.
    async fn upload_started_at(&self) -> Option<DateTime<Utc>> {
        self.known.upload_started_at
    }

    /// The time at which the upload was completed. Null until then.
    async fn upload_completed_at(&self) -> Option<DateTime<Utc>> {
        self.known.upload_completed_at
    }

    /// The time at which the image was moved to the trash. Null unless the image is in the trash.
    async fn trashed_at(&self) -> Option<DateTime<Utc>> {
        self.known.in_trash().map(|(since, _)| since)
    }

    /// The time until which the image can be restored. Null unless the image is in the trash.
    async fn purge_at(&self) -> Option<DateTime<Utc>> {
        self.known.in_trash().map(|(_, until)| until)
    }

    /// The time at which the upload ticket was issued.
    async fn created_at(&self) -> DateTime<Utc> {
        self.known.created_at
    }

    /// The time of the last change.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.known.updated_at
    }
}
