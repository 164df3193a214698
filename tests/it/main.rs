//! The whole application over HTTP and WebSocket: real database, real storage, a held clock, a file a story.

#![expect(clippy::expect_used, clippy::panic, reason = "that is how a test fails")]
#![expect(clippy::format_collect, clippy::match_same_arms, reason = "a table reads better than its shortest form")]

mod accounts;
mod categories;
mod command;
mod crash;
mod embedded_storage;
mod graphql_over_http;
mod imaging;
mod jobs;
mod layers;
mod life;
mod policy;
mod refusals;
mod schema;
mod story;
mod support;
mod websocket;
