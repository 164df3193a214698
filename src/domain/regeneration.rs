//! Making images anew that were made by other settings, or by an older version: which of them, and how far it has come.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    fingerprint::Fingerprint,
    format::ImageFormat,
    ids::{ImageId, RegenerationId, UserId},
    image::{Facts, Image},
    metadata::Metadata,
    variant::Variant,
    variant_spec::{VariantSet, VariantSpec},
};

/// Which completed images are examined, and what of them is out of date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegenerationFilter {
    /// Of one owner alone.
    pub owner: Option<UserId>,
    /// Of one format alone.
    pub format: Option<ImageFormat>,
    /// Variants made before are out of date, whatever they were made with.
    pub made_before: Option<DateTime<Utc>>,
}

/// A run through the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regeneration {
    pub id: RegenerationId,
    pub state: RegenerationState,
    pub filter: RegenerationFilter,
    /// The last image that was examined: they are examined in the order of their ids.
    pub examined_through: Option<ImageId>,
    /// How many images there were to examine when it began.
    pub total: u64,
    pub tally: Tally,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegenerationState {
    Running,
    Finished,
    Cancelled,
}

/// What became of the images that were examined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub examined: u64,
    /// Of these, those that were out of date and were made anew.
    pub remade: u64,
    /// Of these, those that could not be made anew and stay as they are.
    pub failed: u64,
}

impl RegenerationState {
    const ALL: [Self; 3] = [Self::Running, Self::Finished, Self::Cancelled];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl RegenerationFilter {
    /// The variants of an image that are missing, were made with other settings, or too long ago.
    pub fn outdated<'a>(
        &'a self,
        variants: &'a [Variant],
        set: &'a VariantSet,
    ) -> impl Iterator<Item = &'a VariantSpec> {
        let is_current = |spec: &VariantSpec| {
            let made = variants.iter().find(|variant| variant.name == spec.name);
            made.is_some_and(|made| set.made(made) && self.made_before.is_none_or(|before| made.created_at >= before))
        };
        set.iter().filter(move |spec| !is_current(spec))
    }
}

impl Tally {
    /// Counts one more image that was examined.
    pub const fn count(&mut self, outcome: Remade) {
        self.examined += 1;
        match outcome {
            Remade::Done => self.remade += 1,
            Remade::Failed => self.failed += 1,
            Remade::NotNeeded => {}
        }
    }
}

/// What decoding an image once more told.
#[derive(Debug, Clone)]
pub struct Learned {
    pub facts: Facts,
    pub fingerprint: Fingerprint,
    pub metadata: Box<Metadata>,
}

/// What became of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remade {
    Done,
    /// It is up to date, or gone.
    NotNeeded,
    /// It cannot be made anew, and stays as it is.
    Failed,
}

impl Image {
    /// Whether something is not known of it that images are asked for today.
    pub fn lacks_facts(&self) -> bool {
        self.facts().is_some_and(|facts| facts.dominant_colour.is_none())
    }
}
