//! Domain: plain types and the rules that hold whatever the database, the storage or the door.
//!
//! Knows no other layer and does no I/O. A state that cannot be, cannot be written here.

pub mod access;
pub mod audit;
pub mod batch;
pub mod caller;
pub mod category;
pub mod change;
pub mod details;
pub mod error;
pub mod event;
pub mod failure;
pub mod filename;
pub mod fingerprint;
pub mod format;
pub mod ids;
pub mod image;
pub mod job;
pub mod listing;
pub mod mail;
pub mod metadata;
pub mod multipart;
pub mod networks;
pub mod oidc;
pub mod origins;
pub mod progress;
pub mod regeneration;
pub mod removal;
pub mod search;
pub mod session;
pub mod sharing;
pub mod stats;
pub mod ticket;
mod transitions;
pub mod user;
pub mod variant;
pub mod variant_spec;
pub mod webhook;
