//! Writes. Each translates, calls one service, and translates back.

mod library;
mod regeneration;
mod session;
mod uploads;

use async_graphql::MergedObject;

use self::{
    library::LibraryMutation, regeneration::RegenerationMutation, session::SessionMutation, uploads::UploadMutation,
};

/// The mutations. Errors that the caller can correct are returned in the `userErrors` of each payload.
#[derive(Default, MergedObject)]
pub struct Mutation(UploadMutation, LibraryMutation, RegenerationMutation, SessionMutation);
