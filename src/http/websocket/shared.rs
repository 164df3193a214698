//! Equal subscriptions: those of one user with the same document and variables. Each event is executed and written as JSON
//! once for all of them.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_graphql::{Response, ServerError};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    domain::{caller::TokenScopes, ids::UserId},
    graphql::{
        admission::Admitted,
        error,
        live::{self, Event, EventKey},
    },
    http::{
        HttpState,
        execute::{self, Payment, Requester},
    },
    tasks::here_or_in_task,
};

/// How long an answer is given to others who have the same event. Longer, and what it tells of other rows would be old.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// Of how many events answers are kept meanwhile.
const MAX_KEPT: usize = 64;
/// In bytes: how much of an answer is sent to another socket for a point, and how much of a document is read for one.
const SENT_FOR_A_POINT: usize = 16 * 1024;
const READ_FOR_A_POINT: usize = 100;
/// In bytes: shorter documents are read for nothing.
const SHORT_DOCUMENT: usize = 2 * 1024;

/// A response, written.
pub(super) struct Answer {
    pub response: Box<RawValue>,
    /// The errors alone, where there is nothing else.
    pub failure: Option<Box<RawValue>>,
}

/// The subscriptions that are running, by what makes them equal.
#[derive(Clone, Default)]
pub(in crate::http) struct SharedOperations(Arc<Mutex<HashMap<OperationKey, Weak<SharedOperation>>>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct OperationKey {
    user: UserId,
    rights_revision: i32,
    scopes: TokenScopes,
    asks_cost: bool,
    document: String,
    operation: Option<String>,
    /// As JSON.
    variables: String,
}

/// One subscription of one user, on any number of sockets.
pub(super) struct SharedOperation {
    admitted: Admitted,
    requester: Requester,
    recent: Mutex<VecDeque<Kept>>,
    registered: Option<(SharedOperations, OperationKey)>,
}

/// The answer to an event. Where making it has to wait, a task of its own does: no socket waits for another one to be polled.
type Making = Shared<BoxFuture<'static, Arc<Answer>>>;

struct Kept {
    key: EventKey,
    answer: Making,
}

impl Answer {
    /// Of what was refused.
    pub(super) fn of(mut response: Response, state: &HttpState) -> Self {
        error::finish(&mut response, &state.clock.new_id().to_string());
        let failure = is_failure(&response).then(|| raw(&response.errors));
        Self { response: raw(&response), failure }
    }

    /// Of what was executed.
    pub(super) fn to(admitted: &Admitted, mut response: Response, state: &HttpState) -> Self {
        error::finish(&mut response, &state.clock.new_id().to_string());
        let failure = is_failure(&response).then(|| raw(&response.errors));
        admitted.propagate_nulls(&mut response);
        Self { response: raw(&response), failure }
    }
}

/// Whether nothing came of it at all. Whatever failed within the one field of a subscription has a longer path, and is an event.
fn is_failure(response: &Response) -> bool {
    let is_whole = |error: &ServerError| error.path.len() <= 1;
    !response.errors.is_empty() && response.data == async_graphql::Value::Null && response.errors.iter().all(is_whole)
}

fn raw(value: &impl serde::Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a response could not be written as JSON");
        RawValue::NULL.to_owned()
    })
}

impl SharedOperations {
    /// The running operation that is equal to this one, or this one.
    pub(super) fn join(&self, admitted: Admitted, requester: Requester) -> Arc<SharedOperation> {
        let Some(identity) = requester.caller.identity() else {
            return Arc::new(SharedOperation { admitted, requester, recent: Mutex::default(), registered: None });
        };
        let key = OperationKey {
            user: identity.id(),
            rights_revision: identity.standing.rights_revision,
            scopes: identity.scopes,
            asks_cost: admitted.asks_cost,
            document: admitted.text.clone(),
            operation: admitted.operation_name.clone(),
            variables: serde_json::to_string(&admitted.variables).unwrap_or_default(),
        };
        let mut running = locked(&self.0);
        if let Some(equal) = running.get(&key).and_then(Weak::upgrade) {
            return equal;
        }
        let registered = Some((self.clone(), key.clone()));
        let joined = Arc::new(SharedOperation { admitted, requester, recent: Mutex::default(), registered });
        running.insert(key, Arc::downgrade(&joined));
        joined
    }
}

impl SharedOperation {
    /// The answer to an event. Whoever has it executed pays for that, unless it is paid for already, and waits until they
    /// can; the others pay for being sent it.
    pub(super) async fn answer(
        self: &Arc<Self>,
        state: &Arc<HttpState>,
        event: Event,
        paid: Option<Payment>,
    ) -> Arc<Answer> {
        let (making, is_mine) = self.making(state, event, paid);
        let answer = making.await;
        if !is_mine && paid.is_none() {
            self.pay(state, 1 + (answer.response.get().len() / SENT_FOR_A_POINT) as u64).await;
        }
        answer
    }

    /// The answer that is being made, or was made a moment ago; begun now if there is none.
    fn making(self: &Arc<Self>, state: &Arc<HttpState>, event: Event, paid: Option<Payment>) -> (Making, bool) {
        let key = event.key();
        let mut recent = locked(&self.recent);
        // Who has paid does not wait for somebody who cannot.
        let is_usable = |kept: &&Kept| kept.key == key && (paid.is_none() || kept.answer.peek().is_some());
        if let Some(kept) = recent.iter().find(is_usable) {
            return (kept.answer.clone(), false);
        }
        let (this, state) = (Arc::clone(self), Arc::clone(state));
        let shown_to = Arc::clone(&state);
        let made = here_or_in_task(async move { this.execute(&state, event, paid).await });
        let made = AssertUnwindSafe(made).catch_unwind();
        let made = made.map(move |made| Arc::new(made.unwrap_or_else(|_| Answer::of(failed(), &shown_to))));
        let answer = made.boxed().shared();
        recent.retain(|kept| kept.key != key);
        recent.truncate(MAX_KEPT - 1);
        recent.push_front(Kept { key: key.clone(), answer: answer.clone() });
        drop(recent);
        self.forget_soon(key, answer.clone());
        (answer, true)
    }

    fn forget_soon(self: &Arc<Self>, key: EventKey, answer: Making) {
        let this = Arc::downgrade(self);
        let weak = answer.downgrade();
        drop(answer);
        tokio::spawn(async move {
            tokio::time::sleep(SHARED_FOR).await;
            let Some(this) = this.upgrade() else { return };
            locked(&this.recent).retain(|kept| {
                let is_it = weak.as_ref().and_then(WeakShared::upgrade).is_some_and(|made| made.ptr_eq(&kept.answer));
                kept.key != key || !is_it
            });
        });
    }

    /// States that come while somebody waits are one.
    async fn pay(&self, state: &HttpState, points: u64) -> Payment {
        loop {
            match execute::pay(state, &self.requester, points) {
                Ok(payment) => return payment,
                Err(exhausted) => tokio::time::sleep(exhausted.retry_after).await,
            }
        }
    }

    async fn execute(&self, state: &HttpState, event: Event, paid: Option<Payment>) -> Answer {
        let payment = match paid {
            Some(payment) => payment,
            None => self.pay(state, self.price()).await,
        };
        let request = self.requester.with(self.admitted.request(), state);
        let response = live::answer(&state.schema, request, event).await;
        Answer::to(&self.admitted, execute::with_cost(response.unwrap_or_else(failed), &self.admitted, payment), state)
    }

    /// The points of an event: those of the operation, and of reading a long document again.
    fn price(&self) -> u64 {
        let read = self.admitted.text.len().saturating_sub(SHORT_DOCUMENT) / READ_FOR_A_POINT;
        self.admitted.requested.points.saturating_add(read as u64)
    }
}

/// What is told of a failure of our own.
pub(super) fn failed() -> Response {
    Response::from_errors(vec![execute::refusal("The operation failed.", "INTERNAL_SERVER_ERROR")])
}

impl Drop for SharedOperation {
    fn drop(&mut self) {
        let Some((operations, key)) = &self.registered else { return };
        let mut running = locked(&operations.0);
        // Another one of its kind may have begun meanwhile.
        if running.get(key).is_some_and(|known| known.strong_count() == 0) {
            running.remove(key);
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
