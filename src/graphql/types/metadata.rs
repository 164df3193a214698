//! What cameras wrote.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Description, Enum, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};

use crate::domain::{self, metadata::Metadata};
use crate::graphql::cost;

/// What the camera wrote into the file beside the picture.
#[derive(Description)]
pub struct ImageMetadata {
    pub metadata: Arc<Metadata>,
    /// Whether the location is for these eyes.
    pub shows_location: bool,
}

/// A place on Earth.
#[derive(SimpleObject)]
pub struct GeoPoint {
    /// In degrees, north positive. Example: `37.5665`.
    latitude: f64,
    /// In degrees, east positive. Example: `126.978`.
    longitude: f64,
}

/// What is left out of every variant, because it says more than the picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::metadata::Removed")]
pub enum RemovedMetadata {
    /// What the camera wrote.
    Exif,
    /// Where the picture was taken.
    Gps,
    /// What programs wrote.
    Xmp,
    /// What editors wrote.
    Iptc,
    /// What the colours meant: they are sRGB now.
    IccProfile,
}

#[Object(use_type_description)]
impl ImageMetadata {
    /// Who made the camera. Example: `"Apple"`.
    async fn camera_make(&self) -> Option<&str> {
        self.metadata.camera_make.as_deref()
    }

    /// Which camera it was. Example: `"iPhone 12"`.
    async fn camera_model(&self) -> Option<&str> {
        self.metadata.camera_model.as_deref()
    }

    /// When the picture was taken. Where the camera did not say how far its clock was from UTC, its clock is taken
    /// for UTC: see `takenAtOffset`.
    async fn taken_at(&self) -> Option<DateTime<Utc>> {
        self.metadata.taken_at.as_ref().map(|taken| taken.at)
    }

    /// How far the camera's clock was from UTC, where it said so. Example: `"+09:00"`.
    async fn taken_at_offset(&self) -> Option<&str> {
        self.metadata.taken_at.as_ref()?.offset.as_deref()
    }

    /// Where the picture was taken: for the owner's eyes alone, null for everybody else's. The original behind `url`
    /// is what was uploaded, and may say more; the variants say nothing.
    async fn location(&self) -> Option<GeoPoint> {
        let location = self.metadata.location.filter(|_| self.shows_location)?;
        Some(GeoPoint { latitude: location.latitude, longitude: location.longitude })
    }

    /// What the original has and the variants have not.
    #[graphql(directive = cost::cost::apply(2))]
    async fn removed(&self) -> Vec<RemovedMetadata> {
        self.metadata.removed.iter().copied().map(Into::into).collect()
    }

    /// What else is to be said of the variants, such as why an animation stands still in them.
    #[graphql(directive = cost::cost::apply(8))]
    async fn notes(&self) -> &[String] {
        &self.metadata.notes
    }

    /// Every EXIF tag that was read, by its standard name, as people read it; those of the location for the owner's
    /// eyes alone. Example: `{"FNumber": "f/1.6", "PhotographicSensitivity": "50"}`.
    #[graphql(directive = cost::cost::apply(40))]
    async fn exif(&self) -> Json<BTreeMap<&str, &str>> {
        let location = self.metadata.location_exif.iter().filter(|_| self.shows_location);
        Json(self.metadata.exif.iter().chain(location).map(|(tag, value)| (tag.as_str(), value.as_str())).collect())
    }
}
