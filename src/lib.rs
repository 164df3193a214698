//! Darkroom: an image upload server with a GraphQL API.
//!
//! # Where to start
//! Follow one upload: [`graphql`] (`mutation/uploads.rs`) takes the request, [`uploads`] decides step by step
//! (`request` → `receive` → `complete` → `process`), [`changes`] writes what was decided, [`storage`] signs the form and keeps the objects,
//! [`queue`] and [`worker`] carry the work on, [`imaging`] makes the variants, and [`events`] tells everybody
//! who watches. `docs/architecture.md` walks the same way with more words.
//!
//! `docs/architecture.md` has the layers too, and `tests/it/layers.rs` keeps them.

pub mod accounts;
pub mod app;
pub mod budget;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod doctor;
pub mod domain;
pub mod events;
pub mod graphql;
pub mod http;
pub mod imaging;
pub mod library;
mod machine;
pub mod mail;
pub mod measures;
pub mod oidc;
pub mod outbound;
pub mod passkeys;
pub mod passwords;
pub mod permits;
mod providers_file;
pub mod queue;
pub mod secrets;
pub mod sharing;
pub mod storage;
pub mod tasks;
pub mod trace;
pub mod ttl_cache;
pub mod uploads;
mod variants_file;
pub mod webhooks;
pub mod worker;
