//! Live: how uploads stand, as they change.

use async_graphql::{Context, Description, ID, Result, Subscription};
use futures_util::{Stream, stream};

use super::{
    FromContext,
    error::{ApiError, parse_id},
    types::progress::UploadProgress,
};

/// Everything that can be watched. Every event is the whole state, and the first one is how it stands now.
#[derive(Description)]
pub struct Subscription;

#[Subscription(use_type_description)]
impl Subscription {
    /// One upload: how it stands now, then every change. Completes after COMPLETED, FAILED or DELETED.
    async fn upload_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image.")] image_id: ID,
    ) -> Result<impl Stream<Item = UploadProgress> + use<>> {
        let id = parse_id(&image_id)?;
        let watch = ctx.services().uploads.watch(ctx.caller(), id).await.map_err(ApiError::from)?;
        Ok(stream::unfold(watch, |mut watch| async {
            let progress = watch.next().await?;
            Some((UploadProgress(progress), watch))
        }))
    }

    /// All of the caller's uploads: those under way now, then every change of any image. Never completes.
    #[expect(clippy::unused_async, reason = "the macro wants it")]
    async fn my_uploads(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = UploadProgress> + use<>> {
        let watch = ctx.services().uploads.watch_all(ctx.caller()).map_err(ApiError::from)?;
        Ok(stream::unfold(watch, |mut watch| async {
            let progress = watch.next().await;
            Some((UploadProgress(progress), watch))
        }))
    }
}
