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

/// The changes of an image. Fields that are left out stay unchanged. No field accepts null.
#[derive(InputObject)]
pub struct UpdateImageInput {
    /// The id of the image.
    pub image_id: ID,
    /// The title of the image. At most 255 characters.
    title: MaybeUndefined<String>,
    /// The description of the image. At most 5000 characters.
    description: MaybeUndefined<String>,
    /// The alternative text for people who cannot see the picture. At most 1000 characters.
    alt_text: MaybeUndefined<String>,
    /// At most 50 tags of 1 to 50 characters. Surrounding spaces and duplicates are removed.
    tags: MaybeUndefined<Vec<String>>,
    /// The id of the category to move the image to, if the rules of the category allow it. The objects keep their keys.
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

/// The result of `updateImage`.
#[derive(SimpleObject)]
pub struct UpdateImagePayload {
    /// The image after the change. Null when there are userErrors.
    image: Option<Image>,
    /// The reasons why nothing was done. Empty on success.
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
