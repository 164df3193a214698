//! Runs that make images anew.

use async_graphql::{Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::{scalars::int, user_error::UserError};
use crate::{
    domain::{
        self,
        error::{Refusal, UserErrorCode},
        format::ImageFormat,
        regeneration::RegenerationFilter,
    },
    graphql::error::parse_id,
};

/// The images to examine. Variants that are missing or were made with other settings are made anew, and so are the
/// facts, metadata and fingerprints of images from before these were kept.
#[derive(InputObject)]
pub struct RegenerateVariantsInput {
    /// The id of the owner of the images. Defaults to all owners.
    owner_id: Option<ID>,
    /// The content type of the originals. Defaults to all types. Example: `"image/avif"`.
    content_type: Option<String>,
    /// Variants that were made before this time are made anew, too. Not in the future: the current time stands for every
    /// variant. Example: `"2026-11-20T08:30:00Z"`.
    made_before: Option<DateTime<Utc>>,
}

impl RegenerateVariantsInput {
    /// Which images are meant, or why none can be.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn filter(self) -> Result<std::result::Result<RegenerationFilter, Refusal>> {
        let owner = self.owner_id.as_ref().map(parse_id).transpose()?;
        let format = match self.content_type.as_deref().map(ImageFormat::from_content_type) {
            Some(None) => {
                let why = "The server supports no originals of this content type.";
                return Ok(Err(Refusal::on("contentType", UserErrorCode::UnsupportedContentType, why)));
            }
            known => known.flatten(),
        };
        Ok(Ok(RegenerationFilter { owner, format, made_before: self.made_before }))
    }
}

/// The status of a regeneration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::regeneration::RegenerationState")]
pub enum RegenerationStatus {
    /// Images are being examined.
    Running,
    /// Every image was examined.
    Finished,
    /// It was cancelled. Images that were made anew before stay so.
    Cancelled,
}

/// A run through the library that makes anew what is out of date. Meanwhile the images stay COMPLETED and keep their
/// variants until all of the new ones are stored.
#[derive(Description)]
pub struct Regeneration(domain::regeneration::Regeneration);

#[Object(use_type_description)]
impl Regeneration {
    /// The id of the regeneration, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The status of the regeneration.
    async fn status(&self) -> RegenerationStatus {
        self.0.state.into()
    }

    /// The number of images to examine, as it was at the beginning.
    async fn total(&self) -> i32 {
        int(self.0.total)
    }

    /// The number of images that were examined.
    async fn examined(&self) -> i32 {
        int(self.0.tally.examined)
    }

    /// The number of examined images that were out of date and were made anew.
    async fn remade(&self) -> i32 {
        int(self.0.tally.remade)
    }

    /// The number of examined images that could not be made anew, because their originals are lost or can no longer be
    /// decoded. They stay as they are; the server's log has the reasons.
    async fn failed(&self) -> i32 {
        int(self.0.tally.failed)
    }

    /// The time when the regeneration began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// The time when the regeneration finished or was cancelled. Null while it is running.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }
}

/// The result of `regenerateVariants` and `cancelRegeneration`.
#[derive(SimpleObject)]
pub struct RegenerationPayload {
    /// The regeneration. Null when there are userErrors.
    regeneration: Option<Regeneration>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(RegenerationPayload {
    regeneration: domain::regeneration::Regeneration => Regeneration::from
});

impl From<domain::regeneration::Regeneration> for Regeneration {
    fn from(regeneration: domain::regeneration::Regeneration) -> Self {
        Self(regeneration)
    }
}
