//! Passkeys, and signing in by one.

use async_graphql::{Context, Object};

use super::session::delivered;
use crate::{
    accounts::PasskeyAnswer,
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id, split},
        types::{
            passkey::{
                AddPasskeyInput, AddPasskeyPayload, BeginPasskeyInput, LogInWithPasskeyInput, PasskeyChallengePayload,
                RemovePasskeyInput, RemovePasskeyPayload,
            },
            session::SessionPayload,
        },
    },
};

/// Passkeys, and signing in by one.
#[derive(Default)]
pub struct PasskeyMutation;

#[Object]
impl PasskeyMutation {
    /// Begins to add a passkey: returns the challenge for the browser, whose answer goes to `addPasskey`.
    #[graphql(directive = cost::cost::apply(500))]
    async fn begin_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The confirmation.")] input: BeginPasskeyInput,
    ) -> Result<PasskeyChallengePayload, ApiError> {
        let begun = ctx.services().accounts.begin_passkey(ctx.caller(), input.password, &ctx.client()).await;
        Ok(split(begun)?.into())
    }

    /// Adds the passkey that the browser made. From then on, `logInWithPasskey` accepts it.
    #[graphql(directive = cost::cost::apply(50))]
    async fn add_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer of the browser.")] input: AddPasskeyInput,
    ) -> Result<AddPasskeyPayload, ApiError> {
        let AddPasskeyInput { challenge, credential, name } = input;
        let answer = PasskeyAnswer { challenge, credential: credential.0 };
        Ok(split(ctx.services().accounts.add_passkey(ctx.caller(), answer, &name).await)?.into())
    }

    /// Removes a passkey of the caller.
    #[graphql(directive = cost::cost::apply(500))]
    async fn remove_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passkey to remove.")] input: RemovePasskeyInput,
    ) -> async_graphql::Result<RemovePasskeyPayload> {
        let id = parse_id(&input.passkey_id)?;
        let removed = ctx.services().accounts.remove_passkey(ctx.caller(), id, input.password, &ctx.client()).await;
        Ok(split(removed)?.into())
    }

    /// Begins to sign in with a passkey: returns the challenge for the browser, whose answer goes to `logInWithPasskey`. No
    /// email address is needed.
    #[expect(clippy::unused_async, reason = "the macro wants it")]
    async fn begin_passkey_log_in(&self, ctx: &Context<'_>) -> Result<PasskeyChallengePayload, ApiError> {
        Ok(split(ctx.services().accounts.begin_passkey_log_in())?.into())
    }

    /// Signs in with a passkey. It replaces the password and the code of a second factor.
    #[graphql(directive = cost::cost::apply(50))]
    async fn log_in_with_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer of the browser and the duration of the session.")] input: LogInWithPasskeyInput,
    ) -> Result<SessionPayload, ApiError> {
        let LogInWithPasskeyInput { challenge, credential, remember_me, use_cookie } = input;
        let cookie = match use_cookie.then(|| ctx.refresh_cookie("useCookie")).transpose() {
            Ok(cookie) => cookie,
            Err(refusal) => return Ok(SessionPayload::from(Err(vec![refusal]))),
        };
        let answer = PasskeyAnswer { challenge, credential: credential.0 };
        let signed_in = ctx.services().accounts.log_in_with_passkey(answer, remember_me, &ctx.client()).await;
        Ok(split(signed_in)?.map(|signed_in| delivered(ctx, signed_in, cookie.as_ref())).into())
    }
}
