//! GraphQL over WebSocket: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>
//!
//! The stock loop knows no time-outs and few close codes, and ends clients that only listen.

mod connection;
mod message;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::WebSocketUpgrade,
    http::{HeaderMap, header},
    response::Response,
};

use self::connection::Connection;
use super::{HttpState, bearer};
use crate::domain::ids::UserId;

const PROTOCOL: &str = "graphql-transport-ws";
/// In bytes: what a message may have.
const MAX_MESSAGE: usize = 256 * 1024;
/// How many sockets one user may have open; the anonymous share theirs.
const MAX_SOCKETS: usize = 64;

/// Answers the handshake, and talks from there on.
pub(super) fn upgrade(state: HttpState, upgrade: WebSocketUpgrade, headers: &HeaderMap) -> Response {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(bearer).map(str::to_owned);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| Connection::new(state, token, socket).run())
}

/// A place among a user's sockets, given back on drop.
struct SocketSlot {
    sockets: Arc<Mutex<HashMap<Option<UserId>, usize>>>,
    user: Option<UserId>,
}

impl SocketSlot {
    /// `None` when the user has too many open.
    fn take(state: &HttpState, user: Option<UserId>) -> Option<Self> {
        let mut sockets = state.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sockets.entry(user).or_default();
        if *open >= MAX_SOCKETS {
            return None;
        }
        *open += 1;
        Some(Self { sockets: Arc::clone(&state.sockets), user })
    }
}

impl Drop for SocketSlot {
    fn drop(&mut self) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = sockets.get_mut(&self.user) {
            *open -= 1;
            if *open == 0 {
                sockets.remove(&self.user);
            }
        }
    }
}
