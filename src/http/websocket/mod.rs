//! GraphQL over WebSocket: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>
//!
//! The stock loop knows no time-outs and few close codes, and ends clients that only listen.

mod connection;
mod message;
mod operation;
mod visitors;

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, WebSocketUpgrade},
    http::{header, request::Parts},
    response::Response,
};

use self::connection::Connection;
pub(super) use self::visitors::Visitors;
use super::{HttpState, bearer};

const PROTOCOL: &str = "graphql-transport-ws";
/// In bytes: what a message may have.
const MAX_MESSAGE: usize = 256 * 1024;

/// Answers the handshake, and talks from there on.
pub(super) fn upgrade(state: HttpState, upgrade: WebSocketUpgrade, parts: &Parts) -> Response {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(bearer).map(str::to_owned);
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| Connection::new(state, token, peer, socket).run())
}
