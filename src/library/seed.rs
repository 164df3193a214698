//! Plausible images by the thousand, for demos and measurements: rows alone, without objects.

use chrono::{DateTime, TimeDelta, Utc};

use super::Library;
use crate::{
    db,
    domain::{
        category::{Category, CategoryChange},
        details::Details,
        error::ServiceResult,
        filename::Filename,
        format::ImageFormat,
        ids::{CategoryId, ImageId, UserId},
        image::{Facts, Image, Original, UploadState},
        variant::{Variant, VariantFormat, VariantType},
        variant_spec::VariantSpec,
    },
    storage::StorageKey,
};

/// As many rows go in one statement.
const CHUNK: u32 = 500;
const SPREAD: TimeDelta = TimeDelta::days(730);
const PLACEHOLDER: &str = "3OcRJYB4d3h/iIeHeEh3eIhw+j2w";
const DOMINANT_COLOUR: &str = "#5a7d4c";
const CATEGORIES: [&str; 5] = ["Landscapes", "Portraits", "Products", "Architecture", "Food"];
const QUALITIES: [&str; 20] = [
    "Quiet", "Golden", "Misty", "Bright", "Frozen", "Crowded", "Old", "Hidden", "Windy", "Blue", "Rainy", "Distant",
    "Narrow", "Warm", "Endless", "Broken", "Painted", "Early", "Late", "Sunlit",
];
const SUBJECTS: [&str; 25] = [
    "harbour",
    "mountain",
    "street",
    "market",
    "bridge",
    "forest",
    "kitchen",
    "window",
    "garden",
    "river",
    "tower",
    "café",
    "station",
    "beach",
    "library",
    "temple",
    "field",
    "island",
    "stairs",
    "courtyard",
    "lighthouse",
    "valley",
    "서울",
    "tram",
    "rooftop",
];
const TAGS: [&str; 16] = [
    "travel",
    "nature",
    "city",
    "night",
    "summer",
    "winter",
    "people",
    "food",
    "water",
    "light",
    "shadow",
    "colour",
    "black-and-white",
    "family",
    "work",
    "여행",
];
/// What a description may have in it: each in one of so many images.
const RARITIES: [(u64, &str); 5] =
    [(10, "bicycle"), (100, "umbrella"), (500, "hedgehog"), (2000, "rainbow"), (10_000, "comet")];
const SIZES: [(u32, u32); 4] = [(4032, 3024), (3024, 4032), (6000, 4000), (1920, 1080)];

/// Draws from short lists, differently for each image and each purpose, and the same in every run.
#[derive(Clone, Copy)]
struct Draw(u64);

impl Draw {
    fn number(self, purpose: u64, below: u64) -> u64 {
        let mixed = (self.0 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(purpose.wrapping_mul(0xBF58_476D));
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 29)) % below.max(1)
    }

    fn of<T: Copy, const N: usize>(self, purpose: u64, list: [T; N]) -> T {
        list[usize::try_from(self.number(purpose, N as u64)).unwrap_or(0)]
    }
}

impl Library {
    /// Adds so many completed images to what a user has, with their dates over the last two years.
    ///
    /// # Errors
    /// When the database does not answer; what was added until then stays.
    pub async fn seed(&self, owner: UserId, images: u32) -> ServiceResult<()> {
        let plausible = self.plausible(owner, images).await?;
        for first in (0..images).step_by(CHUNK as usize) {
            let made: Vec<Image> = (first..images.min(first + CHUNK)).map(&plausible).collect();
            self.add_images(&made).await?;
        }
        Ok(self.inner.db.analyze().await?)
    }

    /// So many completed images, oldest first, that are not kept yet.
    pub async fn plausible_images(&self, owner: UserId, images: u32) -> ServiceResult<Vec<Image>> {
        let plausible = self.plausible(owner, images).await?;
        Ok((0..images).map(plausible).collect())
    }

    /// Adds completed images as they are, with all of their variants; at most 1000.
    ///
    /// # Errors
    /// When the database does not answer; then none is added.
    pub async fn add_images(&self, images: &[Image]) -> ServiceResult<()> {
        let variants: Vec<(ImageId, Variant)> = images.iter().flat_map(variants_of).collect();
        self.inner.changes.add_completed(images, &variants).await
    }

    /// Makes each of so many images by its number.
    async fn plausible(&self, owner: UserId, images: u32) -> ServiceResult<impl Fn(u32) -> Image> {
        let categories = self.seed_categories().await?;
        let begin = self.inner.clock.now() - SPREAD;
        let step = SPREAD / i32::try_from(images.max(1)).unwrap_or(i32::MAX);
        let clock = self.inner.clock.clone();
        Ok(move |number: u32| {
            let created_at = begin + step * i32::try_from(number).unwrap_or(i32::MAX);
            let category = &categories[usize::try_from(number).unwrap_or(0) % categories.len()];
            image_of(ImageId(clock.id_of(created_at)), owner, category, number, created_at)
        })
    }

    async fn seed_categories(&self) -> ServiceResult<Vec<Category>> {
        let known = db::categories::list(self.inner.db.conn(), true).await?;
        let mut categories = Vec::new();
        for name in CATEGORIES {
            if let Some(found) = known.iter().find(|category| category.name.eq_ignore_ascii_case(name)) {
                categories.push(found.clone());
                continue;
            }
            let (id, now) = (CategoryId(self.inner.clock.new_id()), self.inner.clock.now());
            let slug = self.free_slug(id, name).await?;
            let mut category = Category::new(id, slug, self.inner.rules.max_upload_size, now);
            let change = CategoryChange { name: Some(name.to_owned()), ..CategoryChange::default() };
            category.apply(change, self.inner.rules.max_upload_size)?;
            if db::categories::insert(self.inner.db.conn(), &category).await? == db::Saved::Done {
                categories.push(category);
            }
        }
        Ok(categories)
    }
}

fn image_of(id: ImageId, owner: UserId, category: &Category, number: u32, created_at: DateTime<Utc>) -> Image {
    let draw = Draw(number.into());
    let (width, height) = draw.of(1, SIZES);
    let (quality, subject) = (draw.of(2, QUALITIES), draw.of(3, SUBJECTS));
    let mut tags: Vec<String> = (4..7).map(|purpose| draw.of(purpose, TAGS).to_owned()).collect();
    tags.sort_unstable();
    tags.dedup();
    let size = 800_000 + draw.number(7, 8_000_000);
    let seen = (8..).zip(RARITIES).filter(|(purpose, (every, _))| draw.number(*purpose, *every) == 0);
    let seen: Vec<String> = seen.map(|(_, (_, rarity))| format!(" With a {rarity}.")).collect();
    Image {
        generation: 0,
        id,
        owner,
        category: category.id,
        filename: Filename::stored(format!("IMG_{number:06}.jpg")),
        format: ImageFormat::Jpeg.into(),
        declared_size: size,
        file_key: StorageKey::for_new(category, owner, id, created_at, "jpg"),
        details: Details {
            title: format!("{quality} {subject} {number}"),
            description: format!("A {} {subject}, seen on a walk.{}", quality.to_lowercase(), seen.concat()),
            alt_text: format!("A {subject}"),
            tags,
        },
        state: UploadState::Completed {
            original: Original { size, etag: format!("\"{:032x}\"", id.0.as_u128()) },
            facts: Facts {
                width,
                height,
                placeholder: PLACEHOLDER.to_owned(),
                dominant_colour: Some(DOMINANT_COLOUR.to_owned()),
                is_animated: false,
            },
        },
        revision: 9,
        upload_started_at: Some(created_at),
        upload_completed_at: Some(created_at),
        created_at,
        updated_at: created_at,
    }
}

fn variants_of(image: &Image) -> Vec<(ImageId, Variant)> {
    let (width, height) = image.facts().map_or((1, 1), |facts| (facts.width, facts.height));
    let variant = |kind: VariantType| {
        let spec = VariantSpec::from(kind);
        let longest = width.max(height);
        let side = spec.bounds.map_or(longest, |bounds| bounds.sides().0).min(longest);
        let scaled = |length: u32| (length * side / longest).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let file_size = u64::from(width) * u64::from(height) / 8 + 200;
        let settings = Some(spec.settings());
        let (name, format) = (spec.name, VariantFormat::WebP);
        (
            image.id,
            Variant { name, format, generation: 0, width, height, file_size, created_at: image.created_at, settings },
        )
    };
    VariantType::ALL.map(variant).to_vec()
}
