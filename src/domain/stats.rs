//! Counts, and what they say together.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::NaiveDate;

use super::{ids::CategoryId, image::ImageStatus};

/// What the caller has, but for the trash.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    counts: Vec<Count>,
}

/// An owner's images of one category and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub category: CategoryId,
    pub status: ImageStatus,
    pub total: Total,
}

/// An owner's images of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// In UTC, of the ticket.
    pub day: NaiveDate,
    pub total: Total,
}

/// A tag, and how many completed images have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCount {
    pub tag: String,
    pub images: u64,
}

/// Images and their bytes in the storage; unfinished uploads have none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    pub images: u64,
    pub bytes: u64,
}

/// The images of one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategoryStats {
    pub category: CategoryId,
    pub total: Total,
}

/// The images of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusStats {
    pub status: ImageStatus,
    pub total: Total,
}

impl Total {
    fn of<'a>(counts: impl Iterator<Item = &'a Count>) -> Self {
        counts.fold(Self::default(), |total, count| Self {
            images: total.images + count.total.images,
            bytes: total.bytes + count.total.bytes,
        })
    }
}

impl Stats {
    /// Statistics of these counts.
    pub const fn of(counts: Vec<Count>) -> Self {
        Self { counts }
    }

    /// Everything together.
    pub fn total(&self) -> Total {
        Total::of(self.counts.iter())
    }

    /// By category, those of most images first; empty ones are left out.
    pub fn by_category(&self) -> Vec<CategoryStats> {
        let mut categories: BTreeMap<CategoryId, Vec<&Count>> = BTreeMap::new();
        for count in &self.counts {
            categories.entry(count.category).or_default().push(count);
        }
        let total = |counts: Vec<&Count>| Total::of(counts.into_iter());
        let stats = categories.into_iter().map(|(category, counts)| CategoryStats { category, total: total(counts) });
        let mut stats: Vec<CategoryStats> = stats.filter(|stats| stats.total.images > 0).collect();
        stats.sort_by_key(|stats| Reverse(stats.total.images));
        stats
    }

    /// By status, in the order of an image's life; those without images are there too.
    pub fn by_status(&self) -> Vec<StatusStats> {
        let of = |status| Total::of(self.counts.iter().filter(|count| count.status == status));
        ImageStatus::VISIBLE.into_iter().map(|status| StatusStats { status, total: of(status) }).collect()
    }
}
