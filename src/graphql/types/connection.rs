//! Pages of images, as Relay connections.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::{image::Image, scalars::int, status::ImageStatus};
use crate::{
    domain::{self, listing, listing::Counted},
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id},
    },
    library::{FilterRequest, ImagePage, Take},
};

const DEFAULT_PAGE: u64 = 20;
const MAX_PAGE: u16 = 100;

/// A page of images.
#[derive(Description)]
pub struct ImageConnection {
    page: ImagePage,
    /// Counted once, however often it is asked for.
    total: OnceCell<Counted>,
}

impl From<ImagePage> for ImageConnection {
    fn from(page: ImagePage) -> Self {
        Self { page, total: OnceCell::new() }
    }
}

/// An image and its position in the list.
#[derive(SimpleObject)]
pub struct ImageEdge {
    /// The image.
    node: Image,
    /// The cursor of the image, for the arguments `after` and `before`.
    cursor: String,
}

/// The position of a page in a list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are more images after this page.
    pub(super) has_next_page: bool,
    /// Whether there are more images before this page.
    pub(super) has_previous_page: bool,
    /// The cursor of the first edge. Null if the page is empty.
    pub(super) start_cursor: Option<String>,
    /// The cursor of the last edge. Null if the page is empty.
    pub(super) end_cursor: Option<String>,
}

/// A filter for images. An image must match every field that is given.
#[derive(InputObject, Default)]
pub struct ImageFilter {
    /// Only images of this category.
    category_id: Option<ID>,
    /// Only images in one of these statuses. Defaults to COMPLETED.
    status: Option<Vec<ImageStatus>>,
    /// Only images whose title, description or filename contains this text, regardless of case. 1 to 200 characters.
    /// Example: `"서울"`.
    #[graphql(directive = cost::cost::apply(2000))]
    search: Option<String>,
    /// Only images that have all of these tags. Tags are case-sensitive.
    #[graphql(directive = cost::cost::apply(2000))]
    tags: Option<Vec<String>>,
    /// Only images whose tickets were issued at this time or later.
    #[graphql(directive = cost::cost::apply(1000))]
    created_from: Option<DateTime<Utc>>,
    /// Only images whose tickets were issued at this time or earlier.
    #[graphql(directive = cost::cost::apply(1000))]
    created_to: Option<DateTime<Utc>>,
}

/// The order of a list. Images with equal values are ordered by their ids, in the same direction.
#[derive(InputObject)]
pub struct ImageOrder {
    /// The field to sort by.
    #[graphql(default_with = "ImageOrderField::CreatedAt")]
    field: ImageOrderField,
    /// The direction of the order.
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

/// The fields by which images can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "listing::OrderField")]
pub enum ImageOrderField {
    /// The time at which the upload ticket was issued.
    CreatedAt,
    /// The size of the file in bytes.
    FileSize,
    /// The title, regardless of case.
    Title,
}

/// The direction in which a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "listing::Direction")]
pub enum OrderDirection {
    /// Ascending: the smallest, oldest or alphabetically first value comes first.
    Asc,
    /// Descending: the largest, latest or alphabetically last value comes first.
    Desc,
}

#[Object(use_type_description)]
impl ImageConnection {
    /// The images of the page, each with its cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Result<Vec<ImageEdge>, ApiError> {
        let nodes = Image::page(ctx, &self.page.images, ctx.look_ahead().field("node")).await;
        let edges = nodes.into_iter().zip(&self.page.images);
        edges.map(|(node, image)| Ok(ImageEdge { node, cursor: self.cursor(ctx, image)? })).collect()
    }

    /// The images of the page without their cursors.
    async fn nodes(&self, ctx: &Context<'_>) -> Vec<Image> {
        Image::page(ctx, &self.page.images, ctx.look_ahead()).await
    }

    /// The position of the page in the list.
    #[expect(clippy::unused_async, reason = "the macro wants it")]
    async fn page_info(&self, ctx: &Context<'_>) -> Result<PageInfo, ApiError> {
        let cursor = |image: Option<&Arc<domain::image::Image>>| image.map(|image| self.cursor(ctx, image)).transpose();
        Ok(PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: cursor(self.page.images.first())?,
            end_cursor: cursor(self.page.images.last())?,
        })
    }

    /// The number of images on all pages together, counted only when this field is selected. With a search, tags or dates,
    /// at most 10,000 images are examined: beyond that, this is the number found among them, and `isTotalCountExact` is
    /// false.
    #[graphql(directive = cost::cost::apply(20))]
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(self.counted(ctx).await?.images))
    }

    /// Whether `totalCount` includes every image of the list. If not, there are at least that many.
    #[graphql(directive = cost::cost::apply(20))]
    async fn is_total_count_exact(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Ok(self.counted(ctx).await?.is_exact)
    }
}

impl ImageConnection {
    async fn counted(&self, ctx: &Context<'_>) -> Result<Counted, ApiError> {
        let library = &ctx.services().library;
        Ok(*self.total.get_or_try_init(|| library.count(ctx.caller(), &self.page.filter)).await?)
    }

    fn cursor(&self, ctx: &Context<'_>, image: &domain::image::Image) -> Result<String, ApiError> {
        Ok(ctx.services().library.cursor(self.page.order, image)?)
    }
}

impl ImageFilter {
    /// The filter, for the library to check.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(self) -> Result<FilterRequest> {
        Ok(FilterRequest {
            statuses: self.status.map(|statuses| statuses.into_iter().map(Into::into).collect()),
            category: self.category_id.as_ref().map(parse_id).transpose()?,
            search: self.search,
            tags: self.tags.unwrap_or_default(),
            created_from: self.created_from,
            created_to: self.created_to,
        })
    }
}

impl From<ImageOrder> for listing::ImageOrder {
    fn from(order: ImageOrder) -> Self {
        Self { field: order.field.into(), direction: order.direction.into() }
    }
}

/// From which end a client wants how many.
///
/// # Errors
/// `BAD_USER_INPUT` outside 1 to 100, or for both ends at once.
pub fn take(first: Option<i32>, last: Option<i32>) -> Result<Take> {
    match (first, last) {
        (None, None) => Ok(Take::First(DEFAULT_PAGE)),
        (Some(first), None) => Ok(Take::First(at_most("first", first, MAX_PAGE)?.into())),
        (None, Some(last)) => Ok(Take::Last(at_most("last", last, MAX_PAGE)?.into())),
        (Some(_), Some(_)) => Err(ApiError::bad_input("Ask for `first` or for `last`, not for both.")),
    }
}

/// A number of things that a client asked for.
///
/// # Errors
/// `BAD_USER_INPUT` outside 1 to `most`.
pub fn at_most(name: &str, number: i32, most: u16) -> Result<u16> {
    let within = u16::try_from(number).ok().filter(|number| (1..=most).contains(number));
    within.ok_or_else(|| ApiError::bad_input(format!("`{name}` is 1 to {most}.")))
}
