//! Tokens for programs.

use async_graphql::{Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::user_error::UserError;
use crate::{
    accounts::{MadeApiToken, NewApiToken},
    domain::{self, caller::TokenScopes, ids::ApiTokenId},
};

/// The purposes of an API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ApiTokenScope {
    /// See images, categories and statistics, and subscribe to them.
    Read,
    /// Upload images: request, report, complete and cancel uploads.
    Upload,
    /// Update images and generate their variants, and arrange albums.
    Edit,
    /// Delete and restore images, and delete albums.
    Delete,
    /// Share images and albums with others.
    Share,
    /// Use the user's permissions to manage categories, users and groups.
    Administer,
}

impl From<ApiTokenScope> for domain::caller::TokenScope {
    fn from(scope: ApiTokenScope) -> Self {
        match scope {
            ApiTokenScope::Read => Self::Read,
            ApiTokenScope::Upload => Self::Upload,
            ApiTokenScope::Edit => Self::Edit,
            ApiTokenScope::Delete => Self::Delete,
            ApiTokenScope::Share => Self::Share,
            ApiTokenScope::Administer => Self::Administer,
        }
    }
}

impl ApiTokenScope {
    const ALL: [Self; 6] = [Self::Read, Self::Upload, Self::Edit, Self::Delete, Self::Share, Self::Administer];

    fn of(scopes: TokenScopes) -> Vec<Self> {
        Self::ALL.into_iter().filter(|scope| scopes.contains((*scope).into())).collect()
    }
}

/// A token for a program, such as a bot or a build. It acts as its user within its scopes.
#[derive(Description)]
pub struct ApiToken(pub domain::session::ApiToken);

#[Object(use_type_description)]
impl ApiToken {
    /// The id of the token, a UUIDv7. It is not the token itself.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The name that the user gave the token. Example: `"nightly build"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The purposes of the token.
    async fn scopes(&self) -> Vec<ApiTokenScope> {
        ApiTokenScope::of(self.0.scopes)
    }

    /// The time at which the token was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The time of the last request with the token, within a minute. Null if there was none.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// The time at which the token expires.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// The token to create.
#[derive(InputObject)]
pub struct CreateApiTokenInput {
    /// The name of the token, for its user: 1 to 100 characters.
    name: String,
    /// The purposes of the token. At least one.
    scopes: Vec<ApiTokenScope>,
    /// The time at which the token expires: within 366 days. Example: `"2027-01-31T00:00:00Z"`.
    expires_at: DateTime<Utc>,
}

impl From<CreateApiTokenInput> for NewApiToken {
    fn from(input: CreateApiTokenInput) -> Self {
        let CreateApiTokenInput { name, scopes, expires_at } = input;
        Self { name, scopes: scopes.into_iter().map(domain::caller::TokenScope::from).collect(), expires_at }
    }
}

/// A token that was just created.
#[derive(SimpleObject)]
pub struct CreatedApiToken {
    /// The token to send with every request: `Authorization: Bearer <secret>`. It is shown only here.
    secret: String,
    /// The description of the token, as `apiTokens` shows it.
    api_token: ApiToken,
}

impl From<MadeApiToken> for CreatedApiToken {
    fn from(made: MadeApiToken) -> Self {
        Self { secret: made.secret, api_token: ApiToken(made.known) }
    }
}

/// The result of `createApiToken`.
#[derive(SimpleObject)]
pub struct CreateApiTokenPayload {
    /// The token. Null when there are userErrors.
    created: Option<CreatedApiToken>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The token to end.
#[derive(InputObject)]
pub struct RevokeApiTokenInput {
    /// The id of one of the caller's API tokens.
    pub api_token_id: ID,
}

/// The result of `revokeApiToken`.
#[derive(SimpleObject)]
pub struct RevokeApiTokenPayload {
    /// The id of the token that was ended. Null when there are userErrors.
    revoked_api_token_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(CreateApiTokenPayload { created: MadeApiToken => CreatedApiToken::from });
super::user_error::payload!(RevokeApiTokenPayload { revoked_api_token_id: ApiTokenId => ID::from });
