//! Signing in and out.

use async_graphql::{Description, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{user::User, user_error::UserError};
use crate::{
    accounts::SignedIn,
    domain::{self, caller::Credential, ids::SessionId, oidc::ProviderSettings},
    graphql::FromContext,
};

/// The tokens of a signed-in user.
#[derive(SimpleObject)]
pub struct Session {
    /// The access token. Send it with every request: `Authorization: Bearer <accessToken>`.
    access_token: String,
    /// The time at which the access token expires. Exchange the refresh token before that.
    access_token_expires_at: DateTime<Utc>,
    /// The refresh token. It is valid for one `refreshSession`, which returns the next one. Empty if the browser keeps it
    /// in a cookie.
    refresh_token: String,
    /// The time at which the session ends.
    refresh_token_expires_at: DateTime<Utc>,
    /// The user who is signed in.
    user: User,
}

/// The credentials to sign in with.
#[derive(InputObject)]
pub struct LogInInput {
    /// The email address of the account, in any case.
    pub email: String,
    /// The password of the account.
    pub password: String,
    /// The code of the second factor, or one of its recovery codes, if the account has one. Without it, the answer is
    /// SECOND_FACTOR_REQUIRED once the password is right. Example: `"492039"`.
    pub code: Option<String>,
    /// Whether the session lasts for 14 days instead of one day.
    #[graphql(default)]
    pub remember_me: bool,
    /// Whether to keep the refresh token in an HttpOnly cookie instead of returning it. For pages of the server's CORS
    /// origins, by HTTP POST with credentials included. Without `rememberMe`, the browser forgets it when it is closed.
    #[graphql(default)]
    pub use_cookie: bool,
}

/// A provider of identities that users can sign in by.
#[derive(SimpleObject)]
pub struct IdentityProvider {
    /// The name of the provider in URLs. Example: `"keycloak"`.
    name: String,
    /// The name of the provider for people. Example: `"Keycloak"`.
    title: String,
    /// The path at the server that a browser is sent to, with the page to return to as `return_to`. There, the front end calls
    /// `refreshSession` with the cookie. Example: `"/oidc/keycloak/log-in"`.
    log_in_path: String,
}

impl From<&ProviderSettings> for IdentityProvider {
    fn from(provider: &ProviderSettings) -> Self {
        let (name, title) = (provider.name.clone(), provider.title.clone());
        Self { log_in_path: format!("/oidc/{name}/log-in"), name, title }
    }
}

/// The session to continue.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The latest refresh token of the session. If it is omitted, the cookie of the browser is used.
    pub refresh_token: Option<String>,
}

/// The result of `signUp`, `logIn`, `logInWithPasskey` and `refreshSession`.
#[derive(SimpleObject)]
pub struct SessionPayload {
    /// Null when there are userErrors, and after `signUp`.
    session: Option<Session>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `logOut` and `logOutEverywhere`.
#[derive(SimpleObject)]
pub struct LogOutPayload {
    /// Always empty.
    pub user_errors: Vec<UserError>,
}

/// The session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// The id of one of the caller's sessions.
    pub session_id: ID,
}

/// The result of `revokeSession`.
#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    /// The id of the session that was ended. Null when there are userErrors.
    revoked_session_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The password to set.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The current password.
    pub current_password: String,
    /// The new password: 10 to 128 characters, none of the most common passwords, not similar to the email address or the
    /// name.
    pub new_password: String,
}

/// The result of `changePassword`.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// The user whose password was set. Null when there are userErrors.
    user: Option<User>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(SessionPayload { session: SignedIn => Session::from });
super::user_error::payload!(RevokeSessionPayload { revoked_session_id: SessionId => ID::from });
super::user_error::payload!(ChangePasswordPayload { user: domain::user::User => User::from });

impl SessionPayload {
    /// For a sign-up, which ends in no session either way.
    pub fn without_session(refusals: Vec<domain::error::Refusal>) -> Self {
        Self { session: None, user_errors: refusals.into_iter().map(UserError::from).collect() }
    }
}

impl From<SignedIn> for Session {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access.token,
            access_token_expires_at: signed_in.access.expires_at,
            refresh_token: signed_in.refresh_token,
            refresh_token_expires_at: signed_in.refresh_expires_at,
            user: User::from(signed_in.user),
        }
    }
}

/// A session of the caller on some device.
#[derive(Description)]
pub struct ActiveSession(pub domain::session::Session);

#[Object(use_type_description)]
impl ActiveSession {
    /// The id of the session, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The name that the browser or the program gave itself. Null if it gave none. Example: `"Mozilla/5.0 (X11; Linux
    /// x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"`.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The IP address that the session was last refreshed from. Example: `"203.0.113.7"`.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Whether the session was begun with `rememberMe`.
    async fn is_remembered(&self) -> bool {
        self.0.is_remembered
    }

    /// Whether the request belongs to this session.
    async fn is_current(&self, ctx: &async_graphql::Context<'_>) -> bool {
        let credential = ctx.caller().identity().map(|identity| identity.standing.credential);
        credential == Some(Credential::Session(self.0.id))
    }

    /// The time at which the session began.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The time at which the session was last refreshed.
    async fn last_used_at(&self) -> DateTime<Utc> {
        self.0.last_used_at.unwrap_or(self.0.created_at)
    }

    /// The time at which the session ends.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}
