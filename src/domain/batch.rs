//! Many images in one call.

use super::{
    error::{Refusal, UserErrorCode},
    ids::ImageId,
};

const MAX_IMAGES: usize = 100;

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
            if kept.len() == MAX_IMAGES {
                return Err(Refusal::on("imageIds", UserErrorCode::TooLong, "A batch has at most 100 images."));
            }
            if !kept.contains(&id) {
                kept.push(id);
            }
        }
        if kept.is_empty() {
            return Err(Refusal::on("imageIds", UserErrorCode::InvalidValue, "A batch has at least one image."));
        }
        Ok(Self(kept))
    }

    pub fn iter(&self) -> impl Iterator<Item = ImageId> {
        self.0.iter().copied()
    }
}
