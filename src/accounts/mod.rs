//! Service: who somebody is, and who may do what. Passwords, log-ins, tokens, users and groups; knows no door.

mod access_token;
mod api_tokens;
mod authenticate;
mod first_admin;
mod groups;
mod log_in_limits;
mod password;
mod password_rules;
mod sessions;
mod sign_in;
mod users;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

pub use self::{
    access_token::AccessToken,
    api_tokens::{MadeApiToken, NewApiToken},
    first_admin::NewAdmin,
    groups::GroupChange,
    sign_in::LogIn,
    users::{NewUser, UserPage},
};
use self::{access_token::TokenKeys, log_in_limits::LogInLimits, password::PasswordHasher};
use crate::{
    clock::Clock,
    db::Db,
    domain::{caller::Identity, user::User},
    ttl_cache::TtlCache,
};

/// How late a log-out at another process may be seen.
const CALLER_TTL: TimeDelta = TimeDelta::seconds(1);

/// The account service.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: Clock,
    keys: TokenKeys,
    /// What refresh tokens are known by as ours, and made from.
    refresh_key: Vec<u8>,
    passwords: PasswordHasher,
    log_in_limits: LogInLimits,
    /// Who asked a moment ago, by their tokens.
    callers: TtlCache<String, Arc<Identity>>,
}

/// What somebody has after signing in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: User,
    pub access: AccessToken,
    /// Good for one refresh; the answer to that has the next one.
    pub refresh_token: String,
    pub refresh_expires_at: DateTime<Utc>,
    /// Whether it is to outlast the browser.
    pub is_remembered: bool,
}

impl Accounts {
    /// Puts the service together.
    pub fn new(db: Db, clock: Clock, jwt_secret: &[u8]) -> Self {
        let passwords = PasswordHasher::new();
        let (keys, callers) = (TokenKeys::new(jwt_secret), TtlCache::new(CALLER_TTL));
        let log_in_limits = LogInLimits::new();
        let refresh_key = [b"refresh tokens of ".as_slice(), jwt_secret].concat();
        Self { inner: Arc::new(Inner { db, clock, keys, refresh_key, passwords, log_in_limits, callers }) }
    }
}

/// What is kept of a random secret: SHA-256 in hex.
fn secret_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
