//! Answers that their clients have not read yet: each caller holds so many bytes of them and no more. Laid around the
//! compression, for what counts is what waits to be sent.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    domain::caller::CallerKey,
    permits::{FairPermits, Permit, Share},
};

/// In bytes: what unread answers hold, of all users, of all addresses without a token, and of one caller.
const UNREAD_OF_USERS: u64 = 512 * 1024 * 1024;
const UNREAD_OF_NOBODY: u64 = 128 * 1024 * 1024;
const UNREAD_OF_ONE: u64 = 32 * 1024 * 1024;
/// In bytes: shorter answers fit into the buffers of their connections.
const SHORT: u64 = 64 * 1024;
/// How many answers of one caller wait until others were read, and for how long.
const WAITING_OF_ONE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// Permits for answers, from when they are written until they are sent.
#[derive(Clone)]
pub(super) struct AnswerPermits {
    of_users: FairPermits<CallerKey>,
    of_nobody: FairPermits<CallerKey>,
}

/// Whose answer a response is.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerTo(pub CallerKey);

/// An answer, and the permit that it takes until the connection has sent all of it.
struct Held {
    bytes: Bytes,
    _permit: Permit<CallerKey>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Lets a long answer wait for a while until enough of its caller's others were read.
pub(super) async fn hold(State(permits): State<AnswerPermits>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(AnswerTo(caller)) = response.extensions().get::<AnswerTo>().copied() else { return response };
    let size = response.body().size_hint().lower();
    if size <= SHORT {
        return response;
    }
    let Some(permit) = permits.acquire(caller, size).await else { return not_sent(response.headers()) };
    let (parts, body) = response.into_parts();
    // It is in memory already, in one piece.
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(parts, Body::from(Bytes::from_owner(Held { bytes, _permit: permit }))),
        Err(_) => not_sent(&parts.headers),
    }
}

/// The operation was executed: whoever repeats it has to know that.
fn not_sent(headers: &HeaderMap) -> Response {
    let message = "The operation was executed, but its answer is not sent, since you have not read the answers to your \
        other operations.";
    let error = json!({"message": message, "extensions": {"code": "ANSWER_NOT_SENT"}});
    let mut response = Response::new(Body::from(json!({"errors": [error]}).to_string()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let format = headers.get(header::CONTENT_TYPE).cloned();
    response.headers_mut().extend(format.map(|format| (header::CONTENT_TYPE, format)));
    response
}

impl AnswerPermits {
    pub(super) fn new() -> Self {
        let pool = |all| FairPermits::new(Share { all, of_one: UNREAD_OF_ONE, waiting_of_one: WAITING_OF_ONE });
        Self { of_users: pool(UNREAD_OF_USERS), of_nobody: pool(UNREAD_OF_NOBODY) }
    }

    async fn acquire(&self, caller: CallerKey, size: u64) -> Option<Permit<CallerKey>> {
        let pool = match caller {
            CallerKey::User(_) => &self.of_users,
            CallerKey::Address(_) => &self.of_nobody,
        };
        timeout(PATIENCE, pool.acquire(caller, size)).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;
    use crate::{domain::ids::UserId, http::compress};

    /// A server that has a long answer for one user or another, of which nothing can be compressed away.
    fn router() -> Router {
        let answer = |caller: u128, size: usize| async move {
            let mut state = 1_u64;
            let random = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            };
            let bytes: Vec<u8> = (0..size).map(random).collect();
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().expect("a format"));
            response.extensions_mut().insert(AnswerTo(CallerKey::User(UserId(uuid::Uuid::from_u128(caller)))));
            response
        };
        Router::new()
            .route("/ann", get(move || answer(1, 4 * 1024 * 1024)))
            .route("/ann/short", get(move || answer(1, 1000)))
            .route("/ben", get(move || answer(2, 4 * 1024 * 1024)))
            .layer(middleware::from_fn(compress::compress))
            .layer(middleware::from_fn_with_state(AnswerPermits::new(), hold))
    }

    async fn ask(router: &Router, path: &str, encoding: &str) -> Response {
        let request = Request::get(path).header(header::ACCEPT_ENCODING, encoding).body(Body::empty());
        router.clone().oneshot(request.expect("a request")).await.expect("an answer")
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_given_no_more_and_others_are() {
        for encoding in ["identity", "gzip"] {
            let router = router();
            let mut unread = Vec::new();
            let refused = loop {
                let answer = ask(&router, "/ann", encoding).await;
                if answer.status() != StatusCode::OK {
                    break answer;
                }
                unread.push(answer);
                assert!(unread.len() <= 200, "{encoding}: nothing bounds it");
            };
            assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
            let held: u64 = unread.iter().map(|answer| answer.body().size_hint().lower()).sum();
            assert!(held <= UNREAD_OF_ONE && held > UNREAD_OF_ONE * 3 / 4, "{encoding}: {held}");
            for path in ["/ann/short", "/ben"] {
                assert_eq!(ask(&router, path, encoding).await.status(), StatusCode::OK, "{encoding}: {path}");
            }
            let (head, body) = unread.pop().expect("an answer").into_parts();
            let bytes = to_bytes(body, usize::MAX).await.expect("in memory");
            assert_ne!(ask(&router, "/ann", encoding).await.status(), StatusCode::OK, "its connection has it to send");
            drop((head, bytes));
            assert_eq!(ask(&router, "/ann", encoding).await.status(), StatusCode::OK, "what was sent is forgotten");
        }
    }
}
