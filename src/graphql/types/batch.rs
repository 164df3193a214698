//! Many images in one call, each with its own outcome.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Result, SimpleObject};

use super::{image::Image, user_error::UserError};
use crate::graphql::cost;
use crate::{
    domain::{
        self,
        batch::{Batch, Outcomes},
        error::Refusal,
        ids::ImageId,
    },
    graphql::error::parse_id,
    library::BatchEdit,
};

/// Which images to delete.
#[derive(InputObject)]
pub struct DeleteImagesInput {
    /// 1 to 100, in whatever state.
    #[graphql(directive = cost::cost::apply(50))]
    pub image_ids: Vec<ID>,
    /// Past the trash, or out of it for good.
    #[graphql(default)]
    pub permanently: bool,
}

/// What to change of many images; what is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateImagesInput {
    /// 1 to 100.
    #[graphql(directive = cost::cost::apply(50))]
    pub image_ids: Vec<ID>,
    /// Put behind the tags that are there.
    add_tags: Option<Vec<String>>,
    /// Taken away; those that are not there do no harm.
    remove_tags: Option<Vec<String>>,
    /// Which category to move them to, if its rules allow it.
    category_id: Option<ID>,
}

impl UpdateImagesInput {
    /// What is to change.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn edit(self) -> Result<BatchEdit> {
        Ok(BatchEdit {
            add_tags: self.add_tags.unwrap_or_default(),
            remove_tags: self.remove_tags.unwrap_or_default(),
            category: self.category_id.as_ref().map(parse_id).transpose()?,
        })
    }
}

/// What became of one image of many.
#[derive(SimpleObject)]
pub struct DeleteImageResult {
    /// Which image.
    image_id: ID,
    /// The image that is gone; null when there are userErrors.
    deleted_image_id: Option<ID>,
    /// What stood in the way; empty when it was done.
    user_errors: Vec<UserError>,
}

/// What became of each image.
#[derive(SimpleObject)]
pub struct DeleteImagesPayload {
    /// In the order of the input, each image once; empty when there are userErrors.
    results: Vec<DeleteImageResult>,
    /// What is wrong with the input as a whole.
    user_errors: Vec<UserError>,
}

/// What became of one image of many.
#[derive(SimpleObject)]
pub struct UpdateImageResult {
    /// Which image.
    image_id: ID,
    /// The image as it is now; null when there are userErrors.
    image: Option<Image>,
    /// What stood in the way; empty when it was done.
    user_errors: Vec<UserError>,
}

/// What became of each image.
#[derive(SimpleObject)]
pub struct UpdateImagesPayload {
    /// In the order of the input, each image once; empty when there are userErrors.
    results: Vec<UpdateImageResult>,
    /// What is wrong with the input as a whole.
    user_errors: Vec<UserError>,
}

impl DeleteImagesPayload {
    pub fn of(outcomes: Outcomes<ImageId>) -> Self {
        let result = |(id, outcome): (ImageId, std::result::Result<ImageId, Vec<Refusal>>)| DeleteImageResult {
            image_id: ID::from(id),
            deleted_image_id: outcome.as_ref().ok().map(ID::from),
            user_errors: errors(outcome.err()),
        };
        Self { results: outcomes.into_iter().map(result).collect(), user_errors: Vec::new() }
    }

    pub fn refused(refusals: Vec<Refusal>) -> Self {
        Self { results: Vec::new(), user_errors: errors(Some(refusals)) }
    }
}

impl UpdateImagesPayload {
    pub fn of(outcomes: Outcomes<domain::image::Image>) -> Self {
        let mut changed = Vec::new();
        let mut results: Vec<UpdateImageResult> = Vec::new();
        for (id, outcome) in outcomes {
            let outcome = outcome.map(|image| changed.push(Arc::new(image)));
            results.push(UpdateImageResult { image_id: ID::from(id), image: None, user_errors: errors(outcome.err()) });
        }
        let done = results.iter_mut().filter(|result| result.user_errors.is_empty());
        for (result, image) in done.zip(Image::all_of(&changed)) {
            result.image = Some(image);
        }
        Self { results, user_errors: Vec::new() }
    }

    pub fn refused(refusals: Vec<Refusal>) -> Self {
        Self { results: Vec::new(), user_errors: errors(Some(refusals)) }
    }
}

/// The images of a batch, or why it can be none.
///
/// # Errors
/// `BAD_USER_INPUT` for a malformed id.
pub fn batch_of(ids: &[ID]) -> Result<std::result::Result<Batch, Refusal>> {
    let ids = ids.iter().map(parse_id).collect::<Result<Vec<ImageId>>>()?;
    Ok(Batch::new(ids))
}

fn errors(refusals: Option<Vec<Refusal>>) -> Vec<UserError> {
    refusals.into_iter().flatten().map(UserError::from).collect()
}
