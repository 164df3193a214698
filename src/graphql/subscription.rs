//! Live: how uploads stand, as they change.

use async_graphql::{Context, Description, ID, Result, Subscription};
use futures_util::{Stream, stream};

use super::{
    FromContext,
    error::{ApiError, parse_id},
    live::{Event, Source, event_of},
    types::{image_change::ImageChange, progress::UploadProgress},
};
use crate::domain::error::ServiceError;

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
        let open = async {
            let id = parse_id(&image_id)?;
            let watch = ctx.services().uploads.watch(ctx.caller(), id).await.map_err(ApiError::from)?;
            Ok(Source::One(watch))
        };
        Ok(stream::iter(event_of(ctx, open).await?.and_then(progress)))
    }

    /// The progress of all of the caller's uploads: first the current state of each unfinished upload, then every
    /// change. It never completes.
    async fn my_uploads(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = UploadProgress> + use<>> {
        let open = async {
            let watch = ctx.services().uploads.watch_all(ctx.caller()).map_err(ApiError::from)?;
            Ok(Source::All(Box::new(watch)))
        };
        Ok(stream::iter(event_of(ctx, open).await?.and_then(progress)))
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
        let open = async {
            let refuse = |_| ApiError::bad_input("`after` is not a cursor of `imageChanges`.");
            let behind = after.map(|after| after.parse().map_err(refuse)).transpose()?;
            let follow = ctx.services().changes.follow(ctx.caller(), behind).await.map_err(ApiError::from)?;
            Ok(Source::Changes(Some(Box::new(follow))))
        };
        Ok(stream::iter(event_of(ctx, open).await?.and_then(change)))
    }
}

fn progress(event: Event) -> Option<UploadProgress> {
    match event {
        Event::Progress(progress) => Some(UploadProgress(progress)),
        Event::Change(_) | Event::ResyncRequired => None,
    }
}

fn change(event: Event) -> Option<Result<ImageChange>> {
    match event {
        Event::Change(followed) => Some(Ok(ImageChange(*followed))),
        Event::ResyncRequired => Some(Err(ApiError::from(ServiceError::ResyncRequired).into())),
        Event::Progress(_) => None,
    }
}
