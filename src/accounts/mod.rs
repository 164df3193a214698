//! Service: who somebody is. Passwords, access tokens, log-ins; knows no door.

mod access_token;
mod first_admin;
mod log_in_limits;
mod password;
mod sessions;
mod sign_in;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::{access_token::AccessToken, first_admin::NewAdmin};
use self::{access_token::TokenKeys, log_in_limits::LogInLimits, password::PasswordHasher};
use crate::{
    clock::Clock,
    db::Db,
    domain::user::{Caller, User},
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
    /// What refresh tokens are known by as ours.
    refresh_key: Vec<u8>,
    passwords: PasswordHasher,
    log_in_limits: LogInLimits,
    /// Who asked a moment ago, by their tokens.
    callers: TtlCache<String, Caller>,
}

/// What somebody has after signing in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: User,
    pub access: AccessToken,
    /// Good for one refresh; the answer to that has the next one.
    pub refresh_token: String,
    pub refresh_expires_at: DateTime<Utc>,
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
