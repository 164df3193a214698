//! Pages of images, as Relay connections.

use async_graphql::{Context, Description, InputObject, Object, SimpleObject};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    image::{Image, ImageStatus},
    scalars::int,
};
use crate::{
    domain::{self, ids::ImageId},
    graphql::{FromContext, error::ApiError},
    library::ImagePage,
};

const DEFAULT_PAGE: u64 = 20;
const LARGEST_PAGE: i32 = 100;

/// A page of images.
#[derive(Description)]
pub struct ImageConnection {
    pub page: ImagePage,
    pub statuses: Vec<domain::image::ImageStatus>,
    pub has_previous: bool,
}

/// An image and where it stands.
#[derive(SimpleObject)]
pub struct ImageEdge {
    /// The image.
    node: Image,
    /// What to give as `after` to go on behind it.
    cursor: String,
}

/// Where a page stands among the others.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there is a page behind this one.
    has_next_page: bool,
    /// Whether there is a page before this one.
    has_previous_page: bool,
    /// The first edge's cursor; null for an empty page.
    start_cursor: Option<String>,
    /// The last edge's cursor; null for an empty page.
    end_cursor: Option<String>,
}

/// Which images are listed.
#[derive(InputObject, Default)]
pub struct ImageFilter {
    /// In any of these states; COMPLETED where it is left out.
    pub status: Option<Vec<ImageStatus>>,
}

#[Object(use_type_description)]
impl ImageConnection {
    /// The images, each with its cursor.
    async fn edges(&self) -> Vec<ImageEdge> {
        let edge =
            |image: &domain::image::Image| ImageEdge { node: Image::of(image.clone()), cursor: cursor_of(image.id) };
        self.page.images.iter().map(edge).collect()
    }

    /// The images alone.
    async fn nodes(&self) -> Vec<Image> {
        self.page.images.iter().cloned().map(Image::of).collect()
    }

    /// Where this page stands.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.page.images.first().map(|image| cursor_of(image.id)),
            end_cursor: self.page.images.last().map(|image| cursor_of(image.id)),
        }
    }

    /// How many images all pages have together; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(ctx.services().library.count(ctx.caller(), &self.statuses).await?))
    }
}

/// The page size that a client asked for.
///
/// # Errors
/// `BAD_USER_INPUT` outside 1 to 100.
pub fn page_size(first: Option<i32>) -> async_graphql::Result<u64> {
    match first {
        None => Ok(DEFAULT_PAGE),
        Some(first @ 1..=LARGEST_PAGE) => Ok(u64::from(first.unsigned_abs())),
        Some(_) => Err(ApiError::bad_input("`first` is 1 to 100.")),
    }
}

/// The image behind a cursor.
///
/// # Errors
/// `BAD_USER_INPUT` for what is none of our cursors.
pub fn parse_cursor(cursor: &str) -> async_graphql::Result<ImageId> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = decoded.and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok());
    id.map(ImageId).ok_or_else(|| ApiError::bad_input("`after` is no cursor of this list."))
}

fn cursor_of(id: ImageId) -> String {
    URL_SAFE_NO_PAD.encode(id.0.as_bytes())
}
