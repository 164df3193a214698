//! The life of an upload.

use async_graphql::{Context, Object, Result};

use crate::{
    domain::error::{Refusal, UserErrorCode},
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id, split},
        types::{
            batch::{DeleteImagesInput, DeleteImagesPayload, batch_of},
            ticket::{
                CancelUploadInput, CancelUploadPayload, CompleteUploadInput, CompleteUploadPayload, DeleteImageInput,
                DeleteImagePayload, GenerateVariantsInput, GenerateVariantsPayload, RenewUploadInput,
                ReportUploadProgressInput, ReportUploadProgressPayload, RequestUploadInput, RequestUploadPayload,
                RestoreImageInput, RestoreImagePayload,
            },
            variant::VariantType,
        },
    },
    uploads::NewUpload,
};

/// The life of an upload.
#[derive(Default)]
pub struct UploadMutation;

#[Object]
impl UploadMutation {
    /// Asks for a ticket: where and how to send one file. Every rule that the input breaks is named at once.
    async fn request_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: RequestUploadInput,
    ) -> Result<RequestUploadPayload> {
        let new = NewUpload {
            filename: input.filename,
            content_type: input.content_type,
            file_size: input.file_size.0,
            category: parse_id(&input.category_id)?,
            idempotency_key: input.idempotency_key,
        };
        Ok(split(ctx.services().uploads.request(ctx.caller(), new).await)?.into())
    }

    /// A fresh ticket for an image that still awaits its upload.
    async fn renew_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which upload.")] input: RenewUploadInput,
    ) -> Result<RequestUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.renew(ctx.caller(), id).await)?.into())
    }

    /// Tells subscribers how far an upload is, where the storage does not tell by itself. Safe to repeat; more than
    /// four a second are passed over.
    async fn report_upload_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far the upload is.")] input: ReportUploadProgressInput,
    ) -> Result<ReportUploadProgressPayload> {
        let (id, bytes) = (parse_id(&input.image_id)?, input.bytes_uploaded.0);
        Ok(split(ctx.services().uploads.report_progress(ctx.caller(), id, bytes).await)?.into())
    }

    /// Says that the file was sent. The storage is asked whether that is so; then processing begins. Safe to repeat.
    async fn complete_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which upload, and what it shows.")] input: CompleteUploadInput,
    ) -> Result<CompleteUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.complete(ctx.caller(), id, input.details()).await)?.into())
    }

    /// Gives up an upload that is not over: its object and its row are removed.
    async fn cancel_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which upload.")] input: CancelUploadInput,
    ) -> Result<CancelUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.cancel(ctx.caller(), id).await)?.into())
    }

    /// Deletes an image in whatever state it is. It is gone at once; its objects follow. Where the server keeps a
    /// trash, a COMPLETED image goes there first, and `restoreImage` brings it back.
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image.")] input: DeleteImageInput,
    ) -> Result<DeleteImagePayload> {
        let id = parse_id(&input.image_id)?;
        let for_good = input.permanently;
        Ok(split(ctx.services().uploads.delete(ctx.caller(), id, for_good).await)?.into())
    }

    /// Deletes up to 100 images, each by itself: where one is refused, the others are deleted all the same.
    #[graphql(directive = cost::list_size::apply(100, cost::names(["input.imageIds"]), cost::names(["results"])))]
    async fn delete_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which images.")] input: DeleteImagesInput,
    ) -> Result<DeleteImagesPayload> {
        let batch = match batch_of(&input.image_ids)? {
            Ok(batch) => batch,
            Err(refusal) => return Ok(DeleteImagesPayload::refused(vec![refusal])),
        };
        let deleted = ctx.services().uploads.delete_many(ctx.caller(), &batch, input.permanently).await;
        Ok(DeleteImagesPayload::of(deleted.map_err(ApiError::from)?))
    }

    /// Takes an image out of the trash, as it was.
    async fn restore_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image.")] input: RestoreImageInput,
    ) -> Result<RestoreImagePayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.restore(ctx.caller(), id).await)?.into())
    }

    /// Makes variants again, of a COMPLETED image or one whose processing failed.
    async fn generate_variants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image, and which variants.")] input: GenerateVariantsInput,
    ) -> Result<GenerateVariantsPayload> {
        let id = parse_id(&input.image_id)?;
        let of_type = |kind: VariantType| Some(kind.name()?.to_string());
        let types = input.types.map(|types| types.into_iter().map(of_type).collect::<Option<Vec<String>>>());
        let types = match types {
            Some(None) => {
                let why = "CUSTOM stands for every variant of the operator's own: give their `names`.";
                return Ok(Err(vec![Refusal::on("types", UserErrorCode::InvalidValue, why)]).into());
            }
            types => types.flatten(),
        };
        let names = match (types, input.names) {
            (Some(types), Some(names)) => Some([types, names].concat()),
            (types, names) => types.or(names),
        };
        Ok(split(ctx.services().uploads.generate_variants(ctx.caller(), id, names).await)?.into())
    }
}
