//! Uploads in parts.

use async_graphql::{Context, Object, Result};

use crate::{
    graphql::{
        FromContext, cost,
        error::{parse_id, split},
        types::multipart::{
            RequestMultipartUploadInput, RequestMultipartUploadPayload, SignUploadPartsInput, SignUploadPartsPayload,
        },
    },
    uploads::NewUpload,
};

/// Uploads in parts.
#[derive(Default)]
pub struct MultipartMutation;

#[Object]
impl MultipartMutation {
    /// Begins an upload in parts, for large files and unreliable networks: `signUploadParts` gives the URLs of the parts,
    /// `uploadedParts` the parts that were received, and `completeUpload` joins them. `cancelUpload` removes them.
    #[graphql(directive = cost::cost::apply(20))]
    async fn request_multipart_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file to upload.")] input: RequestMultipartUploadInput,
    ) -> Result<RequestMultipartUploadPayload> {
        let new = NewUpload {
            filename: input.filename,
            content_type: input.content_type,
            file_size: input.file_size.0,
            category: parse_id(&input.category_id)?,
            idempotency_key: input.idempotency_key,
        };
        let part_size = input.part_size.map(|size| size.0);
        Ok(split(ctx.services().uploads.request_multipart(ctx.caller(), new, part_size).await)?.into())
    }

    /// Issues tickets for up to 100 parts of an upload. A part can be sent again; the last one counts.
    #[graphql(directive = cost::cost::apply(100), directive = cost::list_size::apply(100, cost::names(["input.partNumbers"]), cost::names(["parts"])))]
    async fn sign_upload_parts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The parts to send.")] input: SignUploadPartsInput,
    ) -> Result<SignUploadPartsPayload> {
        let id = parse_id(&input.image_id)?;
        // No file has a part of number 0, which stands for every number that cannot be.
        let numbers: Vec<u16> =
            input.part_numbers.into_iter().map(|number| u16::try_from(number).unwrap_or_default()).collect();
        Ok(split(ctx.services().uploads.sign_parts(ctx.caller(), id, &numbers).await)?.into())
    }
}
