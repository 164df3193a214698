//! One operation on a socket: a task of its own, whose events the socket takes when it can.

use std::{pin::pin, sync::Arc};

use async_graphql::{Data, Response, ServerError, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use super::open_sockets::OperationPermit;
use crate::{
    graphql::{admission::Admitted, error},
    http::{
        HttpState,
        execute::{self, Requester},
    },
};

/// What an operation has to say next; `None` when it is over.
pub(super) type Event = Option<Response>;

/// The events of an operation. Only a subscription may take as long as it likes for its next one.
pub(super) fn run(
    state: &Arc<HttpState>,
    admitted: Admitted,
    requester: Requester,
    permit: OperationPermit,
) -> BoxStream<'static, Event> {
    let is_subscription = admitted.ty == OperationType::Subscription;
    // In a task of its own: polled by the socket's alone, it would hold its database connection while that one
    // waits for another.
    let (send, events) = mpsc::channel(1);
    let state = Arc::clone(state);
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        if !is_subscription {
            let _ = send.send(execute::answer(&state, admitted, requester).await).await;
            return;
        }
        let points = admitted.requested.points;
        let request = match execute::pay(&state, admitted, &requester) {
            Ok((request, _)) => requester.with(request, &state),
            Err(error) => return drop(send.send(Response::from_errors(vec![error])).await),
        };
        let responses = state.schema.execute_stream_with_session_data(request, Arc::new(Data::default()));
        let mut responses = pin!(responses);
        let mut is_paid = true;
        while let Some(response) = responses.next().await {
            // Each event is executed like an operation. Whoever cannot pay waits; states that come meanwhile are one.
            while !is_paid && let Err(exhausted) = state.services.budget.charge(requester.key(), points) {
                tokio::time::sleep(exhausted.retry_after).await;
            }
            is_paid = false;
            if send.send(response).await.is_err() {
                break;
            }
        }
    }));
    // The permit and the task are held for as long as the stream is.
    over(ReceiverStream::new(events).inspect(move |_| _ = (&permit, &task)))
}

/// The one event of an operation that is not begun.
pub(super) fn refused(error: ServerError) -> BoxStream<'static, Event> {
    over(stream::iter([Response::from_errors(vec![error])]))
}

/// A stream that says when it is over.
fn over(responses: impl Stream<Item = Response> + Send + 'static) -> BoxStream<'static, Event> {
    responses.map(Some).chain(stream::iter([None])).boxed()
}

/// The caller has as many running as one may.
pub(super) fn too_many_operations() -> ServerError {
    execute::refusal("Too many operations are running: end some first.", error::RATE_LIMITED)
}
