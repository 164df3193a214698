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

/// The images to delete.
#[derive(InputObject)]
pub struct DeleteImagesInput {
    /// The ids of 1 to 100 images in any state.
    #[graphql(directive = cost::cost::apply(50))]
    pub image_ids: Vec<ID>,
    /// Whether to delete without the trash, or from the trash.
    #[graphql(default)]
    pub permanently: bool,
}

/// The changes of several images. Fields that are left out stay unchanged.
#[derive(InputObject)]
pub struct UpdateImagesInput {
    /// The ids of 1 to 100 images.
    #[graphql(directive = cost::cost::apply(50))]
    pub image_ids: Vec<ID>,
    /// The tags to append to those of each image.
    add_tags: Option<Vec<String>>,
    /// The tags to remove. Tags that an image does not have are ignored.
    remove_tags: Option<Vec<String>>,
    /// The id of the category to move the images to, if the rules of the category allow it.
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

/// The result for one image of a batch.
#[derive(SimpleObject)]
pub struct DeleteImageResult {
    /// The id of the image.
    image_id: ID,
    /// The id of the removed image. Null when there are userErrors.
    deleted_image_id: Option<ID>,
    /// The reasons why this image was not changed. Empty on success.
    user_errors: Vec<UserError>,
}

/// The results of a batch.
#[derive(SimpleObject)]
pub struct DeleteImagesPayload {
    /// One result per image, in the order of the input, without duplicates. Empty when there are userErrors.
    results: Vec<DeleteImageResult>,
    /// The errors that concern the input as a whole. Nothing was changed if there are any.
    user_errors: Vec<UserError>,
}

/// The result for one image of a batch.
#[derive(SimpleObject)]
pub struct UpdateImageResult {
    /// The id of the image.
    image_id: ID,
    /// The image after the change. Null when there are userErrors.
    image: Option<Image>,
    /// The reasons why this image was not changed. Empty on success.
    user_errors: Vec<UserError>,
}

/// The results of a batch.
#[derive(SimpleObject)]
pub struct UpdateImagesPayload {
    /// One result per image, in the order of the input, without duplicates. Empty when there are userErrors.
    results: Vec<UpdateImageResult>,
    /// The errors that concern the input as a whole. Nothing was changed if there are any.
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
