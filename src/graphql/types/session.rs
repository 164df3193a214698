//! Signing in and out.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};

use super::{user::User, user_error::UserError};
use crate::accounts::SignedIn;

/// What a client keeps while somebody is signed in.
#[derive(SimpleObject)]
pub struct Session {
    /// Goes into every request: `Authorization: Bearer <accessToken>`.
    access_token: String,
    /// When it ends: exchange the refresh token before that.
    access_token_expires_at: DateTime<Utc>,
    /// Good for one `refreshSession`, which gives the next one.
    refresh_token: String,
    /// When the log-in ends for good.
    refresh_token_expires_at: DateTime<Utc>,
    /// Who is signed in.
    user: User,
}

/// Who wants to sign in.
#[derive(InputObject)]
pub struct LogInInput {
    /// In any case.
    pub email: String,
    /// As it was chosen.
    pub password: String,
    /// Stay signed in for 30 days instead of one.
    #[graphql(default)]
    pub remember_me: bool,
}

/// The log-in to go on with.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The last one that was given out.
    pub refresh_token: Option<String>,
}

/// The log-in, or why there is none.
#[derive(SimpleObject)]
pub struct SessionPayload {
    /// Null when there are userErrors.
    session: Option<Session>,
    /// What has to be mended first; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Signed out.
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
