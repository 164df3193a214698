//! Reads. Each translates, calls one service, and translates back.

mod accounts;
mod library;
mod sharing;
mod webhooks;

use async_graphql::MergedObject;

use self::{accounts::AccountQuery, library::LibraryQuery, sharing::SharingQuery, webhooks::WebhookQuery};

/// The queries.
#[derive(Default, MergedObject)]
pub struct Query(AccountQuery, LibraryQuery, SharingQuery, WebhookQuery);
