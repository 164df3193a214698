//! The work that is done after the answer was given.

use serde::{Deserialize, Serialize};

use super::ids::ImageId;

/// One piece of work. All of them are about one image, may run twice, and may be killed anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "image", rename_all = "snake_case")]
pub enum Job {
    /// Complete an upload whose client sent every byte and then fell silent.
    CompleteUnattended(ImageId),
    /// Check the original and make the variants that are missing.
    Process(ImageId),
    /// Remove the objects of a failed or a deleted image.
    Discard(ImageId),
    /// Remove the row of a deleted image, once everybody who watches has been told.
    Forget(ImageId),
}

impl Job {
    /// The image that it is about: no two jobs of one image run at the same time.
    pub const fn image(self) -> ImageId {
        match self {
            Self::CompleteUnattended(image) | Self::Process(image) | Self::Discard(image) | Self::Forget(image) => {
                image
            }
        }
    }

    /// The name in the database and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CompleteUnattended(_) => "complete_unattended",
            Self::Process(_) => "process",
            Self::Discard(_) => "discard",
            Self::Forget(_) => "forget",
        }
    }

    /// The same job of the same image waits in the queue once.
    pub fn dedupe_key(self) -> String {
        format!("{}:{}", self.name(), self.image())
    }
}

/// How a job that did not succeed goes on.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may go better later.
    #[error("to be tried again: {0:#}")]
    Retry(anyhow::Error),
}

impl JobError {
    /// For whatever time may heal: a storage or a database that is away.
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry(error.into())
    }
}
