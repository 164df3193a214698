//! Live: how uploads stand, as they change.

use async_graphql::{Context, Description, ID, Result, Subscription};
use futures_util::{Stream, stream};

use super::{
    FromContext,
    error::{ApiError, parse_id},
    types::{image_change::ImageChange, progress::UploadProgress},
};
use crate::changes::{Follow, Followed};

/// Everything that can be watched. `uploadProgress` and `myUploads` send whole states, the first one as it stands now;
/// `imageChanges` sends what happened, one after the other.
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

    /// What happens to the caller's own images, in order: completed, failed, described, moved, trashed, restored, deleted.
    /// It goes on behind `after` when the socket was away, so that a cache or a second tab stays right. It ends with the
    /// error RESYNC_REQUIRED when the server no longer keeps the changes behind that place: read the lists anew then,
    /// and begin at a new `imageChangesCursor`. Never completes otherwise.
    async fn image_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `cursor` of the last change received, or an `imageChangesCursor`. Without it, changes \
            from now on are sent.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ImageChange>> + use<>> {
        let refuse = |_| ApiError::bad_input("`after` is no cursor that this server gave out.");
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
