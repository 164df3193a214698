//! Signing in and out.

use async_graphql::{Context, Object};
use axum::http::header;

use crate::{
    accounts::{LogIn, SignedIn},
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id, split},
        refresh_cookie::RefreshCookie,
        types::session::{
            ChangePasswordInput, ChangePasswordPayload, LogInInput, LogOutPayload, RefreshSessionInput,
            RevokeSessionInput, RevokeSessionPayload, SessionPayload,
        },
    },
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
        let LogInInput { email, password, code, remember_me, use_cookie } = input;
        let cookie = match use_cookie.then(|| ctx.refresh_cookie("useCookie")).transpose() {
            Ok(cookie) => cookie,
            Err(refusal) => return Ok(SessionPayload::from(Err(vec![refusal]))),
        };
        let log_in = LogIn { email, password, code, remember_me };
        let signed_in = split(ctx.services().accounts.log_in(log_in, &ctx.client()).await)?;
        Ok(signed_in.map(|signed_in| delivered(ctx, signed_in, cookie.as_ref())).into())
    }

    /// Exchanges a refresh token for a new refresh token and a new access token. A refresh token is valid for one
    /// exchange; the same exchange can be repeated for ten seconds, in case its answer was lost. After that, its repetition
    /// ends the session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to continue.")] input: RefreshSessionInput,
    ) -> Result<SessionPayload, ApiError> {
        let (token, cookie) = match input.refresh_token {
            Some(token) => (token, None),
            None => match ctx.refresh_cookie("refreshToken") {
                Ok(cookie) => (cookie.token().unwrap_or_default(), Some(cookie)),
                Err(refusal) => return Ok(SessionPayload::from(Err(vec![refusal]))),
            },
        };
        let refreshed = split(ctx.services().accounts.refresh(&token, &ctx.client()).await)?;
        if let (Err(_), Some(forget)) = (&refreshed, cookie.as_ref().and_then(RefreshCookie::forget)) {
            ctx.append_http_header(header::SET_COOKIE, forget);
        }
        Ok(refreshed.map(|signed_in| delivered(ctx, signed_in, cookie.as_ref())).into())
    }

    /// Ends the caller's session: its access tokens and its refresh token become invalid, and its WebSockets are closed
    /// within a second. For a caller with an API token, ends that token.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        ctx.services().accounts.log_out(ctx.caller()).await?;
        forget_cookie(ctx);
        Ok(LogOutPayload { user_errors: Vec::new() })
    }

    /// Ends all sessions of the caller, on all devices. API tokens stay valid.
    async fn log_out_everywhere(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        ctx.services().accounts.log_out_everywhere(ctx.caller()).await?;
        forget_cookie(ctx);
        Ok(LogOutPayload { user_errors: Vec::new() })
    }

    /// Ends one of the caller's sessions.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: RevokeSessionInput,
    ) -> async_graphql::Result<RevokeSessionPayload> {
        let id = parse_id(&input.session_id)?;
        let revoked = split(ctx.services().accounts.revoke_session(ctx.caller(), id).await)?;
        Ok(revoked.into())
    }

    /// Sets another password for the caller. All other sessions of the caller end.
    #[graphql(directive = cost::cost::apply(500))]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The current password and the new one.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload, ApiError> {
        let ChangePasswordInput { current_password, new_password } = input;
        let (accounts, client) = (&ctx.services().accounts, ctx.client());
        let changed = accounts.change_password(ctx.caller(), current_password, new_password, &client).await;
        Ok(split(changed)?.into())
    }
}

/// With a cookie, the refresh token goes there, and no script sees it.
pub(super) fn delivered(ctx: &Context<'_>, signed_in: SignedIn, cookie: Option<&RefreshCookie<'_>>) -> SignedIn {
    let Some(cookie) = cookie else { return signed_in };
    let until = signed_in.is_remembered.then_some(signed_in.refresh_expires_at);
    if let Some(keep) = cookie.keep(signed_in.refresh_token, until) {
        ctx.append_http_header(header::SET_COOKIE, keep);
    }
    SignedIn { refresh_token: String::new(), ..signed_in }
}

fn forget_cookie(ctx: &Context<'_>) {
    let forget = ctx.refresh_cookie("").ok().filter(|cookie| cookie.token().is_some());
    if let Some(forget) = forget.and_then(|cookie| cookie.forget()) {
        ctx.append_http_header(header::SET_COOKIE, forget);
    }
}
