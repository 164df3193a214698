//! The whole application over HTTP and WebSocket: real database, real storage, a held clock, a file a story.

mod accounts;
mod categories;
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
