//! Executing an operation for its caller: paid for, in its turn, and within its time; by HTTP and WebSocket alike.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_graphql::{Request, Response, ServerError, Value, parser::types::OperationType, value};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::{EXECUTION_TIMEOUT, HttpState, outage::Away};
use crate::{
    budget::{Exhausted, Left},
    domain::caller::{Caller, CallerKey},
    graphql::{
        SentFrom,
        admission::{Admitted, COST},
        error::{self, AWAY, DATABASE_UNAVAILABLE, RATE_LIMITED, RETRY_AFTER, retry_after_seconds},
        for_caller,
    },
    measures,
    permits::{FairPermits, Share},
    trace::{self, step},
};

/// The code of an operation that took too long.
pub(super) const TIMEOUT: &str = "TIMEOUT";
/// The log's name for a line a request.
const REQUESTS: &str = "darkroom::requests";
/// How many operations run at once.
const RUNNING: u64 = 256;
/// How many of one caller wait for their turn.
const WAITING_OF_ONE: usize = 64;
/// In bytes: what is read for nothing, and how much of what is longer is read for a point.
const LONG_TEXT: usize = 16 * 1024;
const BYTES_FOR_A_POINT: usize = 100;
/// The points that a request costs which is refused before it is executed.
const REFUSED: u64 = 10;

/// Who asks, and from where.
#[derive(Clone)]
pub(super) struct Requester {
    pub caller: Arc<Caller>,
    pub from: SentFrom,
}

/// Every operation's turn; so many of one caller run at once.
pub(super) fn turns(of_one: u32) -> FairPermits<CallerKey> {
    FairPermits::new(Share { all: RUNNING, of_one: of_one.into(), waiting_of_one: WAITING_OF_ONE })
}

impl Requester {
    pub(super) fn key(&self) -> CallerKey {
        self.caller.key(self.from.address)
    }

    pub(super) fn with(&self, request: Request, state: &HttpState) -> Request {
        for_caller(request, Arc::clone(&self.caller), self.from.clone(), &state.services)
    }
}

/// Takes what a refused request costs too: reading it was work.
pub(super) fn charge_refused(state: &HttpState, requester: &Requester) -> Result<(), ServerError> {
    state.services.budget.charge(requester.key(), REFUSED).map(drop).map_err(|exhausted| too_much(&exhausted))
}

/// Takes what reading a long text costs, before it is read.
pub(super) fn charge_text(state: &HttpState, requester: &Requester, bytes: usize) -> Result<(), ServerError> {
    if bytes < LONG_TEXT {
        return Ok(());
    }
    let points = (bytes / BYTES_FOR_A_POINT) as u64;
    state.services.budget.charge(requester.key(), points).map(drop).map_err(|exhausted| too_much(&exhausted))
}

/// Points that were taken, and what is left of them where they are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payment(Option<Left>);

/// Takes points for an operation.
pub(super) fn pay(state: &HttpState, requester: &Requester, points: u64) -> Result<Payment, Exhausted> {
    state.services.budget.charge(requester.key(), points).map(Payment)
}

/// Executes a query or a mutation, and notes in the log and in the metrics that it did.
///
/// What failed is not null yet (`Admitted::propagate_nulls`): until then the data tell what was done.
pub(super) async fn answer(state: &HttpState, admitted: &Admitted, requester: Requester) -> Response {
    let began = Instant::now();
    let (kind, name, points) = (kind_of(admitted.ty), admitted.name().map(str::to_owned), admitted.requested.points);
    let (caller, address) = (Arc::clone(&requester.caller), requester.from.address);
    let span = step!(format!("{kind} {}", name.as_deref().unwrap_or("anonymous")), points);
    let response = paid_and_executed(state, admitted, requester).instrument(span.clone()).await;
    if let Some(error) = response.errors.first() {
        trace::failed(&span, &error.message);
    }
    note(kind, name.as_deref(), points, began.elapsed(), &response, &caller, address);
    response
}

fn note(
    kind: &'static str,
    name: Option<&str>,
    points: u64,
    took: Duration,
    response: &Response,
    caller: &Caller,
    address: IpAddr,
) {
    let outcome = response.errors.first().map_or("ok", |error| code_of(error).unwrap_or(error::BAD_USER_INPUT));
    measures::operation(kind, name, outcome, took, points, caller.identity().is_some());
    let caller = caller.identity().map(|identity| tracing::field::display(identity.id()));
    let (operation, ms) = (name.unwrap_or("anonymous"), took.as_secs_f64() * 1000.0);
    tracing::info!(target: REQUESTS, kind, operation, outcome, points, ms, caller, %address, "answered");
}

const fn kind_of(ty: OperationType) -> &'static str {
    match ty {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

async fn paid_and_executed(state: &HttpState, admitted: &Admitted, requester: Requester) -> Response {
    let payment = match pay(state, &requester, admitted.requested.points) {
        Ok(payment) => payment,
        Err(exhausted) => return Response::from_errors(vec![too_much(&exhausted)]),
    };
    let request = requester.with(admitted.request(), state);
    let executed = async {
        let Ok(_turn) = state.turns.acquire(requester.key(), 1).await else {
            let message = "Too many of your operations are running: wait for some to end.";
            return Response::from_errors(vec![refusal(message, RATE_LIMITED)]);
        };
        state.schema.execute(request).await
    };
    let response = match state.outage.unless_away(timeout(EXECUTION_TIMEOUT, executed)).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let message = "The operation took more than 30 seconds and was ended.";
            return Response::from_errors(vec![refusal(message, TIMEOUT)]);
        }
        Err(away) => return Response::from_errors(vec![database_away(away)]),
    };
    if response.errors.iter().any(|error| code_of(error) == Some(DATABASE_UNAVAILABLE)) {
        state.outage.suspect();
    }
    with_cost(response, admitted, payment)
}

/// The response with what it cost, for clients that ask for it.
pub(super) fn with_cost(response: Response, admitted: &Admitted, Payment(left): Payment) -> Response {
    let Some(left) = left.filter(|_| admitted.asks_cost) else { return response };
    let (requested, actual) = (admitted.requested.points, admitted.actual(&response.data));
    let (remaining, restore_rate) = (left.points, left.per_second);
    let cost = value!({
        "requested": requested, "actual": actual, "remaining": remaining, "restoreRate": restore_rate,
    });
    response.extension(COST, cost)
}

pub(super) fn too_much(exhausted: &Exhausted) -> ServerError {
    let Exhausted { requested, remaining, retry_after } = *exhausted;
    let seconds = retry_after_seconds(retry_after.max(Duration::from_secs(1)));
    let message =
        format!("The operation costs {requested} points, and {remaining} are left: try again in {seconds} seconds.");
    let mut error = refusal(&message, RATE_LIMITED);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set(RETRY_AFTER, seconds);
    extensions.set("requested", requested);
    extensions.set("remaining", remaining);
    error
}

pub(super) fn database_away(away: Away) -> ServerError {
    let message = match away {
        Away::Already => "The database cannot be reached. Nothing was changed; try again in a moment.",
        Away::Since => "The database stopped answering. What was asked for may have been done; try again in a moment.",
    };
    let mut error = refusal(message, DATABASE_UNAVAILABLE);
    error.extensions.get_or_insert_default().set(RETRY_AFTER, AWAY);
    error
}

/// The code that an error has for clients.
pub(super) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

pub(super) fn refusal(message: &str, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}
