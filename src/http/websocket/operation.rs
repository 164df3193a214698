//! One operation on a socket: a task of its own, whose events the socket takes when it can.

use std::{pin::pin, sync::Arc, time::Duration};

use async_graphql::{Data, Response, ServerError, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use super::visitors::OperationPlace;
use crate::{
    domain::user::Caller,
    graphql::{admission::Admitted, for_caller},
    http::{EXECUTION_TIMEOUT, HttpState},
};

/// What an operation has to say next; `None` when it is over.
pub(super) type Event = Option<Response>;

/// The events of an operation. Only a subscription may take as long as it likes for its next one.
pub(super) fn run(
    state: &HttpState,
    admitted: Admitted,
    caller: Arc<Caller>,
    place: OperationPlace,
) -> BoxStream<'static, Event> {
    let is_subscription = admitted.ty == OperationType::Subscription;
    let request = for_caller(admitted.request, caller, &state.services);
    let responses = state.schema.execute_stream_with_session_data(request, Arc::new(Data::default()));
    // In a task of its own: polled by the socket's alone, it would hold its database connection while that one
    // waits for another.
    let (send, events) = mpsc::channel(1);
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut responses = pin!(responses);
        let patience = if is_subscription { Duration::MAX } else { EXECUTION_TIMEOUT };
        loop {
            let (response, is_last) = match timeout(patience, responses.next()).await {
                Ok(Some(response)) => (response, false),
                Ok(None) => break,
                Err(_) => (Response::from_errors(vec![took_too_long()]), true),
            };
            if send.send(response).await.is_err() || is_last {
                break;
            }
        }
    }));
    // The place and the task are held for as long as the stream is.
    over(ReceiverStream::new(events).inspect(move |_| _ = (&place, &task)))
}

/// The one event of an operation that is not begun.
pub(super) fn refused(error: ServerError) -> BoxStream<'static, Event> {
    over(stream::iter([Response::from_errors(vec![error])]))
}

/// A stream that says when it is over.
fn over(responses: impl Stream<Item = Response> + Send + 'static) -> BoxStream<'static, Event> {
    responses.map(Some).chain(stream::iter([None])).boxed()
}

/// The visitor has as many running as one may.
pub(super) fn too_many_operations() -> ServerError {
    refusal("Too many operations are running: end some first.", "RATE_LIMITED")
}

fn took_too_long() -> ServerError {
    refusal("The operation took more than 30 seconds and was ended.", "TIMEOUT")
}

fn refusal(message: &str, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}
