//! Albums.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{parse_id, split},
    types::album::{
        AddImagesToAlbumInput, AlbumPayload, CreateAlbumInput, DeleteAlbumInput, DeleteAlbumPayload,
        MoveImagesInAlbumInput, RemoveImagesFromAlbumInput, UpdateAlbumInput,
    },
};

/// Albums.
#[derive(Default)]
pub struct AlbumMutation;

#[Object]
impl AlbumMutation {
    /// Creates an album of the caller.
    #[graphql(directive = cost::cost::apply(50))]
    async fn create_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album to create.")] input: CreateAlbumInput,
    ) -> Result<AlbumPayload> {
        let created = ctx.services().sharing.create_album(ctx.caller(), &input.name, input.description).await;
        Ok(split(created)?.into())
    }

    /// Updates the name and the description of an album. Fields that are left out stay unchanged.
    #[graphql(directive = cost::cost::apply(20))]
    async fn update_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album and its changes.")] input: UpdateAlbumInput,
    ) -> Result<AlbumPayload> {
        let id = parse_id(&input.album_id)?;
        Ok(split(ctx.services().sharing.update_album(ctx.caller(), id, input.change()).await)?.into())
    }

    /// Deletes an album with its shares and links. Its images stay.
    #[graphql(directive = cost::cost::apply(50))]
    async fn delete_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album to delete.")] input: DeleteAlbumInput,
    ) -> Result<DeleteAlbumPayload> {
        let id = parse_id(&input.album_id)?;
        Ok(split(ctx.services().sharing.delete_album(ctx.caller(), id).await)?.into())
    }

    /// Adds images of the caller to the end of an album of the caller. Everybody with whom the album is shared sees them. If
    /// one is refused, none is added.
    #[graphql(directive = cost::cost::apply(500))]
    async fn add_images_to_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album and the images.")] input: AddImagesToAlbumInput,
    ) -> Result<AlbumPayload> {
        let (album, batch) = input.request()?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().sharing.add_images(ctx.caller(), album, &batch).await)?.into())
    }

    /// Removes images from an album of the caller. The images themselves stay.
    #[graphql(directive = cost::cost::apply(500))]
    async fn remove_images_from_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album and the images.")] input: RemoveImagesFromAlbumInput,
    ) -> Result<AlbumPayload> {
        let (album, batch) = input.request()?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().sharing.remove_images(ctx.caller(), album, &batch).await)?.into())
    }

    /// Moves images within an album to another place, in the given order.
    #[graphql(directive = cost::cost::apply(500))]
    async fn move_images_in_album(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The album, the images and their place.")] input: MoveImagesInAlbumInput,
    ) -> Result<AlbumPayload> {
        let (album, batch, before) = input.request()?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().sharing.move_images(ctx.caller(), album, &batch, before).await)?.into())
    }
}
