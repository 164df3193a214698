//! The whole application over HTTP and WebSocket: real database, real storage, a held clock, a file a story.

#![expect(clippy::expect_used, clippy::panic, reason = "that is how a test fails")]
#![expect(clippy::format_collect, clippy::match_same_arms, reason = "a table reads better than its shortest form")]

mod accounts;
mod administration;
mod albums;
mod api_tokens;
mod bounds;
mod categories;
mod changes;
mod chaos;
mod command;
mod containers;
mod contract;
mod crash;
mod doctor;
mod documents;
mod editing;
mod embedded_storage;
mod graphql_over_http;
mod imaging;
mod jobs;
mod layers;
mod life;
mod listing;
mod metadata;
mod metrics;
mod outages;
mod permissions;
mod policy;
mod refusals;
mod regeneration;
mod relay;
mod s3_semantics;
mod schema;
mod search;
mod search_pages;
mod sessions;
mod share_links;
mod shared_permissions;
mod sharing;
mod sign_up;
mod similar;
mod stats;
mod stopping;
mod storage_copy;
mod story;
mod support;
mod sweep;
mod tomorrow;
mod traces;
mod variants;
mod webhooks;
mod websocket;
