//! Statistics.

use async_graphql::{Context, Description, Object, Result, SimpleObject};

use super::{
    category::Category,
    connection::at_most,
    image::Image,
    scalars::{ByteSize, int},
    status::ImageStatus,
};
use crate::{
    domain::{self, stats::Stats},
    graphql::{FromContext, cost, error::ApiError, loaders},
};

/// Statistics of the caller's images, without the trash. They are read from counters, so their cost does not grow with
/// the number of images.
#[derive(Description)]
pub struct ImageStats(pub Stats);

/// The number and the size of the images in one category.
#[derive(Description)]
pub struct CategoryStats(domain::stats::CategoryStats);

/// The number and the size of the images in one status.
#[derive(SimpleObject)]
pub struct StatusStats {
    /// The status of these images.
    status: ImageStatus,
    /// The number of images.
    count: i32,
    /// The size of the stored originals in bytes. Unfinished uploads count as zero.
    total_size: ByteSize,
}

/// The number and the size of the images of one day.
#[derive(SimpleObject)]
pub struct DayStats {
    /// The date in UTC as YYYY-MM-DD. Example: `"2026-11-20"`.
    day: String,
    /// The number of images whose tickets were issued on that day, without those deleted since.
    count: i32,
    /// The size of the stored originals in bytes. Unfinished uploads count as zero.
    total_size: ByteSize,
}

/// A tag and the number of images that have it.
#[derive(SimpleObject)]
pub struct TagCount {
    /// The tag.
    tag: String,
    /// The number of COMPLETED images that have the tag.
    count: i32,
}

#[Object(use_type_description)]
impl ImageStats {
    /// The number of images in any status.
    async fn total_images(&self) -> i32 {
        int(self.0.total().images)
    }

    /// The size of the stored originals in bytes. Unfinished uploads count as zero.
    async fn total_size(&self) -> ByteSize {
        ByteSize(self.0.total().bytes)
    }

    /// The images by category, the largest category first. Categories without images are left out.
    #[graphql(directive = cost::list_size::apply(20, None, None))]
    async fn by_category(&self) -> Vec<CategoryStats> {
        self.0.by_category().into_iter().map(CategoryStats).collect()
    }

    /// The images by status. Statuses without images are included.
    #[graphql(directive = cost::list_size::apply(6, None, None))]
    async fn by_status(&self) -> Vec<StatusStats> {
        let stats = self.0.by_status().into_iter().map(|stats| StatusStats {
            status: stats.status.into(),
            count: int(stats.total.images),
            total_size: ByteSize(stats.total.bytes),
        });
        stats.collect()
    }

    /// The images by the day of their tickets, the oldest day first. Days without uploads are included.
    #[graphql(directive = cost::list_size::apply(30, cost::names(["days"]), None))]
    async fn by_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of days up to today: 1 to 366.", default = 30)] days: i32,
    ) -> Result<Vec<DayStats>> {
        let days = at_most("days", days, 366)?;
        let found = ctx.services().library.stats_by_day(ctx.caller(), days).await.map_err(ApiError::from)?;
        let stats = found.into_iter().map(|count| DayStats {
            day: count.day.to_string(),
            count: int(count.total.images),
            total_size: ByteSize(count.total.bytes),
        });
        Ok(stats.collect())
    }

    /// The latest images in any status.
    #[graphql(directive = cost::cost::apply(100), directive = cost::list_size::apply(5, cost::names(["first"]), None))]
    async fn recent_uploads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of items to return: 1 to 100.", default = 5)] first: i32,
    ) -> Result<Vec<Image>> {
        let first = at_most("first", first, 100)?.into();
        let recent = ctx.services().library.recent(ctx.caller(), first).await.map_err(ApiError::from)?;
        Ok(Image::all_of(&recent).collect())
    }
}

#[Object(use_type_description)]
impl CategoryStats {
    /// The category.
    async fn category(&self, ctx: &Context<'_>) -> Result<Category, ApiError> {
        let category = loaders::load(ctx, self.0.category).await?;
        Ok(Category(loaders::present(category, "category")?))
    }

    /// The number of images.
    async fn count(&self) -> i32 {
        int(self.0.total.images)
    }

    /// The size of the stored originals in bytes. Unfinished uploads count as zero.
    async fn total_size(&self) -> ByteSize {
        ByteSize(self.0.total.bytes)
    }
}

impl From<domain::stats::TagCount> for TagCount {
    fn from(found: domain::stats::TagCount) -> Self {
        Self { tag: found.tag, count: int(found.images) }
    }
}
