//! Answers that their clients have not read yet: each caller holds so many bytes of them and no more.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    response::Response,
};
use tokio::time::timeout;

use crate::{
    domain::user::CallerKey,
    permits::{FairPermits, Permit, Share},
};

/// In bytes: what unread answers hold, of all callers and of one.
const UNREAD: u64 = 512 * 1024 * 1024;
const UNREAD_OF_ONE: u64 = 32 * 1024 * 1024;
/// In bytes: shorter answers fit into the buffers of their connections.
const SHORT: u64 = 64 * 1024;
/// How many answers of one caller wait until others were read, and for how long.
const WAITING_OF_ONE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// Permits for answers, from when they are written until they are sent.
#[derive(Clone)]
pub(super) struct AnswerPermits(FairPermits<CallerKey>);

/// The caller does not read what it asked for.
#[derive(Debug)]
pub(super) struct TooMuchUnread;

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

impl AnswerPermits {
    pub(super) fn new() -> Self {
        Self(FairPermits::new(Share { all: UNREAD, of_one: UNREAD_OF_ONE, waiting_of_one: WAITING_OF_ONE }))
    }

    /// Takes a permit for a long answer. It waits for a while until enough of the others were read.
    pub(super) async fn hold(&self, caller: CallerKey, response: Response) -> Result<Response, TooMuchUnread> {
        let size = response.body().size_hint().lower();
        if size <= SHORT {
            return Ok(response);
        }
        let permit = timeout(PATIENCE, self.0.acquire(caller, size)).await;
        let permit = permit.map_err(|_| TooMuchUnread)?.map_err(|_| TooMuchUnread)?;
        let (parts, body) = response.into_parts();
        // It is in memory already, in one piece.
        let bytes = to_bytes(body, usize::MAX).await.map_err(|_| TooMuchUnread)?;
        Ok(Response::from_parts(parts, Body::from(Bytes::from_owner(Held { bytes, _permit: permit }))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_given_no_more_and_others_are() {
        let permits = AnswerPermits::new();
        let caller = |number: u128| CallerKey::User(UserId(uuid::Uuid::from_u128(number)));
        let answer = || Response::new(Body::from(vec![b' '; 4 * 1024 * 1024]));
        let mut unread = Vec::new();
        for _ in 0..8 {
            unread.push(permits.hold(caller(1), answer()).await.expect("less than the limit"));
        }
        assert!(permits.hold(caller(1), answer()).await.is_err(), "after half a minute");
        assert!(permits.hold(caller(1), Response::new(Body::from("{}"))).await.is_ok(), "short ones are sent");
        assert!(permits.hold(caller(2), answer()).await.is_ok(), "another caller has its own");
        let (head, body) = unread.pop().expect("an answer").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("in memory");
        assert!(permits.hold(caller(1), answer()).await.is_err(), "its connection has it still to send");
        drop((head, bytes));
        assert!(permits.hold(caller(1), answer()).await.is_ok(), "what was sent is forgotten");
    }
}
