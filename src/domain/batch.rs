//! Many images in one call.

use super::{
    error::{Refusal, UserErrorCode},
    ids::ImageId,
};

const MOST: usize = 100;

/// 1 to 100 images, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch(Vec<ImageId>);

/// What became of each image of a batch.
pub type Outcomes<T> = Vec<(ImageId, Result<T, Vec<Refusal>>)>;

impl Batch {
    /// A batch of these, in their order; repetitions are dropped.
    ///
    /// # Errors
    /// `INVALID_VALUE` for none, `TOO_LONG` for more than a hundred.
    pub fn new(ids: impl IntoIterator<Item = ImageId>) -> Result<Self, Refusal> {
        let mut kept = Vec::new();
        for id in ids {
            if kept.len() == MOST {
                return Err(Refusal::on("imageIds", UserErrorCode::TooLong, "At most 100 images at once."));
            }
            if !kept.contains(&id) {
                kept.push(id);
            }
        }
        if kept.is_empty() {
            return Err(Refusal::on("imageIds", UserErrorCode::InvalidValue, "At least one image."));
        }
        Ok(Self(kept))
    }

    pub fn iter(&self) -> impl Iterator<Item = ImageId> {
        self.0.iter().copied()
    }
}
