//! Links, and what they show to somebody without an account.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    album::{place_cursor, placed_at},
    connection::{PageInfo, at_most},
    paging::page_info,
    scalars::{Url, int},
    share::shareable,
    user_error::UserError,
    variant::ImageVariant,
};
use crate::{
    domain::{self, error::Refusal, ids::ShareLinkId, variant::Variant},
    graphql::{FromContext, cost, error::ApiError, loaders},
    sharing::{AlbumImagePage, NewShareLink, OpenedLink, SharedThing},
};

/// A link that shows an image or an album to everybody who has it, without an account.
#[derive(Description)]
pub struct ShareLink(pub domain::sharing::ShareLink);

#[Object(use_type_description)]
impl ShareLink {
    /// The id of the link, a UUIDv7. It is not a part of the URL's secret.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The URL of the page that shows what is shared. Its last segment is the token for `openShareLink`.
    async fn url(&self, ctx: &Context<'_>) -> Url {
        Url(ctx.services().sharing.link_url(&self.0).into())
    }

    /// Whether a password is required.
    async fn has_password(&self) -> bool {
        self.0.password_hash.is_some()
    }

    /// Whether the link gives access to the originals, with everything that the camera wrote into them.
    async fn allows_original(&self) -> bool {
        self.0.shows_original
    }

    /// The number of times the link was opened.
    async fn view_count(&self) -> i32 {
        int(self.0.views)
    }

    /// The time at which the link was last opened. Null if it never was.
    async fn last_viewed_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_viewed_at
    }

    /// The time at which the link expires. Null if it does not.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// The time at which the link was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// The content of a link: either an image or an album.
#[derive(Description)]
pub struct OpenedShareLink(OpenedLink);

#[Object(use_type_description)]
impl OpenedShareLink {
    /// The image, if the link shows an image.
    async fn image(&self) -> Option<LinkedImage> {
        match &self.0.thing {
            SharedThing::Image(image) => {
                let shows_original = self.0.link.shows_original;
                Some(LinkedImage { image: Arc::new((**image).clone()), shows_original })
            }
            SharedThing::Album(_) => None,
        }
    }

    /// The album, if the link shows an album.
    async fn album(&self) -> Option<LinkedAlbum> {
        matches!(self.0.thing, SharedThing::Album(_)).then(|| LinkedAlbum(self.0.clone()))
    }

    /// The time at which the link expires. Null if it does not.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.link.expires_at
    }
}

/// An image as a link shows it: its variants and its texts, and nothing of its owner or its metadata.
#[derive(Description)]
pub struct LinkedImage {
    image: Arc<domain::image::Image>,
    shows_original: bool,
}

#[Object(use_type_description)]
impl LinkedImage {
    /// The id of the image, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.image.id)
    }

    /// The title.
    async fn title(&self) -> &str {
        &self.image.details.title
    }

    /// The description of the image.
    #[graphql(directive = cost::cost::apply(40))]
    async fn description(&self) -> &str {
        &self.image.details.description
    }

    /// The alternative text for people who cannot see the picture.
    #[graphql(directive = cost::cost::apply(8))]
    async fn alt_text(&self) -> &str {
        &self.image.details.alt_text
    }

    /// The width of the original in pixels.
    async fn width(&self) -> Option<i32> {
        self.image.facts().map(|facts| int(facts.width))
    }

    /// The height of the original in pixels.
    async fn height(&self) -> Option<i32> {
        self.image.facts().map(|facts| int(facts.height))
    }

    /// A ThumbHash in base64: a blurred preview to show while the picture loads.
    async fn placeholder(&self) -> Option<&str> {
        self.image.facts().map(|facts| facts.placeholder.as_str())
    }

    /// The dominant colour, to show while the picture loads. Example: `"#5a7d4c"`.
    async fn dominant_color(&self) -> Option<&str> {
        self.image.facts()?.dominant_colour.as_deref()
    }

    /// The variants, the smallest first.
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn variants(&self, ctx: &Context<'_>) -> Result<Vec<ImageVariant>, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        let of_image = |variant: &Variant| ImageVariant { image: Arc::clone(&self.image), variant: variant.clone() };
        Ok(variants.iter().map(of_image).collect())
    }

    /// The value for the `srcset` attribute of an `<img>`: the variants with the aspect ratio of the original.
    #[graphql(directive = cost::cost::apply(50))]
    async fn src_set(&self, ctx: &Context<'_>) -> Result<String, ApiError> {
        let variants = self.ready_variants(ctx).await?;
        Ok(ctx.services().library.src_set(&self.image, &variants, None).await?)
    }

    /// The URL of the original. Null unless the link allows it.
    #[graphql(directive = cost::cost::apply(10))]
    async fn original_url(&self, ctx: &Context<'_>) -> Result<Option<Url>, ApiError> {
        if !self.shows_original {
            return Ok(None);
        }
        Ok(ctx.services().library.original_url(&self.image).await?.map(Url))
    }
}

impl LinkedImage {
    async fn ready_variants(&self, ctx: &Context<'_>) -> Result<Arc<Vec<Variant>>, ApiError> {
        Ok(loaders::load(ctx, self.image.id).await?.unwrap_or_default())
    }
}

/// An album as a link shows it.
#[derive(Description)]
pub struct LinkedAlbum(OpenedLink);

#[Object(use_type_description)]
impl LinkedAlbum {
    /// The name of the album.
    async fn name(&self) -> &str {
        match &self.0.thing {
            SharedThing::Album(album) => &album.name,
            SharedThing::Image(_) => "",
        }
    }

    /// The description of the album.
    #[graphql(directive = cost::cost::apply(40))]
    async fn description(&self) -> &str {
        match &self.0.thing {
            SharedThing::Album(album) => &album.description,
            SharedThing::Image(_) => "",
        }
    }

    /// The images of the album in its order.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of images to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only images after it are returned.")] after: Option<String>,
    ) -> Result<LinkedImageConnection> {
        let (first, after) = (at_most("first", first, 100)?, after.as_deref().map(placed_at).transpose()?);
        let page = ctx.services().sharing.images_of_link(&self.0, after, first.into()).await.map_err(ApiError::from)?;
        Ok(LinkedImageConnection { page, shows_original: self.0.link.shows_original })
    }
}

/// One page of the images of an album that a link shows.
#[derive(Description)]
pub struct LinkedImageConnection {
    page: AlbumImagePage,
    shows_original: bool,
}

#[Object(use_type_description)]
impl LinkedImageConnection {
    /// The images of the page.
    async fn nodes(&self) -> Vec<LinkedImage> {
        let shows_original = self.shows_original;
        let images = self.page.images.iter().map(|placed| Arc::new(placed.image.clone()));
        images.map(|image| LinkedImage { image, shows_original }).collect()
    }

    /// The position of the page in the album.
    async fn page_info(&self) -> PageInfo {
        let AlbumImagePage { images, has_more } = &self.page;
        page_info(images.first().map(place_cursor), images.last().map(place_cursor), *has_more)
    }
}

/// The link to create.
#[derive(InputObject)]
pub struct CreateShareLinkInput {
    /// The id of the image to show. Either this or `albumId` is required.
    image_id: Option<ID>,
    /// The id of the album to show.
    album_id: Option<ID>,
    /// The time at which the link expires, within ten years. Without it, the link does not expire.
    expires_at: Option<DateTime<Utc>>,
    /// The password that is required to open the link: 6 to 128 characters.
    password: Option<String>,
    /// Whether the link gives access to the originals, with everything that the camera wrote into them, such as where the
    /// picture was taken.
    #[graphql(default)]
    allow_original: bool,
}

impl CreateShareLinkInput {
    /// What is to be shown.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(self) -> Result<Result<NewShareLink, Refusal>> {
        let Self { expires_at, password, allow_original, .. } = self;
        let of = shareable(self.image_id.as_ref(), self.album_id.as_ref())?;
        Ok(of.map(|of| NewShareLink { of, expires_at, password, shows_original: allow_original }))
    }
}

/// The link to end.
#[derive(InputObject)]
pub struct RevokeShareLinkInput {
    /// The id of the link.
    pub share_link_id: ID,
}

/// The link to open.
#[derive(InputObject)]
pub struct OpenShareLinkInput {
    /// The token: the last segment of the link's URL.
    pub token: String,
    /// The password, if the link has one.
    pub password: Option<String>,
}

/// The result of `createShareLink`.
#[derive(SimpleObject)]
pub struct ShareLinkPayload {
    /// The link. Null when there are userErrors.
    share_link: Option<ShareLink>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `revokeShareLink`.
#[derive(SimpleObject)]
pub struct RevokeShareLinkPayload {
    /// The id of the link that was ended. Null when there are userErrors.
    revoked_share_link_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `openShareLink`.
#[derive(SimpleObject)]
pub struct OpenShareLinkPayload {
    /// The image or album. Null when there are userErrors.
    opened: Option<OpenedShareLink>,
    /// The reasons why nothing is shown: INVALID_TOKEN for a link that is unknown, expired or revoked, INVALID_CREDENTIALS
    /// for a missing or wrong password. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(ShareLinkPayload { share_link: domain::sharing::ShareLink => ShareLink });
super::user_error::payload!(RevokeShareLinkPayload { revoked_share_link_id: ShareLinkId => ID::from });
super::user_error::payload!(OpenShareLinkPayload { opened: OpenedLink => OpenedShareLink });
