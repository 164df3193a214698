//! Equal subscriptions: those of one user with the same document and variables. Each event is executed and written as JSON
//! once for all of them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_graphql::Response;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    domain::ids::UserId,
    graphql::{
        admission::Admitted,
        error,
        live::{self, Event, EventKey},
    },
    http::{
        HttpState,
        execute::{self, Payment, Requester},
    },
    tasks::in_task,
};

/// How long an answer is given to others who have the same event. Longer, and what it tells of other rows would be old.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// Of how many events answers are kept meanwhile.
const MAX_KEPT: usize = 64;

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
    is_admin: bool,
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

/// The answer to an event, made by whoever comes first.
struct Kept {
    key: EventKey,
    since: Instant,
    answer: Arc<OnceCell<Arc<Answer>>>,
}

impl Answer {
    pub(super) fn of(mut response: Response, state: &HttpState) -> Self {
        error::finish(&mut response, &state.clock.new_id().to_string());
        let is_failure = !response.errors.is_empty() && response.data == async_graphql::Value::Null;
        let failure = is_failure.then(|| raw(&response.errors));
        Self { response: raw(&response), failure }
    }
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
        let Ok(user) = requester.caller.user() else {
            return Arc::new(SharedOperation { admitted, requester, recent: Mutex::default(), registered: None });
        };
        let key = OperationKey {
            user: user.id,
            is_admin: user.is_admin,
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
    /// can; for the others it costs a point.
    pub(super) async fn answer(
        self: &Arc<Self>,
        state: &Arc<HttpState>,
        event: Event,
        paid: Option<Payment>,
    ) -> Arc<Answer> {
        let cell = self.cell(&event);
        if cell.initialized() && paid.is_none() {
            self.pay(state, 1).await;
        }
        let execute = async || {
            let payment = match paid {
                Some(payment) => payment,
                None => self.pay(state, self.admitted.requested.points).await,
            };
            let (this, state) = (Arc::clone(self), Arc::clone(state));
            Arc::new(in_task(async move { this.execute(&state, event, payment).await }).await)
        };
        Arc::clone(cell.get_or_init(execute).await)
    }

    fn cell(&self, event: &Event) -> Arc<OnceCell<Arc<Answer>>> {
        let key = event.key();
        let mut recent = locked(&self.recent);
        while recent.front().is_some_and(|kept| kept.since.elapsed() > SHARED_FOR) || recent.len() > MAX_KEPT {
            recent.pop_front();
        }
        if let Some(kept) = recent.iter().find(|kept| kept.key == key) {
            return Arc::clone(&kept.answer);
        }
        let answer = Arc::default();
        recent.push_back(Kept { key, since: Instant::now(), answer: Arc::clone(&answer) });
        answer
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

    async fn execute(&self, state: &HttpState, event: Event, payment: Payment) -> Answer {
        let request = self.requester.with(self.admitted.request(), state);
        let response = live::answer(&state.schema, request, event).await;
        let response = response.unwrap_or_else(|| {
            Response::from_errors(vec![execute::refusal("The event could not be answered.", "INTERNAL_SERVER_ERROR")])
        });
        Answer::of(execute::with_cost(response, &self.admitted, payment), state)
    }
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
