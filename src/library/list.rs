//! Lists: pages of the caller's images in either direction, and of the trash.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};

use super::Library;
use crate::{
    db::{self, listing::Page},
    domain::{
        access::Scope,
        caller::Caller,
        details::{MAX_TAG_CHARS, MAX_TAGS},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::CategoryId,
        image::{Image, ImageStatus},
        listing::{Counted, ImageFilter, ImageOrder, Position},
        search::SearchFilter,
    },
};

const MAX_SEARCH: usize = 200;

/// Which images, as a client says it.
#[derive(Debug, Clone, Default)]
pub struct FilterRequest {
    /// `None` is COMPLETED.
    pub statuses: Option<Vec<ImageStatus>>,
    pub category: Option<CategoryId>,
    /// A part of title, description or filename, in any case.
    pub search: Option<String>,
    /// All of them.
    pub tags: Vec<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

/// From which end of a list to take how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    First(u64),
    Last(u64),
}

/// Which page, as a client says it.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub filter: FilterRequest,
    pub order: ImageOrder,
    pub take: Take,
    /// A cursor: only what is behind it.
    pub after: Option<String>,
    /// A cursor: only what is before it.
    pub before: Option<String>,
}

/// A page of images.
#[derive(Debug, Clone)]
pub struct ImagePage {
    pub images: Vec<Arc<Image>>,
    pub order: ImageOrder,
    pub filter: ImageFilter,
    pub has_next: bool,
    pub has_previous: bool,
}

impl Library {
    /// A page of the caller's own images.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller; a refusal of a filter or a cursor that cannot be.
    pub async fn images(&self, caller: &Caller, request: PageRequest) -> ServiceResult<ImagePage> {
        let scope = Scope::of(caller)?;
        let filter = check(request.filter)?;
        let order = request.order;
        let position = |field, cursor: Option<String>| {
            cursor.map(|cursor| self.inner.cursors.check(field, order, &cursor)).transpose()
        };
        let bounds = (position("after", request.after)?, position("before", request.before)?);
        self.page(scope, filter, order, request.take, bounds).await
    }

    /// A page of what the caller deleted and can still restore, the latest tickets first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller; a refusal of a cursor that cannot be.
    pub async fn trash(&self, caller: &Caller, take: Take, after: Option<String>) -> ServiceResult<ImagePage> {
        let scope = Scope::of(caller)?;
        let order = ImageOrder::NEWEST;
        let after = after.map(|cursor| self.inner.cursors.check("after", order, &cursor)).transpose()?;
        let filter = ImageFilter::of(&[ImageStatus::Trashed]);
        self.page(scope, filter, order, take, (after, None)).await
    }

    /// The caller's latest images, whatever became of them.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn recent(&self, caller: &Caller, first: u64) -> ServiceResult<Vec<Arc<Image>>> {
        let filter = ImageFilter::of(&ImageStatus::VISIBLE);
        let page = self.page(Scope::of(caller)?, filter, ImageOrder::NEWEST, Take::First(first), (None, None));
        Ok(page.await?.images)
    }

    /// How many images all pages have together: all of them, or at least so many.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn count(&self, caller: &Caller, filter: &ImageFilter) -> ServiceResult<Counted> {
        let scope = Scope::of(caller)?;
        if !filter.may_take_long() {
            return Ok(db::listing::count(self.inner.db.conn(), scope, filter).await?);
        }
        let read = self.inner.db.slow_read(scope.owner()).await?;
        let count = db::listing::count(read.conn()?, scope, filter).await?;
        read.finish();
        Ok(count)
    }

    /// What to give as `after` or `before` to go on from an image.
    ///
    /// # Errors
    /// Never for an image of a page in this order.
    pub fn cursor(&self, order: ImageOrder, image: &Image) -> ServiceResult<String> {
        self.inner.cursors.sign(order, &Position::of(image, order.field))
    }

    async fn page(
        &self,
        scope: Scope,
        filter: ImageFilter,
        order: ImageOrder,
        take: Take,
        (after, before): (Option<Position>, Option<Position>),
    ) -> ServiceResult<ImagePage> {
        // The last of a list are the first of it the other way round.
        let (count, walked, behind, until) = match take {
            Take::First(first) => (first, order, after.as_ref(), before.as_ref()),
            Take::Last(last) => (last, order.reversed(), before.as_ref(), after.as_ref()),
        };
        // One more than asked for tells of more.
        let page = Page { scope, filter: &filter, order: walked, after: behind, before: until, limit: count + 1 };
        let mut images = self.read(page).await?;
        let has_more = images.len() as u64 > count;
        images.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        let (has_next, has_previous) = match take {
            Take::First(_) => (has_more, after.is_some()),
            Take::Last(_) => {
                images.reverse();
                (before.is_some(), has_more)
            }
        };
        let images = images.into_iter().map(Arc::new).collect();
        Ok(ImagePage { images, order, filter, has_next, has_previous })
    }

    async fn read(&self, page: Page<'_>) -> ServiceResult<Vec<Image>> {
        if !page.filter.may_take_long() {
            return Ok(db::listing::page(self.inner.db.conn(), page).await?);
        }
        let read = self.inner.db.slow_read(page.scope.owner()).await?;
        let images = db::listing::page(read.conn()?, page).await?;
        read.finish();
        Ok(images)
    }
}

/// The filter, if it can be. The deleted are seen by nobody, whatever was asked for.
fn check(request: FilterRequest) -> Result<ImageFilter, Refusal> {
    let refuse = |field, why: &str| Err(Refusal::on(field, UserErrorCode::InvalidValue, why));
    let search = request.search.unwrap_or_default();
    if search.contains('\0') || search.chars().count() > MAX_SEARCH {
        return refuse("search", "`search` has at most 200 characters, without NUL.");
    }
    let cannot_be = |tag: &String| {
        let tag = tag.trim();
        tag.is_empty() || tag.chars().count() > MAX_TAG_CHARS || tag.chars().any(char::is_control)
    };
    if request.tags.len() > MAX_TAGS || request.tags.iter().any(cannot_be) {
        return refuse("tags", "`tags` has at most 50 items of 1 to 50 characters, without control characters.");
    }
    for (field, date) in [("createdFrom", request.created_from), ("createdTo", request.created_to)] {
        if date.is_some_and(|date| !(1..=9999).contains(&date.year())) {
            return refuse(field, "A date must be between the years 1 and 9999.");
        }
    }
    let asked_for = request.statuses.unwrap_or_else(|| vec![ImageStatus::Completed]);
    Ok(ImageFilter {
        // Each once, however often it was named.
        statuses: ImageStatus::VISIBLE.into_iter().filter(|status| asked_for.contains(status)).collect(),
        category: request.category,
        search: SearchFilter::new(&search, &request.tags),
        created_from: request.created_from,
        created_to: request.created_to,
    })
}
