//! Log-ins, and tokens for programs, as their users see them.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::{
    caller::TokenScopes,
    ids::{ApiTokenId, PasskeyId, SessionId, UserId},
};

/// In characters: what is kept of how a program calls itself.
const MAX_USER_AGENT: usize = 200;

/// From where, and by what program, somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub address: IpAddr,
    /// As the program calls itself, which may be anything.
    pub user_agent: Option<String>,
}

impl Client {
    /// Keeps the beginning of what the program calls itself, without what no program prints.
    pub fn new(address: IpAddr, user_agent: Option<&str>) -> Self {
        let printable = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
        Self { address, user_agent: user_agent.map(printable).filter(|text: &String| !text.is_empty()) }
    }
}

/// A log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// Whether it was to outlast the browser.
    pub is_remembered: bool,
    pub user_agent: Option<String>,
    /// Where it was last refreshed from.
    pub address: Option<String>,
    /// When it was last refreshed.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether its user showed more than a password.
    pub has_second_factor: bool,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// What somebody shows beside their password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    pub user: UserId,
    /// What the secret is made from, together with the server's.
    pub salt: String,
    /// One that is not is asked of nobody.
    pub is_confirmed: bool,
    /// Of the last code that was taken.
    pub last_step: u64,
    /// Of the recovery codes that were not used.
    pub recovery_hashes: Vec<String>,
}

/// What a device, or a program that keeps such things, signs a user in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user: UserId,
    /// As the user calls the device.
    pub name: String,
    pub credential: PublicCredential,
    /// When the last challenge was made that it answered.
    pub challenged_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What is known of a key by who checks its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicCredential {
    /// Unlike any other's, in base64url.
    pub id: String,
    /// The public key and its counter, as JSON.
    pub key: String,
}

/// A token that a user made for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    pub id: ApiTokenId,
    pub user: UserId,
    pub name: String,
    pub scopes: TokenScopes,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// Within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether whoever made it had shown more than a password.
    pub has_second_factor: bool,
}
