//! Lists of images: which of them, in which order, and from where on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ids::{CategoryId, ImageId},
    image::{Image, ImageStatus},
    search::{SearchFilter, sort_key},
};

/// Which images are listed. All of it has to apply.
#[derive(Debug, Clone)]
pub struct ImageFilter {
    /// In any of these states.
    pub statuses: Vec<ImageStatus>,
    pub category: Option<CategoryId>,
    pub search: SearchFilter,
    /// Inclusive.
    pub created_from: Option<DateTime<Utc>>,
    /// Inclusive.
    pub created_to: Option<DateTime<Utc>>,
}

impl ImageFilter {
    /// Whether what passes has to be looked for, rather than read off an index in its order.
    pub fn may_take_long(&self) -> bool {
        !self.search.is_open() || self.created_from.is_some() || self.created_to.is_some()
    }

    /// Everything in these states.
    pub fn of(statuses: &[ImageStatus]) -> Self {
        Self {
            statuses: statuses.to_vec(),
            category: None,
            search: SearchFilter::default(),
            created_from: None,
            created_to: None,
        }
    }
}

/// How many images a list has, as far as they were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub images: u64,
    /// Whether these are all. Otherwise there are at least as many.
    pub is_exact: bool,
}

/// What a list goes by; the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOrder {
    #[serde(rename = "f")]
    pub field: OrderField,
    #[serde(rename = "d")]
    pub direction: Direction,
}

impl ImageOrder {
    /// The latest ticket first.
    pub const NEWEST: Self = Self { field: OrderField::CreatedAt, direction: Direction::Desc };

    /// The same list from its other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        let direction = match self.direction {
            Direction::Asc => Direction::Desc,
            Direction::Desc => Direction::Asc,
        };
        Self { direction, ..self }
    }
}

/// What images are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderField {
    #[serde(rename = "c")]
    CreatedAt,
    #[serde(rename = "s")]
    FileSize,
    #[serde(rename = "t")]
    Title,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    #[serde(rename = "a")]
    Asc,
    #[serde(rename = "d")]
    Desc,
}

/// A place between the images of a list: behind this key and this id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    #[serde(rename = "k")]
    pub key: PositionKey,
    #[serde(rename = "i")]
    pub id: ImageId,
}

/// What an image has of its order's field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PositionKey {
    #[serde(rename = "c")]
    CreatedAt(DateTime<Utc>),
    #[serde(rename = "s")]
    FileSize(u64),
    #[serde(rename = "t")]
    Title(String),
}

impl Position {
    /// Where an image stands in a list that goes by this field.
    pub fn of(image: &Image, field: OrderField) -> Self {
        let key = match field {
            OrderField::CreatedAt => PositionKey::CreatedAt(image.created_at),
            OrderField::FileSize => PositionKey::FileSize(image.file_size()),
            OrderField::Title => PositionKey::Title(sort_key(&image.details.title)),
        };
        Self { key, id: image.id }
    }

    /// Whether it is a place in lists that go by this field.
    pub const fn is_of(&self, field: OrderField) -> bool {
        matches!(
            (&self.key, field),
            (PositionKey::CreatedAt(_), OrderField::CreatedAt)
                | (PositionKey::FileSize(_), OrderField::FileSize)
                | (PositionKey::Title(_), OrderField::Title)
        )
    }
}
