//! Writes. Each translates, calls one service, and translates back.

mod administration;
mod api_token;
mod library;
mod regeneration;
mod session;
mod sign_up;
mod uploads;

use async_graphql::MergedObject;

use self::{
    administration::AdministrationMutation, api_token::ApiTokenMutation, library::LibraryMutation,
    regeneration::RegenerationMutation, session::SessionMutation, sign_up::SignUpMutation, uploads::UploadMutation,
};

/// The mutations. Errors that the caller can correct are returned in the `userErrors` of each payload.
#[derive(Default, MergedObject)]
pub struct Mutation(
    UploadMutation,
    LibraryMutation,
    RegenerationMutation,
    SessionMutation,
    ApiTokenMutation,
    AdministrationMutation,
    SignUpMutation,
);
