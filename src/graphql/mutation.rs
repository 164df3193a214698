//! Writes. Each translates, calls one service, and translates back.

use async_graphql::{Context, Description, Object, Result};

use super::{
    FromContext,
    error::{ApiError, parse_id, split},
    types::{
        category::{CategoryPayload, CreateCategoryInput, UpdateCategoryInput},
        session::{LogInInput, LogOutPayload, RefreshSessionInput, SessionPayload},
        ticket::{
            CancelUploadInput, CancelUploadPayload, CompleteUploadInput, CompleteUploadPayload, DeleteImageInput,
            DeleteImagePayload, GenerateVariantsInput, GenerateVariantsPayload, RenewUploadInput,
            ReportUploadProgressInput, ReportUploadProgressPayload, RequestUploadInput, RequestUploadPayload,
        },
    },
};
use crate::{domain::variant::VariantType, uploads::NewUpload};

/// Everything that can be changed. What the caller can mend is in each payload's `userErrors`.
#[derive(Description)]
pub struct Mutation;

#[Object(use_type_description)]
impl Mutation {
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

    /// Deletes an image in whatever state it is. It is gone at once; its objects follow.
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image.")] input: DeleteImageInput,
    ) -> Result<DeleteImagePayload> {
        let id = parse_id(&input.image_id)?;
        Ok(split(ctx.services().uploads.delete(ctx.caller(), id).await)?.into())
    }

    /// Makes variants again, of a COMPLETED image or one whose processing failed.
    async fn generate_variants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image, and which variants.")] input: GenerateVariantsInput,
    ) -> Result<GenerateVariantsPayload> {
        let id = parse_id(&input.image_id)?;
        let kinds = input.types.map(|kinds| kinds.into_iter().map(VariantType::from).collect());
        let kinds: Vec<VariantType> = kinds.unwrap_or_else(|| VariantType::ALL.to_vec());
        Ok(split(ctx.services().uploads.generate_variants(ctx.caller(), id, &kinds).await)?.into())
    }

    /// Makes a category. For administrators.
    async fn create_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category.")] input: CreateCategoryInput,
    ) -> Result<CategoryPayload, ApiError> {
        Ok(split(ctx.services().library.create_category(ctx.caller(), input.into()).await)?.into())
    }

    /// Changes a category. What is left out stays as it is. For administrators.
    async fn update_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which category, and what of it.")] input: UpdateCategoryInput,
    ) -> Result<CategoryPayload> {
        let id = parse_id(&input.category_id)?;
        Ok(split(ctx.services().library.update_category(ctx.caller(), id, input.into()).await)?.into())
    }

    /// Signs in with a password.
    #[graphql(complexity = "3000 + child_complexity")]
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and how long.")] input: LogInInput,
    ) -> Result<SessionPayload, ApiError> {
        let LogInInput { email, password, remember_me } = input;
        Ok(split(ctx.services().accounts.log_in(&email, password, remember_me).await)?.into())
    }

    /// Exchanges a refresh token for the next one and a fresh access token.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The log-in to go on with.")] input: RefreshSessionInput,
    ) -> Result<SessionPayload, ApiError> {
        let token = input.refresh_token.unwrap_or_default();
        Ok(split(ctx.services().accounts.refresh(&token).await)?.into())
    }

    /// Ends the log-in that the caller's token came from: neither it nor its refresh token are worth anything from
    /// then on. A token that `darkroom token` printed belongs to no log-in, and stays good until it ends.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        ctx.services().accounts.log_out(ctx.caller()).await?;
        Ok(LogOutPayload { user_errors: Vec::new() })
    }
}
