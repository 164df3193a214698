//! Editing the library: what is said of images, and the categories.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{parse_id, split},
    types::{
        batch::{UpdateImagesInput, UpdateImagesPayload, batch_of},
        category::{CategoryPayload, CreateCategoryInput, UpdateCategoryInput},
        edit::{UpdateImageInput, UpdateImagePayload},
    },
};

/// Editing the library.
#[derive(Default)]
pub struct LibraryMutation;

#[Object]
impl LibraryMutation {
    /// Updates the details and the category of an image. Fields that are left out stay unchanged.
    async fn update_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image and its changes.")] input: UpdateImageInput,
    ) -> Result<UpdateImagePayload> {
        let id = parse_id(&input.image_id)?;
        let edit = match input.edit()? {
            Ok(edit) => edit,
            Err(refusals) => return Ok(Err(refusals).into()),
        };
        Ok(split(ctx.services().library.update_image(ctx.caller(), id, edit).await)?.into())
    }

    /// Updates the tags and the category of up to 100 images. Each image has its own result: if one is refused, the
    /// others are updated nevertheless.
    #[graphql(directive = cost::list_size::apply(100, cost::names(["input.imageIds"]), cost::names(["results"])))]
    async fn update_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images and their changes.")] input: UpdateImagesInput,
    ) -> Result<UpdateImagesPayload> {
        let batch = match batch_of(&input.image_ids)? {
            Ok(batch) => batch,
            Err(refusal) => return Ok(UpdateImagesPayload::refused(vec![refusal])),
        };
        let edit = input.edit()?;
        let updated = ctx.services().library.update_images(ctx.caller(), &batch, edit).await;
        Ok(match split(updated)? {
            Ok(outcomes) => UpdateImagesPayload::of(outcomes),
            Err(refusals) => UpdateImagesPayload::refused(refusals),
        })
    }

    /// Creates a category. Requires the permission MANAGE_CATEGORIES.
    async fn create_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category.")] input: CreateCategoryInput,
    ) -> Result<CategoryPayload> {
        let change = input.change()?;
        Ok(split(ctx.services().library.create_category(ctx.caller(), change).await)?.into())
    }

    /// Updates a category. Fields that are left out stay unchanged. Requires the permission MANAGE_CATEGORIES.
    async fn update_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category and its changes.")] input: UpdateCategoryInput,
    ) -> Result<CategoryPayload> {
        let id = parse_id(&input.category_id)?;
        Ok(split(ctx.services().library.update_category(ctx.caller(), id, input.change()?).await)?.into())
    }
}
