//! Who asks, and the accounts, as they are read.

use async_graphql::{Context, Object};

use crate::graphql::{
    FromContext, cost,
    error::ApiError,
    types::{
        account::DataExport,
        administration::{UserConnection, address_of},
        api_token::ApiToken,
        audit::{AuditConnection, AuditLogFilter},
        category::Category,
        connection::at_most,
        paging::place_of,
        passkey::Passkey,
        session::{ActiveSession, IdentityProvider},
        user::{Group, User},
    },
};

/// Accounts.
#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The user who sent the request. Null for an anonymous caller.
    async fn me(&self, ctx: &Context<'_>) -> Option<User> {
        ctx.caller().identity().map(|identity| User::from(identity.user.clone()))
    }

    /// The caller's sessions, the one used last first. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(10, None, None))]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<ActiveSession>, ApiError> {
        let found = ctx.services().accounts.sessions(ctx.caller()).await?;
        Ok(found.into_iter().map(ActiveSession).collect())
    }

    /// The caller's passkeys, the latest first. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(20, None, None))]
    async fn passkeys(&self, ctx: &Context<'_>) -> Result<Vec<Passkey>, ApiError> {
        let found = ctx.services().accounts.passkeys(ctx.caller()).await?;
        Ok(found.into_iter().map(Passkey).collect())
    }

    /// The caller's API tokens, the latest first. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(10, None, None))]
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Vec<ApiToken>, ApiError> {
        let found = ctx.services().accounts.api_tokens(ctx.caller()).await?;
        Ok(found.into_iter().map(ApiToken).collect())
    }

    /// The users, sorted by email address. Requires the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The beginning of the email addresses, regardless of case. Example: `\"ann\"`.", default)]
        prefix: String,
        #[graphql(desc = "The maximum number of users to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only users after it are returned.")] after: Option<String>,
    ) -> async_graphql::Result<UserConnection> {
        let (first, after) = (at_most("first", first, 100)?, after.as_deref().map(address_of).transpose()?);
        let page = ctx.services().accounts.users(ctx.caller(), &prefix, after, first.into()).await;
        Ok(UserConnection(page.map_err(ApiError::from)?))
    }

    /// All groups, sorted by name. Requires the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(50, None, None))]
    async fn groups(&self, ctx: &Context<'_>) -> Result<Vec<Group>, ApiError> {
        Ok(ctx.services().accounts.groups(ctx.caller()).await?.into_iter().map(Group).collect())
    }

    /// The recorded actions, the latest first: who did what to what, when, and from where. Requires the permission
    /// MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(100), directive = cost::list_size::apply(20, cost::names(["first"]), cost::names(["edges", "nodes"])))]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The filter that the entries must match.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "The maximum number of entries to return: 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "A cursor: only entries after it are returned.")] after: Option<String>,
    ) -> async_graphql::Result<AuditConnection> {
        let after = after.map(|after| place_of(&after, |id| id.parse().ok())).transpose()?;
        let (first, filter) = (at_most("first", first, 100)?, filter.unwrap_or_default().request()?);
        let page = ctx.services().accounts.audit_log(ctx.caller(), &filter, after, first.into()).await;
        Ok(AuditConnection(page.map_err(ApiError::from)?))
    }

    /// The copies of the caller's data that `exportMyData` made, the latest first.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(5, None, None))]
    async fn data_exports(&self, ctx: &Context<'_>) -> Result<Vec<DataExport>, ApiError> {
        Ok(ctx.services().library.exports(ctx.caller()).await?.into_iter().map(DataExport).collect())
    }

    /// The category of avatars, which `categories` does not list. Images in it have two square variants: `avatar` and
    /// `avatar_small`.
    #[graphql(directive = cost::cost::apply(5))]
    async fn avatar_category(&self, ctx: &Context<'_>) -> Result<Category, ApiError> {
        Ok(ctx.services().library.avatar_category(ctx.caller()).await?.into())
    }

    /// The providers of identities that users can sign in by, for the buttons of a sign-in page.
    #[graphql(directive = cost::list_size::apply(5, None, None))]
    async fn identity_providers(&self, ctx: &Context<'_>) -> Vec<IdentityProvider> {
        ctx.services().accounts.providers().map(IdentityProvider::from).collect()
    }
}
