//! Tokens for programs.

use async_graphql::{Context, Object};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, parse_id, split},
    types::api_token::{CreateApiTokenInput, CreateApiTokenPayload, RevokeApiTokenInput, RevokeApiTokenPayload},
};

/// Tokens for programs.
#[derive(Default)]
pub struct ApiTokenMutation;

#[Object]
impl ApiTokenMutation {
    /// Creates a token for a program of the caller. Not available to a caller with an API token.
    #[graphql(directive = cost::cost::apply(50))]
    async fn create_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name, the scopes and the end of the token.")] input: CreateApiTokenInput,
    ) -> Result<CreateApiTokenPayload, ApiError> {
        Ok(split(ctx.services().accounts.create_api_token(ctx.caller(), input.into()).await)?.into())
    }

    /// Ends one of the caller's API tokens. WebSockets that it opened are closed within a second.
    async fn revoke_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to end.")] input: RevokeApiTokenInput,
    ) -> async_graphql::Result<RevokeApiTokenPayload> {
        let id = parse_id(&input.api_token_id)?;
        let revoked = split(ctx.services().accounts.revoke_api_token(ctx.caller(), id).await)?;
        Ok(revoked.into())
    }
}
