//! Live: how uploads stand, as they change.

use async_graphql::{Context, Description, ID, Result, Subscription};
use futures_util::{Stream, stream};

use super::{
    FromContext,
    error::{ApiError, parse_id},
    types::{image_change::ImageChange, progress::UploadProgress},
};
use crate::changes::{Follow, Followed};

/// The subscriptions. `uploadProgress` and `myUploads` send complete states, beginning with the current one.
/// `imageChanges` sends changes in their order.
#[derive(Description)]
pub struct Subscription;

#[Subscription(use_type_description)]
impl Subscription {
    /// The progress of one upload: first its current state, then every change. It completes after COMPLETED, FAILED or
    /// DELETED.
    async fn upload_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the image.")] image_id: ID,
    ) -> Result<impl Stream<Item = UploadProgress> + use<>> {
        let id = parse_id(&image_id)?;
        let watch = ctx.services().uploads.watch(ctx.caller(), id).await.map_err(ApiError::from)?;
        Ok(stream::unfold(watch, |mut watch| async {
            let progress = watch.next().await?;
            Some((UploadProgress(progress), watch))
        }))
    }

    /// The progress of all of the caller's uploads: first the current state of each unfinished upload, then every
    /// change. It never completes.
    #[expect(clippy::unused_async, reason = "the macro wants it")]
    async fn my_uploads(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = UploadProgress> + use<>> {
        let watch = ctx.services().uploads.watch_all(ctx.caller()).map_err(ApiError::from)?;
        Ok(stream::unfold(watch, |mut watch| async {
            let progress = watch.next().await;
            Some((UploadProgress(progress), watch))
        }))
    }

    /// The changes of the caller's own images, in their order. After a reconnection it continues behind `after`, so
    /// that caches and other tabs stay consistent. It ends with the error RESYNC_REQUIRED if the server no longer has
    /// all changes behind that position: then read the lists again and begin at a new `imageChangesCursor`. It never
    /// completes otherwise.
    async fn image_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `cursor` of the last received change, or an `imageChangesCursor`. Without it, only changes \
                              from now on are sent."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ImageChange>> + use<>> {
        let refuse = |_| ApiError::bad_input("`after` is not a cursor of `imageChanges`.");
        let behind = after.map(|after| after.parse().map_err(refuse)).transpose()?;
        let follow = ctx.services().changes.follow(ctx.caller(), behind).await.map_err(ApiError::from)?;
        Ok(stream::unfold(Some(follow), |follow| async {
            let (followed, follow) = next_of(follow?).await;
            Some((followed.map(ImageChange).map_err(Into::into), follow))
        }))
    }
}

/// The next event, and the reader as long as it can go on.
async fn next_of(mut follow: Follow) -> (Result<Followed, ApiError>, Option<Follow>) {
    match follow.next().await {
        Ok(followed) => (Ok(followed), Some(follow)),
        Err(error) => (Err(error.into()), None),
    }
}
