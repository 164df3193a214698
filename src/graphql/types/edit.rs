//! Editing one image.

use async_graphql::{ID, InputObject, MaybeUndefined, Result, SimpleObject};

use super::{
    image::Image,
    user_error::{UserError, payload},
};
use crate::{
    domain::{
        self,
        details::DetailsChange,
        error::{Refusal, UserErrorCode},
    },
    graphql::error::parse_id,
    library::ImageEdit,
};

/// What to change of an image; what is left out stays as it is. None of it can be null.
#[derive(InputObject)]
pub struct UpdateImageInput {
    /// Which image.
    pub image_id: ID,
    /// Up to 255 characters.
    title: MaybeUndefined<String>,
    /// Up to 5000 characters.
    description: MaybeUndefined<String>,
    /// What the picture shows, for those who do not see it. Up to 1000 characters.
    alt_text: MaybeUndefined<String>,
    /// Up to 50 tags of 1 to 50 characters; spaces around them and repetitions are dropped.
    tags: MaybeUndefined<Vec<String>>,
    /// Which category to move it to, if its rules allow it. The objects stay where they are.
    category_id: MaybeUndefined<ID>,
}

impl UpdateImageInput {
    /// What is to change, or which fields cannot be null.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn edit(self) -> Result<std::result::Result<ImageEdit, Vec<Refusal>>> {
        let mut refusals = Vec::new();
        let details = DetailsChange {
            title: given("title", self.title, &mut refusals),
            description: given("description", self.description, &mut refusals),
            alt_text: given("altText", self.alt_text, &mut refusals),
            tags: given("tags", self.tags, &mut refusals),
        };
        let category = given("categoryId", self.category_id, &mut refusals);
        let category = category.as_ref().map(parse_id).transpose()?;
        Ok(if refusals.is_empty() { Ok(ImageEdit { details, category }) } else { Err(refusals) })
    }
}

/// The image as it is now, or what stood in the way.
#[derive(SimpleObject)]
pub struct UpdateImagePayload {
    /// The image as it is now; null when there are userErrors.
    image: Option<Image>,
    /// What has to be mended first; empty when it was done.
    user_errors: Vec<UserError>,
}

payload!(UpdateImagePayload { image: domain::image::Image => Image::of });

fn given<T>(field: &'static str, value: MaybeUndefined<T>, refusals: &mut Vec<Refusal>) -> Option<T> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Value(value) => Some(value),
        MaybeUndefined::Null => {
            let why = "It cannot be null: leave it out to keep it, or give it empty.";
            refusals.push(Refusal::on(field, UserErrorCode::InvalidValue, why));
            None
        }
    }
}
