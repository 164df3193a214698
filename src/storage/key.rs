//! The sole maker of object keys. Nothing that a client wrote goes into one.

use std::fmt;

use chrono::{DateTime, Utc};

use super::AssetPath;
use crate::domain::{
    category::Category,
    ids::{DataExportId, ImageId, UserId},
    image::Image,
    removal::DataExport,
    variant::{Variant, VariantFormat, VariantName},
};

/// The length of an id as text.
const ID_LENGTH: usize = 36;

/// Where an object lives in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StorageKey(String);

impl StorageKey {
    /// Uploads are behind this, and nothing else should be.
    pub const INCOMING: &'static str = "incoming/";
    /// Originals and variants are behind this, and nothing else should be.
    pub const IMAGES: &'static str = "images/";

    /// Copies of users' data are behind this.
    pub const EXPORTS: &'static str = "exports/";

    /// A front end's own files are behind this, and everybody may read them.
    pub const STATIC: &'static str = "static/";

    /// Where a front end's file is stored.
    pub fn asset(path: &AssetPath) -> Self {
        Self(format!("{}{}", Self::STATIC, path.as_str()))
    }

    /// A file of a copy of a user's data.
    pub fn of_export(export: &DataExport, number: usize) -> Self {
        Self(format!("{}{}/{number}.zip", Self::all_of_export(export.id), export.secret))
    }

    /// What the keys of all files of a copy begin with, also when its row is gone.
    pub fn all_of_export(export: DataExportId) -> String {
        format!("{}{export}/", Self::EXPORTS)
    }

    /// A key that the storage told of.
    pub fn listed(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The image that the object would belong to, by its name.
    pub fn image(&self) -> Option<ImageId> {
        self.0.rsplit('/').next()?.get(..ID_LENGTH)?.parse().ok()
    }

    /// Of a variant, how often its image was made anew before.
    pub fn generation(&self) -> u32 {
        let mut parts = self.0.rsplit('/').next().unwrap_or_default().split('.').skip(1);
        parts.next().filter(|_| parts.next().is_some()).and_then(|part| part.parse().ok()).unwrap_or(0)
    }

    /// Where an upload lands. Whatever is left here is an orphan.
    pub fn incoming(image: ImageId) -> Self {
        Self(format!("{}{image}", Self::INCOMING))
    }

    /// Where a completed original lives.
    pub fn original(image: &Image) -> Self {
        Self(image.file_key.clone())
    }

    /// Where a variant lives.
    pub fn of_variant(image: &Image, variant: &Variant) -> Self {
        Self::variant(image, &variant.name, variant.generation, variant.format)
    }

    /// Where a variant would live: beside its original, each time that it is made anew under another name.
    pub fn variant(image: &Image, name: &VariantName, generation: u32, format: VariantFormat) -> Self {
        let stem = Self::all_of(image);
        let generation = if generation == 0 { String::new() } else { format!(".{generation}") };
        Self(format!("{stem}_{name}{generation}.{}", format.extension()))
    }

    /// What the keys of an original and of all that was ever made of it begin with.
    pub fn all_of(image: &Image) -> String {
        image.file_key.rsplit_once('.').map_or(image.file_key.as_str(), |(stem, _)| stem).to_owned()
    }

    /// The `fileKey` of a new image: `images/{category}/{owner}/{yyyy}/{mm}/{dd}/{id}.{ext}`.
    pub fn for_new(
        category: &Category,
        owner: UserId,
        id: ImageId,
        created_at: DateTime<Utc>,
        extension: &'static str,
    ) -> String {
        format!("{}{}/{owner}/{}/{id}.{extension}", Self::IMAGES, category.slug, created_at.format("%Y/%m/%d"))
    }

    /// The image whose upload lands at this key.
    pub fn image_of_incoming(key: &str) -> Option<ImageId> {
        key.strip_prefix(Self::INCOMING)?.parse().ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
