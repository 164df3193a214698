//! One operation on a socket: a task of its own, whose events the socket takes when it can.

use std::sync::Arc;

use async_graphql::{Response, ServerError, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use super::{open_sockets::OperationPermit, shared::Answer};
use crate::{
    graphql::{
        admission::Admitted,
        error,
        live::{self, Begun},
    },
    http::{
        HttpState,
        execute::{self, Requester},
    },
};

/// What an operation has to say next; `None` when it is over.
pub(super) type Event = Option<Arc<Answer>>;

/// The events of an operation. Only a subscription may take as long as it likes for its next one.
pub(super) fn run(
    state: &Arc<HttpState>,
    admitted: Admitted,
    requester: Requester,
    permit: OperationPermit,
) -> BoxStream<'static, Event> {
    // In a task of its own: polled by the socket's alone, it would hold its database connection while that one
    // waits for another.
    let (send, events) = mpsc::channel(1);
    let state = Arc::clone(state);
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        // Boxed: what an execution needs is given back between the events, and a task keeps the room for its largest step.
        match admitted.ty {
            OperationType::Subscription => subscribe(&state, admitted, requester, &send).await,
            OperationType::Query | OperationType::Mutation => {
                let response = Box::pin(execute::answer(&state, admitted, requester)).await;
                let _ = send.send(Arc::new(Answer::of(response, &state))).await;
            }
        }
    }));
    // The permit and the task are held for as long as the stream is.
    over(ReceiverStream::new(events).inspect(move |_| _ = (&permit, &task)))
}

async fn subscribe(state: &Arc<HttpState>, admitted: Admitted, requester: Requester, send: &mpsc::Sender<Arc<Answer>>) {
    let payment = match execute::pay(state, &requester, admitted.requested.points) {
        Ok(payment) => payment,
        Err(exhausted) => {
            let refused = Response::from_errors(vec![execute::too_much(&exhausted)]);
            return drop(send.send(Arc::new(Answer::of(refused, state))).await);
        }
    };
    let request = requester.with(admitted.request(), state);
    let mut source = match Box::pin(live::begin(&state.schema, request)).await {
        Begun::Watching(source) => source,
        Begun::Ended(responses) => {
            for response in responses {
                let _ = send.send(Arc::new(Answer::of(response, state))).await;
            }
            return;
        }
    };
    let operation = state.subscriptions.join(admitted, requester);
    // The first event is paid for by the beginning; each other one is executed like an operation.
    let mut paid = Some(payment);
    while let Some(event) = source.next().await {
        let answer = Box::pin(operation.answer(state, event, paid.take())).await;
        if send.send(answer).await.is_err() {
            break;
        }
    }
}

/// The one event of an operation that is not begun.
pub(super) fn refused(state: &HttpState, error: ServerError) -> BoxStream<'static, Event> {
    over(stream::iter([Arc::new(Answer::of(Response::from_errors(vec![error]), state))]))
}

/// A stream that says when it is over.
fn over(answers: impl Stream<Item = Arc<Answer>> + Send + 'static) -> BoxStream<'static, Event> {
    answers.map(Some).chain(stream::iter([None])).boxed()
}

/// The caller has as many running as one may.
pub(super) fn too_many_operations() -> ServerError {
    execute::refusal("Too many operations are running: end some first.", error::RATE_LIMITED)
}
