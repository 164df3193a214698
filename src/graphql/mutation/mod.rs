//! Writes. Each translates, calls one service, and translates back.

mod account;
mod administration;
mod album;
mod api_token;
mod library;
mod multipart;
mod passkey;
mod regeneration;
mod session;
mod share;
mod sign_up;
mod uploads;
mod webhook;

use async_graphql::MergedObject;

use self::{
    account::AccountMutation, administration::AdministrationMutation, album::AlbumMutation,
    api_token::ApiTokenMutation, library::LibraryMutation, multipart::MultipartMutation, passkey::PasskeyMutation,
    regeneration::RegenerationMutation, session::SessionMutation, share::ShareMutation, sign_up::SignUpMutation,
    uploads::UploadMutation, webhook::WebhookMutation,
};

/// The mutations. Errors that the caller can correct are returned in the `userErrors` of each payload.
#[derive(Default, MergedObject)]
pub struct Mutation(
    UploadMutation,
    MultipartMutation,
    LibraryMutation,
    RegenerationMutation,
    SessionMutation,
    ApiTokenMutation,
    AdministrationMutation,
    SignUpMutation,
    AccountMutation,
    PasskeyMutation,
    AlbumMutation,
    ShareMutation,
    WebhookMutation,
);
