//! One operation on a socket, as a stream of what it has to say.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{Response, ServerError, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use serde_json::value::RawValue;

use super::{
    open_sockets::OperationPermit,
    shared::{Answer, SharedOperation, failed},
};
use crate::{
    graphql::{
        admission::Admitted,
        error,
        live::{self, Begun, Source},
    },
    http::{
        HttpState,
        execute::{self, Payment, Requester},
    },
    tasks::in_task,
};

/// What an operation has to say next.
pub(super) enum Said {
    Next(Arc<Answer>),
    /// It failed at its beginning, with these errors, and is over.
    Failed(Box<RawValue>),
    Over,
}

/// A subscription that has begun.
struct Subscription {
    state: Arc<HttpState>,
    source: Source,
    operation: Arc<SharedOperation>,
    /// The first event is paid for by the beginning; each other one is executed like an operation.
    paid: Option<Payment>,
}

/// The events of an operation. Only a subscription may take as long as it likes for its next one.
pub(super) fn run(
    state: &Arc<HttpState>,
    admitted: Admitted,
    requester: Requester,
    permit: OperationPermit,
) -> BoxStream<'static, Said> {
    let (state, shown_to) = (Arc::clone(state), Arc::clone(state));
    let answers = match admitted.ty {
        OperationType::Subscription => {
            let begun = stream::once(in_task(begin(state, admitted, requester)));
            let events = begun.flat_map(|begun| match begun {
                Ok(subscription) => subscription.events().left_stream(),
                Err(answers) => stream::iter(answers).right_stream(),
            });
            events.boxed()
        }
        OperationType::Query | OperationType::Mutation => {
            let executed = async move {
                let response = execute::answer(&state, &admitted, requester).await;
                Arc::new(Answer::to(&admitted, response, &state))
            };
            stream::once(in_task(executed)).boxed()
        }
    };
    // A panic ends its operation alone.
    let answers = AssertUnwindSafe(answers).catch_unwind();
    let answers = answers.map(move |answer| answer.unwrap_or_else(|_| Arc::new(Answer::of(failed(), &shown_to))));
    // The permit is held for as long as the stream is.
    over(answers.inspect(move |_| _ = &permit))
}

/// Begins a subscription, or gives what it has to say instead.
async fn begin(
    state: Arc<HttpState>,
    admitted: Admitted,
    requester: Requester,
) -> Result<Subscription, Vec<Arc<Answer>>> {
    let answer = |response| Arc::new(Answer::to(&admitted, response, &state));
    let payment = execute::pay(&state, &requester, admitted.requested.points)
        .map_err(|exhausted| vec![answer(Response::from_errors(vec![execute::too_much(&exhausted)]))])?;
    let request = requester.with(admitted.request(), &state);
    match live::begin(&state.schema, request).await {
        Begun::Ended(responses) => Err(responses.into_iter().map(answer).collect()),
        Begun::Watching(source) => {
            let operation = state.subscriptions.join(admitted, requester);
            Ok(Subscription { state, source, operation, paid: Some(payment) })
        }
    }
}

impl Subscription {
    fn events(self) -> impl Stream<Item = Arc<Answer>> + Send {
        stream::unfold(self, |mut subscription| async {
            let event = subscription.source.next().await?;
            let Self { state, operation, paid, .. } = &mut subscription;
            // Boxed: a socket waits most of its life, and then holds no room for this.
            let answer = Box::pin(operation.answer(state, event, paid.take())).await;
            Some((answer, subscription))
        })
    }
}

/// The one event of an operation that is not begun.
pub(super) fn refused(state: &HttpState, error: ServerError) -> BoxStream<'static, Said> {
    over(stream::iter([Arc::new(Answer::of(Response::from_errors(vec![error]), state))]))
}

/// A stream that says how it ends. An event that fails after the first one is one event.
fn over(answers: impl Stream<Item = Arc<Answer>> + Send + 'static) -> BoxStream<'static, Said> {
    let said = answers.enumerate().map(|(at, answer)| match &answer.failure {
        Some(errors) if at == 0 => Said::Failed(errors.clone()),
        _ => Said::Next(answer),
    });
    said.chain(stream::iter([Said::Over])).boxed()
}

/// The caller has as many running as one may.
pub(super) fn too_many_operations() -> ServerError {
    execute::refusal("Too many operations are running: end some first.", error::RATE_LIMITED)
}
