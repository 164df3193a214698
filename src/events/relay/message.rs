//! What processes say to each other, as JSON. Versions overlap while servers are upgraded: fields are added, never renamed,
//! and what is not known is passed over.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    ids::{ImageId, UserId},
    variant::VariantName,
};

/// What happened to an image in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    pub image: ImageId,
    pub owner: UserId,
    /// The revision that it came to.
    pub revision: u64,
    /// The variant that was made ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_ready: Option<VariantName>,
    /// Whether those who watch the upload are to be told.
    #[serde(default)]
    pub is_news: bool,
    /// Whether something was added to the log.
    #[serde(default)]
    pub has_events: bool,
}

/// What is told together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Happened>,
    /// Whether jobs were enqueued.
    #[serde(default)]
    pub has_jobs: bool,
    /// Whether more happened than is told.
    #[serde(default)]
    pub(super) has_gap: bool,
}

/// What goes from one process to all.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub from: Uuid,
    #[serde(flatten)]
    pub hints: Hints,
}

impl Message {
    /// # Errors
    /// Never: names, numbers and ids can all be written.
    pub(super) fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
