//! GraphQL over WebSocket: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>
//!
//! The stock loop knows no time-outs and few close codes, and ends clients that only listen.

mod connection;
mod message;
mod open_sockets;
mod operation;
mod shared;
mod standings;

use std::sync::Arc;

use axum::{extract::WebSocketUpgrade, http::request::Parts, response::Response};

use self::connection::Connection;
pub use self::open_sockets::SocketLimits;
pub(super) use self::{open_sockets::OpenSockets, shared::SharedOperations, standings::Standings};
use super::{HttpState, client_address, connections::Busy, token_of};

const PROTOCOL: &str = "graphql-transport-ws";
/// In bytes: what a message may have.
const MAX_MESSAGE: usize = 256 * 1024;
/// In bytes: what each socket holds for reading, of which clients send little; for a longer message it grows. By default it
/// is 128 KiB, which was four fifths of what a watcher took.
const READ_BUFFER: usize = 1024;

/// Answers the handshake, and talks from there on.
pub(super) fn upgrade(state: Arc<HttpState>, upgrade: WebSocketUpgrade, parts: &Parts) -> Response {
    let token = token_of(&parts.headers);
    let address = client_address(&state, parts);
    // As long as the socket is open, its connection is not idle.
    let busy = parts.extensions.get::<Arc<Busy>>().map(Arc::clone);
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.read_buffer_size(READ_BUFFER).on_upgrade(move |socket| async move {
        Connection::new(state, token, address, socket).run().await;
        drop(busy);
    })
}
