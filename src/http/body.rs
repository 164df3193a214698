//! A GraphQL request's body: bounded in its size, in the time that it takes, and in what all of them together hold.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use bytes::BytesMut;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::request::Malformed;
use crate::{
    domain::caller::CallerKey,
    permits::{FairPermits, Permit, Share},
};

/// In bytes: what a request's body may have.
pub(super) const MAX_BODY: usize = 1024 * 1024;
/// How long all of a body may take. Its longest is sent within by whoever has 35 KB a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// In bytes: what bodies hold whose operations have not ended, of all callers and of one.
const UNFINISHED: u64 = 64 * 1024 * 1024;
const UNFINISHED_OF_ONE: u64 = 16 * 1024 * 1024;
/// In bytes: what is asked for at a time.
const STEP: usize = 16 * 1024;

/// A body, and the permits that it takes.
pub(super) struct ReadBody {
    pub bytes: Bytes,
    _permits: Vec<Permit<CallerKey>>,
}

/// Room for bodies that are being read, or whose operations wait.
#[derive(Clone)]
pub(super) struct BodyPermits(FairPermits<CallerKey>);

impl BodyPermits {
    pub(super) fn new() -> Self {
        Self(FairPermits::new(Share { all: UNFINISHED, of_one: UNFINISHED_OF_ONE, waiting_of_one: 0 }))
    }

    /// Reads a body to its end. It takes permits until what was read of it is dropped.
    pub(super) async fn read(&self, caller: CallerKey, headers: &HeaderMap, body: Body) -> Result<ReadBody, Malformed> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > MAX_BODY as u64) {
            return Err(too_large());
        }
        let deadline = Instant::now() + PATIENCE;
        match timeout_at(deadline, self.collect(caller, body)).await {
            Ok(read) => read,
            Err(_) => {
                let message = format!("The body did not arrive within {} seconds.", PATIENCE.as_secs());
                Err(Malformed(StatusCode::REQUEST_TIMEOUT, message))
            }
        }
    }

    async fn collect(&self, caller: CallerKey, mut body: Body) -> Result<ReadBody, Malformed> {
        let mut read = BytesMut::new();
        let mut permits: Vec<Permit<CallerKey>> = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Malformed(StatusCode::BAD_REQUEST, "The body broke off.".to_owned()))?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > MAX_BODY {
                return Err(too_large());
            }
            // A body that comes at once, as nearly all do, asks for no more than there is in it.
            while permits.len() * STEP < read.len() + data.len() {
                let granted = self.0.acquire(caller, STEP as u64).await;
                permits.push(granted.map_err(|_| busy())?);
            }
            if read.is_empty() && body.is_end_stream() {
                return Ok(ReadBody { bytes: data, _permits: permits });
            }
            read.extend_from_slice(&data);
        }
        Ok(ReadBody { bytes: read.freeze(), _permits: permits })
    }
}

fn too_large() -> Malformed {
    let message = format!("The body has more than {MAX_BODY} bytes.");
    Malformed(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn busy() -> Malformed {
    let message = "Too many requests are being sent at once: try again in a moment.";
    Malformed(StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, StreamExt};

    use super::*;
    use crate::domain::{caller::CallerKey, ids::UserId};

    /// All of a body but its last byte, which never comes.
    fn unfinished() -> Body {
        let sent: Result<_, std::io::Error> = Ok(Bytes::from(vec![b' '; MAX_BODY - 1]));
        Body::from_stream(stream::iter([sent]).chain(stream::pending()))
    }

    #[tokio::test]
    async fn one_caller_holds_a_quarter_of_what_all_hold() {
        let permits = BodyPermits::new();
        let caller = |number: u128| CallerKey::User(UserId(uuid::Uuid::from_u128(number)));
        let headers = HeaderMap::new();
        let mut held = Vec::new();
        for number in 0..4 {
            for _ in 0..16 {
                let mut reading = Box::pin(permits.read(caller(number), &headers, unfinished()));
                assert!(futures_util::poll!(&mut reading).is_pending());
                held.push(reading);
            }
            let refused = permits.read(caller(number), &headers, unfinished()).await;
            assert!(refused.is_err_and(|Malformed(status, _)| status == StatusCode::SERVICE_UNAVAILABLE), "{number}");
        }
        let one_more = permits.read(caller(9), &headers, Body::from("{}")).await;
        assert!(one_more.is_err(), "64 MiB are held by all");
        held.pop();
        assert!(permits.read(caller(9), &headers, Body::from("{}")).await.is_ok(), "what is given up is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_given_up() {
        let caller = CallerKey::User(UserId(uuid::Uuid::nil()));
        let read = BodyPermits::new().read(caller, &HeaderMap::new(), unfinished()).await;
        assert!(read.is_err_and(|Malformed(status, _)| status == StatusCode::REQUEST_TIMEOUT));
    }
}
