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
    /// Issues a ticket that says where and how to send one file. If the input is invalid, all of its errors are
    /// returned together.
    async fn request_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file to upload.")] input: RequestUploadInput,
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

    /// Issues a new ticket for an image whose upload is not complete.
    async fn renew_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The upload.")] input: RenewUploadInput,
    ) -> Result<RequestUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.renew(ctx.caller(), id).await)?.into())
    }

    /// Reports the progress of an upload to its subscribers, for storages that do not report it themselves. This
    /// mutation is idempotent. More than four reports per second are ignored.
    async fn report_upload_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The progress of the upload.")] input: ReportUploadProgressInput,
    ) -> Result<ReportUploadProgressPayload> {
        let (id, bytes) = (parse_id(&input.image_id)?, input.bytes_uploaded.0);
        Ok(split(ctx.services().uploads.report_progress(ctx.caller(), id, bytes).await)?.into())
    }

    /// Completes an upload after the file was sent. The server checks that the file is in the storage, then begins to
    /// process it. This mutation is idempotent.
    #[graphql(directive = cost::cost::apply(100))]
    async fn complete_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The upload and the details of the image.")] input: CompleteUploadInput,
    ) -> Result<CompleteUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.complete(ctx.caller(), id, input.details()).await)?.into())
    }

    /// Cancels an upload that is not complete, and removes its object and the image.
    async fn cancel_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The upload.")] input: CancelUploadInput,
    ) -> Result<CancelUploadPayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.cancel(ctx.caller(), id).await)?.into())
    }

    /// Deletes an image in any state. The image disappears immediately; its objects are removed afterwards. If the
    /// server has a trash, an image whose original was checked is moved there first, and `restoreImage` restores it.
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the image.")] input: DeleteImageInput,
    ) -> Result<DeleteImagePayload> {
        let id = parse_id(&input.image_id)?;
        let for_good = input.permanently;
        Ok(split(ctx.services().uploads.delete(ctx.caller(), id, for_good).await)?.into())
    }

    /// Deletes up to 100 images. Each image has its own result: if one is refused, the others are deleted nevertheless.
    #[graphql(directive = cost::list_size::apply(100, cost::names(["input.imageIds"]), cost::names(["results"])))]
    async fn delete_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images.")] input: DeleteImagesInput,
    ) -> Result<DeleteImagesPayload> {
        let batch = match batch_of(&input.image_ids)? {
            Ok(batch) => batch,
            Err(refusal) => return Ok(DeleteImagesPayload::refused(vec![refusal])),
        };
        let deleted = ctx.services().uploads.delete_many(ctx.caller(), &batch, input.permanently).await;
        Ok(DeleteImagesPayload::of(deleted.map_err(ApiError::from)?))
    }

    /// Restores an image from the trash.
    async fn restore_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the image.")] input: RestoreImageInput,
    ) -> Result<RestoreImagePayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.restore(ctx.caller(), id).await)?.into())
    }

    /// Generates variants again for an image that is COMPLETED, or FAILED with its original kept.
    async fn generate_variants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image and the variants.")] input: GenerateVariantsInput,
    ) -> Result<GenerateVariantsPayload> {
        let id = parse_id(&input.image_id)?;
        let of_type = |kind: VariantType| Some(kind.name()?.to_string());
        let types = input.types.map(|types| types.into_iter().map(of_type).collect::<Option<Vec<String>>>());
        let types = match types {
            Some(None) => {
                let why = "CUSTOM stands for all variants that the operator defined: give their `names` instead.";
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
