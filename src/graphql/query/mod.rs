//! Reads. Each translates, calls one service, and translates back.

mod accounts;
mod library;
mod sharing;

use async_graphql::MergedObject;

use self::{accounts::AccountQuery, library::LibraryQuery, sharing::SharingQuery};

/// The queries.
#[derive(Default, MergedObject)]
pub struct Query(AccountQuery, LibraryQuery, SharingQuery);
