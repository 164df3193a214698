//! Subscriptions are executed in steps: once to find out what is watched, and then once for each event. Between events an
//! operation holds nothing but its source, and one execution can answer everybody who watches the same.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Request, Response};
use futures_util::StreamExt;

use super::Schema;
use crate::{
    changes::{Follow, Followed},
    domain::{event::Place, ids::ImageId, progress::Progress, variant::VariantName},
    uploads::{WatchAll, WatchOne},
};

/// Where the events of a subscription come from.
pub enum Source {
    One(WatchOne),
    All(Box<WatchAll>),
    /// `None` once the log does not reach back far enough.
    Changes(Option<Box<Follow>>),
}

/// What a subscription is executed for.
#[derive(Debug, Clone)]
pub enum Event {
    Progress(Arc<Progress>),
    Change(Box<Followed>),
    /// The log does not reach back to the reader's place any more.
    ResyncRequired,
}

/// Events of one source with the same key are answered alike by equal operations, as long as nothing else changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKey {
    Progress { image: ImageId, revision: u64, variants: usize, made_ready: Option<VariantName> },
    Change { place: Place, revision: Option<u64> },
    ResyncRequired,
}

/// What came of the beginning of a subscription.
pub enum Begun {
    Watching(Source),
    /// It is not valid, or refused, or there is nothing to watch.
    Ended(Vec<Response>),
}

/// Which step the resolver of a subscription is in.
enum Step {
    Begin(Arc<Mutex<Option<Source>>>),
    Answer(Event),
}

impl Source {
    /// The next event; `None` when there will be no more. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Event> {
        match self {
            Self::One(watch) => watch.next().await.map(Event::Progress),
            Self::All(watch) => Some(Event::Progress(watch.next().await)),
            Self::Changes(follow) => match follow.as_mut()?.next().await {
                Ok(followed) => Some(Event::Change(Box::new(followed))),
                // It fails in no other way.
                Err(_) => {
                    *follow = None;
                    Some(Event::ResyncRequired)
                }
            },
        }
    }
}

impl Event {
    /// What tells it from other events.
    pub fn key(&self) -> EventKey {
        match self {
            Self::Progress(progress) => EventKey::Progress {
                image: progress.image.id,
                revision: progress.image.revision,
                variants: progress.variants.len(),
                made_ready: progress.made_ready.clone(),
            },
            Self::Change(followed) => EventKey::Change {
                place: followed.event.place,
                revision: followed.image.as_ref().map(|image| image.revision),
            },
            Self::ResyncRequired => EventKey::ResyncRequired,
        }
    }
}

/// Executes the beginning of a subscription.
pub async fn begin(schema: &Schema, request: Request) -> Begun {
    let opened = Arc::new(Mutex::new(None));
    let responses = schema.execute_stream(request.data(Step::Begin(Arc::clone(&opened))));
    let responses: Vec<Response> = responses.collect().await;
    let source = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    source.map_or(Begun::Ended(responses), Begun::Watching)
}

/// Executes a subscription for one event. `None` never happens for a subscription that began.
pub async fn answer(schema: &Schema, request: Request, event: Event) -> Option<Response> {
    Box::pin(schema.execute_stream(request.data(Step::Answer(event)))).next().await
}

/// What a subscription's resolver has to answer: nothing while it begins, when it opens its source.
///
/// # Errors
/// When the source cannot be opened.
pub(super) async fn event_of(
    ctx: &Context<'_>,
    open: impl Future<Output = async_graphql::Result<Source>>,
) -> async_graphql::Result<Option<Event>> {
    match ctx.data::<Step>()? {
        Step::Answer(event) => Ok(Some(event.clone())),
        Step::Begin(opened) => {
            let source = open.await?;
            *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
            Ok(None)
        }
    }
}
