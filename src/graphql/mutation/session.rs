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
    /// Signs in with a password.
    #[graphql(directive = cost::cost::apply(500))]
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and how long.")] input: LogInInput,
    ) -> Result<SessionPayload, ApiError> {
        let LogInInput { email, password, remember_me } = input;
        Ok(split(ctx.services().accounts.log_in(&email, password, remember_me, ctx.address()).await)?.into())
    }

    /// Exchanges a refresh token for the next one and a fresh access token.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The log-in to go on with.")] input: RefreshSessionInput,
    ) -> Result<SessionPayload, ApiError> {
        let token = input.refresh_token.unwrap_or_default();
        Ok(split(ctx.services().accounts.refresh(&token).await)?.into())
    }

    /// Ends the log-in that the caller's token came from: neither it nor its refresh token are worth anything from
    /// then on. A token that `darkroom token` printed belongs to no log-in, and stays good until it ends.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        ctx.services().accounts.log_out(ctx.caller()).await?;
        Ok(LogOutPayload { user_errors: Vec::new() })
    }
}
