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

/// What the caller has, but for the trash. The same effort for ten images as for a million.
#[derive(Description)]
pub struct ImageStats(pub Stats);

/// The images of one category.
#[derive(Description)]
pub struct CategoryStats(domain::stats::CategoryStats);

/// The images of one status.
#[derive(SimpleObject)]
pub struct StatusStats {
    /// Where these images are in their life.
    status: ImageStatus,
    /// How many there are.
    count: i32,
    /// In bytes, of the originals in the storage: unfinished uploads have none.
    total_size: ByteSize,
}

/// The images of one day.
#[derive(SimpleObject)]
pub struct DayStats {
    /// YYYY-MM-DD, in UTC. Example: `"2026-11-20"`.
    day: String,
    /// How many tickets were issued, but for images that were deleted since.
    count: i32,
    /// In bytes, of the originals in the storage: unfinished uploads have none.
    total_size: ByteSize,
}

/// A tag, for completion while it is typed.
#[derive(SimpleObject)]
pub struct TagCount {
    /// The tag.
    tag: String,
    /// How many COMPLETED images have it.
    count: i32,
}

#[Object(use_type_description)]
impl ImageStats {
    /// How many there are, in whatever status.
    async fn total_images(&self) -> i32 {
        int(self.0.total().images)
    }

    /// In bytes, of the originals in the storage: unfinished uploads have none.
    async fn total_size(&self) -> ByteSize {
        ByteSize(self.0.total().bytes)
    }

    /// By category, those of most images first; categories without images are left out.
    #[graphql(directive = cost::list_size::apply(20, None, None))]
    async fn by_category(&self) -> Vec<CategoryStats> {
        self.0.by_category().into_iter().map(CategoryStats).collect()
    }

    /// By status, those without images included.
    #[graphql(directive = cost::list_size::apply(6, None, None))]
    async fn by_status(&self) -> Vec<StatusStats> {
        let stats = self.0.by_status().into_iter().map(|stats| StatusStats {
            status: stats.status.into(),
            count: int(stats.total.images),
            total_size: ByteSize(stats.total.bytes),
        });
        stats.collect()
    }

    /// By the day of the ticket, up to today, oldest first, days without uploads included.
    #[graphql(directive = cost::list_size::apply(30, cost::names(["days"]), None))]
    async fn by_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many days: 1 to 366.", default = 30)] days: i32,
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

    /// The latest images, whatever became of them.
    #[graphql(directive = cost::cost::apply(100), directive = cost::list_size::apply(5, cost::names(["first"]), None))]
    async fn recent_uploads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default = 5)] first: i32,
    ) -> Result<Vec<Image>> {
        let first = at_most("first", first, 100)?.into();
        let recent = ctx.services().library.recent(ctx.caller(), first).await.map_err(ApiError::from)?;
        Ok(Image::all_of(&recent).collect())
    }
}

#[Object(use_type_description)]
impl CategoryStats {
    /// Which category.
    async fn category(&self, ctx: &Context<'_>) -> Result<Category, ApiError> {
        let category = loaders::load(ctx, self.0.category).await?;
        Ok(Category(loaders::present(category, "category")?))
    }

    /// How many there are.
    async fn count(&self) -> i32 {
        int(self.0.total.images)
    }

    /// In bytes, of the originals in the storage: unfinished uploads have none.
    async fn total_size(&self) -> ByteSize {
        ByteSize(self.0.total.bytes)
    }
}

impl From<domain::stats::TagCount> for TagCount {
    fn from(found: domain::stats::TagCount) -> Self {
        Self { tag: found.tag, count: int(found.images) }
    }
}
