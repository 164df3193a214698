//! Pictures alone: no server, no database, no storage. What `it` asks of the server with real parts on both sides,
//! this asks of the pipeline with real files.

#![expect(clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

mod corpus;
mod formats;
mod hostile;
mod moving;
mod mutated;
#[path = "../it/support/pictures.rs"]
#[expect(dead_code, reason = "the server's stories draw more pictures than these")]
mod pictures;
mod program;
mod reduced;
mod sandbox;
#[path = "../it/support/skip.rs"]
mod skip;
