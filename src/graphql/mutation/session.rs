//! Signing in and out.

use async_graphql::{Context, Object};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, split},
    types::session::{LogInInput, LogOutPayload, RefreshSessionInput, SessionPayload},
};

/// Signing in and out.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs in with an email address and a password.
    #[graphql(directive = cost::cost::apply(500))]
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credentials and the duration of the session.")] input: LogInInput,
    ) -> Result<SessionPayload, ApiError> {
        let LogInInput { email, password, remember_me } = input;
        Ok(split(ctx.services().accounts.log_in(&email, password, remember_me, ctx.address()).await)?.into())
    }

    /// Exchanges a refresh token for a new refresh token and a new access token.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to continue.")] input: RefreshSessionInput,
    ) -> Result<SessionPayload, ApiError> {
        let token = input.refresh_token.unwrap_or_default();
        Ok(split(ctx.services().accounts.refresh(&token).await)?.into())
    }

    /// Ends the caller's session: its access tokens and its refresh token become invalid. A token that `darkroom token`
    /// printed belongs to no session and stays valid until it expires.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        ctx.services().accounts.log_out(ctx.caller()).await?;
        Ok(LogOutPayload { user_errors: Vec::new() })
    }
}
