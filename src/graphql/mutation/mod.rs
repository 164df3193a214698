//! Writes. Each translates, calls one service, and translates back.

mod library;
mod session;
mod uploads;

use async_graphql::MergedObject;

use self::{library::LibraryMutation, session::SessionMutation, uploads::UploadMutation};

/// Everything that can be changed. What the caller can mend is in each payload's `userErrors`.
#[derive(Default, MergedObject)]
pub struct Mutation(UploadMutation, LibraryMutation, SessionMutation);
