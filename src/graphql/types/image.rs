//! Images.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    category::Category,
    connection::at_most,
    metadata::ImageMetadata,
    scalars::{ByteSize, Url, int},
    status::{ImageFailure, ImageStatus, failure_of},
    user::User,
    variant::{ImageVariant, VariantType},
};
use crate::{
    domain::{
        self,
        access::{self, Action},
        progress::Progress,
        variant::Variant,
    },
    graphql::{
        FromContext, cost,
        error::ApiError,
        loaders::{Siblings, present},
    },
};

/// An image, from its ticket to its deletion.
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
    /// A UUIDv7: later images have larger ids.
    pub async fn id(&self) -> ID {
        ID::from(self.known.id)
    }

    /// Whose image it is.
    async fn owner(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let owner = self.siblings.load(ctx, &self.siblings.owners, &self.known).await?;
        Ok(User(present(owner, "user")?))
    }

    /// What kind of image it is.
    async fn category(&self, ctx: &Context<'_>) -> Result<Category, ApiError> {
        let category = self.siblings.load(ctx, &self.siblings.categories, &self.known).await?;
        Ok(Category(present(category, "category")?))
    }

    /// The name that the file had on its owner's machine. Example: `"IMG_2041.jpg"`.
    #[graphql(directive = cost::cost::apply(2))]
    async fn original_filename(&self) -> &str {
        self.known.filename.as_str()
    }

    /// Where the original lives in the bucket once it is completed.
    async fn file_key(&self) -> &str {
        &self.known.file_key
    }

    /// In bytes: as announced until the object is stored, then its true size.
    async fn file_size(&self) -> Option<ByteSize> {
        Some(ByteSize(self.known.file_size()))
    }

    /// The media type of the original. Example: `"image/jpeg"`.
    async fn content_type(&self) -> &str {
        self.known.format.content_type()
    }

    /// In pixels, after EXIF orientation; null until known.
    async fn width(&self) -> Option<i32> {
        self.known.facts().map(|facts| int(facts.width))
    }

    /// In pixels, after EXIF orientation; null until known.
    async fn height(&self) -> Option<i32> {
        self.known.facts().map(|facts| int(facts.height))
    }

    /// Where it is in its life.
    async fn status(&self) -> ImageStatus {
        self.known.status().into()
    }

    /// Why it FAILED; null otherwise.
    async fn failure(&self) -> Option<ImageFailure> {
        failure_of(&self.known)
    }

    /// Up to 255 characters; empty until somebody writes one.
    #[graphql(directive = cost::cost::apply(2))]
    async fn title(&self) -> &str {
        &self.known.details.title
    }

    /// Up to 5000 characters.
    #[graphql(directive = cost::cost::apply(40))]
    async fn description(&self) -> &str {
        &self.known.details.description
    }

    /// What the picture shows, for those who do not see it. Up to 1000 characters.
    #[graphql(directive = cost::cost::apply(8))]
    async fn alt_text(&self) -> &str {
        &self.known.details.alt_text
    }

    /// Up to 50 tags of up to 50 characters, in the order given.
    #[graphql(directive = cost::cost::apply(20))]
    async fn tags(&self) -> &[String] {
        &self.known.details.tags
    }

    /// Of the original: presigned, or the CDN's; null until it is stored and checked.
    #[graphql(directive = cost::cost::apply(10))]
    async fn url(&self, ctx: &Context<'_>) -> Result<Option<Url>, ApiError> {
        Ok(ctx.services().library.original_url(&self.known).await?.map(Url))
    }

    /// Those that are ready, smallest first.
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn variants(&self, ctx: &Context<'_>) -> Result<Vec<ImageVariant>, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        let of_image = |variant: &Variant| ImageVariant { image: Arc::clone(&self.known), variant: variant.clone() };
        Ok(variants.iter().map(of_image).collect())
    }

    /// One of them; null until it is ready.
    async fn variant(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "type", desc = "Which of the five sizes.")] kind: VariantType,
    ) -> Result<Option<ImageVariant>, ApiError> {
        let Some(name) = kind.name() else { return Ok(None) };
        let variants = self.ready_variants(ctx).await?;
        let variant = variants.iter().find(|variant| variant.name == name).cloned();
        Ok(variant.map(|variant| ImageVariant { image: Arc::clone(&self.known), variant }))
    }

    /// What to give an `<img>` as its `srcset`: the ready variants with their widths. Those that are cut to their box
    /// are of another shape: name them, or leave them out. Example: `"https://…_small.webp?… 300w, https://… 600w"`.
    #[graphql(directive = cost::cost::apply(50))]
    async fn src_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The names of the variants, in any case; all of the picture's own shape where it is left out. \
            Example: `[\"small\", \"large\"]`."
        )]
        sizes: Option<Vec<String>>,
    ) -> Result<String, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        Ok(ctx.services().library.src_set(&self.known, &variants, sizes.as_deref()).await?)
    }

    /// Its owner's other images that look like it, the most similar first: smaller or larger, compressed anew, in another
    /// format.
    #[graphql(directive = cost::cost::apply(2000), directive = cost::list_size::apply(10, cost::names(["first"]), None))]
    async fn similar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, 1 to 100.", default = 10)] first: i32,
    ) -> async_graphql::Result<Vec<Self>> {
        let first = at_most("first", first, 100)?;
        let found = ctx.services().library.similar(&self.known, first.into()).await.map_err(ApiError::from)?;
        let found: Vec<_> = found.into_iter().map(Arc::new).collect();
        Ok(Self::all_of(&found).collect())
    }

    /// The oldest of the owner's images that has the very same bytes; null where there is no older one.
    #[graphql(directive = cost::cost::apply(20))]
    async fn duplicate_of(&self, ctx: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let original = self.siblings.load(ctx, &self.siblings.originals, &self.known).await?;
        Ok(original.and_then(|original| Self::all_of(std::slice::from_ref(&original)).next()))
    }

    /// What the camera wrote into the file; null until processed.
    async fn metadata(&self, ctx: &Context<'_>) -> Result<Option<ImageMetadata>, ApiError> {
        let metadata = self.siblings.load(ctx, &self.siblings.metadata, &self.known).await?;
        let Some(metadata) = metadata else { return Ok(None) };
        let may_see = |user: &domain::user::User| access::may(user, Action::SeeLocation, &self.known);
        let shows_location = ctx.caller().user().is_ok_and(may_see);
        Ok(Some(ImageMetadata { metadata, shows_location }))
    }

    /// A ThumbHash in base64, to show a blur of about 25 bytes while the picture loads; null until processed.
    async fn placeholder(&self) -> Option<&str> {
        self.known.facts().map(|facts| facts.placeholder.as_str())
    }

    /// The colour that most of it is of, to show while the picture loads; null until processed. Example: `"#5a7d4c"`.
    async fn dominant_color(&self) -> Option<&str> {
        self.known.facts()?.dominant_colour.as_deref()
    }

    /// Whether the original moves. The variants do too, within bounds that `metadata { notes }` tells of.
    async fn is_animated(&self) -> bool {
        self.known.facts().is_some_and(|facts| facts.is_animated)
    }

    /// Asks the storage whether it has the object. Costs a request to it.
    #[graphql(directive = cost::cost::apply(300))]
    async fn exists_in_storage(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Ok(ctx.services().library.exists_in_storage(&self.known).await?)
    }

    /// When the first byte arrived, or was reported.
    async fn upload_started_at(&self) -> Option<DateTime<Utc>> {
        self.known.upload_started_at
    }

    /// When the upload was completed.
    async fn upload_completed_at(&self) -> Option<DateTime<Utc>> {
        self.known.upload_completed_at
    }

    /// When it was put into the trash; null outside of it.
    async fn trashed_at(&self) -> Option<DateTime<Utc>> {
        self.known.in_trash().map(|(since, _)| since)
    }

    /// Until when it can be restored; null outside of the trash.
    async fn purge_at(&self) -> Option<DateTime<Utc>> {
        self.known.in_trash().map(|(_, until)| until)
    }

    /// When the ticket was issued.
    async fn created_at(&self) -> DateTime<Utc> {
        self.known.created_at
    }

    /// When anything of it last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.known.updated_at
    }
}
