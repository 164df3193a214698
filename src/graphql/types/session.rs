//! Signing in and out.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};

use super::{user::User, user_error::UserError};
use crate::accounts::SignedIn;

/// The tokens of a signed-in user.
#[derive(SimpleObject)]
pub struct Session {
    /// The access token. Send it with every request: `Authorization: Bearer <accessToken>`.
    access_token: String,
    /// The time at which the access token expires. Exchange the refresh token before that.
    access_token_expires_at: DateTime<Utc>,
    /// The refresh token. It is valid for one `refreshSession`, which returns the next one.
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
    /// Whether the session lasts for 30 days instead of one day.
    #[graphql(default)]
    pub remember_me: bool,
}

/// The session to continue.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The latest refresh token of the session.
    pub refresh_token: Option<String>,
}

/// The result of `logIn` and `refreshSession`.
#[derive(SimpleObject)]
pub struct SessionPayload {
    /// Null when there are userErrors.
    session: Option<Session>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `logOut`.
#[derive(SimpleObject)]
pub struct LogOutPayload {
    /// Always empty.
    pub user_errors: Vec<UserError>,
}

super::user_error::payload!(SessionPayload { session: SignedIn => Session::from });

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
