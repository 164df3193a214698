//! What cameras wrote.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Description, Enum, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};

use crate::domain::{
    self,
    metadata::{Metadata, Suggested},
};
use crate::graphql::cost;

/// The metadata that the camera wrote into the file.
#[derive(Description)]
pub struct ImageMetadata {
    pub metadata: Arc<Metadata>,
    /// Whether the location is for these eyes.
    pub shows_location: bool,
}

/// A location on Earth.
#[derive(SimpleObject)]
pub struct GeoPoint {
    /// The latitude in degrees, positive to the north. Example: `37.5665`.
    latitude: f64,
    /// The longitude in degrees, positive to the east. Example: `126.978`.
    longitude: f64,
}

/// Details of an image, as its file suggests them. They are cut off at the lengths that `updateImage` accepts.
#[derive(SimpleObject)]
pub struct SuggestedDetails {
    /// The title: `dc:title` of XMP, or the object name of IPTC.
    title: Option<String>,
    /// The description: `dc:description` of XMP, or the caption of IPTC.
    description: Option<String>,
    /// The keywords, at most 50: `dc:subject` of XMP, or the keywords of IPTC. Example: `["sea", "sun"]`.
    keywords: Vec<String>,
    /// The rights: `dc:rights` of XMP, or the copyright notice of IPTC. Example: `"© 2026 Ann Example"`.
    rights: Option<String>,
}

impl From<Suggested> for SuggestedDetails {
    fn from(Suggested { title, description, keywords, rights }: Suggested) -> Self {
        Self { title, description, keywords, rights }
    }
}

/// The kinds of metadata that are removed from every variant, because they reveal more than the picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::metadata::Removed")]
pub enum RemovedMetadata {
    /// The metadata of the camera.
    Exif,
    /// The location at which the picture was taken.
    Gps,
    /// The metadata of image editing programs.
    Xmp,
    /// The metadata of news and photo editors.
    Iptc,
    /// The colour profile: variants are converted to sRGB.
    IccProfile,
}

#[Object(use_type_description)]
impl ImageMetadata {
    /// The manufacturer of the camera. Example: `"Apple"`.
    async fn camera_make(&self) -> Option<&str> {
        self.metadata.camera_make.as_deref()
    }

    /// The model of the camera. Example: `"iPhone 12"`.
    async fn camera_model(&self) -> Option<&str> {
        self.metadata.camera_model.as_deref()
    }

    /// The time at which the picture was taken. If the camera did not record its offset from UTC, its local time is
    /// interpreted as UTC: see `takenAtOffset`.
    async fn taken_at(&self) -> Option<DateTime<Utc>> {
        self.metadata.taken_at.as_ref().map(|taken| taken.at)
    }

    /// The offset of the camera's clock from UTC. Null if the camera did not record it. Example: `"+09:00"`.
    async fn taken_at_offset(&self) -> Option<&str> {
        self.metadata.taken_at.as_ref()?.offset.as_deref()
    }

    /// The location at which the picture was taken. Null for everybody except the owner. The original behind `url` is
    /// the file as it was uploaded and may contain the location; the variants do not.
    async fn location(&self) -> Option<GeoPoint> {
        let location = self.metadata.location.filter(|_| self.shows_location)?;
        Some(GeoPoint { latitude: location.latitude, longitude: location.longitude })
    }

    /// The metadata of the original that was removed from the variants.
    #[graphql(directive = cost::cost::apply(2))]
    async fn removed(&self) -> Vec<RemovedMetadata> {
        self.metadata.removed.iter().copied().map(Into::into).collect()
    }

    /// The details that people wrote into the file, in XMP or IPTC: suggestions for a form. The server does not copy them to
    /// the details of the image. Null if the file says nothing, and for everybody except the owner.
    #[graphql(directive = cost::cost::apply(20))]
    async fn suggested(&self) -> Option<SuggestedDetails> {
        let suggested = Some(&self.metadata.suggested).filter(|_| self.shows_location);
        suggested.filter(|suggested| **suggested != Suggested::default()).cloned().map(Into::into)
    }

    /// Notes about the variants, for example the reason why the variants of an animation are still images.
    #[graphql(directive = cost::cost::apply(8))]
    async fn notes(&self) -> &[String] {
        &self.metadata.notes
    }

    /// The EXIF tags by their standard names, in human-readable form. Location tags are visible to the owner only.
    /// Example: `{"FNumber": "f/1.6", "PhotographicSensitivity": "50"}`.
    #[graphql(directive = cost::cost::apply(130))]
    async fn exif(&self) -> Json<BTreeMap<&str, &str>> {
        let location = self.metadata.location_exif.iter().filter(|_| self.shows_location);
        Json(self.metadata.exif.iter().chain(location).map(|(tag, value)| (tag.as_str(), value.as_str())).collect())
    }
}
