//! What a client is told when something went wrong: what it can mend, and of the rest a code and an id.

use std::{sync::Arc, time::Duration};

use async_graphql::{ErrorExtensions, ID, Response, ServerError};

use crate::domain::error::{Refusal, ServiceError, refusals_apart};

/// The code of a request that is malformed.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The code of whatever is to be tried again later, because it was too much.
pub const RATE_LIMITED: &str = "RATE_LIMITED";

/// The code of whatever is to be tried again in a moment, because the database was away.
pub const DATABASE_UNAVAILABLE: &str = "DATABASE_UNAVAILABLE";
/// The code of whatever is to be tried again in a moment, because the storage was away.
pub const STORAGE_UNAVAILABLE: &str = "STORAGE_UNAVAILABLE";
/// The extension that says in how many seconds to try again.
pub const RETRY_AFTER: &str = "retryAfter";
/// In seconds, where the database or the storage is away.
pub const AWAY: u64 = 2;

/// An error at the top level of a response. Deliberately not `Display`: `?` would show it to the client.
pub struct ApiError(ServiceError);

/// Our own failure on its way through async-graphql, which shows it to nobody.
struct Masked(Arc<anyhow::Error>);

impl ApiError {
    /// The request is malformed.
    pub fn bad_input(message: impl Into<String>) -> async_graphql::Error {
        coded(message, BAD_USER_INPUT)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self(error)
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(ApiError(error): ApiError) -> Self {
        match error {
            ServiceError::Unauthenticated => coded(
                "Sign in first: send the header `Authorization: Bearer <access token>`. \
                 A token comes from the mutation logIn, or from `darkroom token`.",
                "UNAUTHENTICATED",
            ),
            ServiceError::Forbidden => coded("Your account may not do this.", "FORBIDDEN"),
            ServiceError::Refused(refusals) => {
                let messages: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
                coded(messages.join(" "), BAD_USER_INPUT)
            }
            ServiceError::StorageUnavailable(source) => {
                let message = "The storage cannot be reached. Nothing was changed; try again in a moment.";
                away(masked(message, STORAGE_UNAVAILABLE, source))
            }
            ServiceError::DatabaseUnavailable(source) => {
                let message = "The database cannot be reached. Nothing was changed; try again in a moment.";
                away(masked(message, DATABASE_UNAVAILABLE, source))
            }
            ServiceError::RateLimited { retry_after } => too_much(retry_after),
            ServiceError::ResyncRequired => coded(
                "The changes behind this cursor are not kept any more. Read the lists anew, and follow from a new \
                 imageChangesCursor.",
                "RESYNC_REQUIRED",
            ),
            ServiceError::Internal(source) => masked("", "INTERNAL_SERVER_ERROR", source),
        }
    }
}

/// What goes into `userErrors`, or the error of the whole field.
pub fn split<T>(outcome: Result<T, ServiceError>) -> Result<Result<T, Vec<Refusal>>, ApiError> {
    refusals_apart(outcome).map_err(ApiError::from)
}

/// An id as clients write it.
///
/// # Errors
/// `BAD_USER_INPUT` for what is no UUID.
pub fn parse_id<T: std::str::FromStr>(id: &ID) -> async_graphql::Result<T> {
    id.parse().map_err(|_| ApiError::bad_input("An id is a UUID, like 0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f."))
}

/// Gives every error of a response its code. Failures of our own are logged here, once, with the request's
/// id, and reach the client as that id and nothing more.
pub fn finish(response: &mut Response, request_id: &str) {
    // A look-up that many resolvers waited for fails for all of them, and is one failure.
    let mut logged = std::collections::HashSet::new();
    for error in &mut response.errors {
        if let Some(Masked(source)) = error.source::<Masked>() {
            let text = format!("{source:#}");
            if !logged.contains(&text) {
                tracing::error!(request_id, path = ?error.path, error = text, "a request failed");
                logged.insert(text);
            }
            if error.message.is_empty() {
                error.message = format!("Something went wrong on our side. The request's id is {request_id}.");
            }
            extend(error, "requestId", request_id);
        }
        let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
        if !has_code {
            let code =
                if error.message == "PersistedQueryNotFound" { "PERSISTED_QUERY_NOT_FOUND" } else { BAD_USER_INPUT };
            extend(error, "code", code);
        }
    }
}

/// Says when to come again, in whole seconds.
fn too_much(retry_after: Duration) -> async_graphql::Error {
    let seconds = retry_after_seconds(retry_after);
    let message = format!("Too many requests: try again in {seconds} seconds.");
    coded(message, RATE_LIMITED).extend_with(|_, extensions| extensions.set(RETRY_AFTER, seconds))
}

fn away(error: async_graphql::Error) -> async_graphql::Error {
    error.extend_with(|_, extensions| extensions.set(RETRY_AFTER, AWAY))
}

/// Rounded up, and one at the least.
pub fn retry_after_seconds(retry_after: Duration) -> u64 {
    retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0)).max(1)
}

fn extend(error: &mut ServerError, name: &str, value: &str) {
    error.extensions.get_or_insert_default().set(name, value);
}

fn coded(message: impl Into<String>, code: &'static str) -> async_graphql::Error {
    async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

fn masked(message: &str, code: &'static str, source: anyhow::Error) -> async_graphql::Error {
    let mut error = coded(message, code);
    error.source = Some(Arc::new(Masked(Arc::new(source))));
    error
}
