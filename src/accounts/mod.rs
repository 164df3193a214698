//! Service: who somebody is, and who may do what. Passwords, log-ins, tokens, users and groups; knows no door.

mod access_token;
mod api_tokens;
mod audit_log;
mod authenticate;
mod bearer;
mod external;
mod first_admin;
mod groups;
mod letters;
mod mails;
mod operator;
mod passkeys;
mod password_rules;
mod removal;
mod sealed;
mod second_factor;
mod sessions;
mod sign_in;
mod sign_up;
mod users;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use url::Url;

pub use self::{
    access_token::AccessToken,
    api_tokens::{MadeApiToken, NewApiToken},
    audit_log::AuditPage,
    external::BegunLogIn,
    first_admin::NewAdmin,
    groups::GroupChange,
    passkeys::{PasskeyAnswer, PasskeyChallenge},
    second_factor::NewTotp,
    sign_in::LogIn,
    users::{NewUser, UserPage},
};
use self::{access_token::TokenKeys, sealed::Seal};
use crate::{
    clock::Clock,
    db::{self, Db},
    domain::{
        audit::Audited,
        caller::Identity,
        error::ServiceResult,
        user::{Permissions, SignUp, User},
    },
    events::Hub,
    mail::Mailer,
    oidc::Provider,
    passkeys::RelyingParty,
    passwords::{PasswordHasher, TryLimits},
    queue::Queue,
    ttl_cache::TtlCache,
};

/// How late a log-out at another process may be seen.
const CALLER_TTL: TimeDelta = TimeDelta::seconds(1);

/// What the operator decided about accounts.
#[derive(Debug, Clone)]
pub struct AccountRules {
    pub sign_up: SignUp,
    /// What only those may do who sign in with a second factor.
    pub require_2fa: Permissions,
    /// Where the links in mails lead.
    pub pages: Url,
}

/// What the service works with.
pub struct AccountHands {
    pub db: Db,
    pub queue: Queue,
    pub hub: Hub,
    pub mailer: Mailer,
    pub passwords: PasswordHasher,
    /// Of identities: who else signs users in.
    pub providers: Vec<Provider>,
    /// Who checks passkeys; nobody, where the server has no domain.
    pub relying_party: Option<RelyingParty>,
}

/// The account service.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    queue: Queue,
    hub: Hub,
    mailer: Mailer,
    clock: Clock,
    rules: AccountRules,
    keys: TokenKeys,
    /// What refresh tokens are known by as ours, and made from.
    refresh_key: Vec<u8>,
    /// What links in mails are known by as ours.
    link_key: Vec<u8>,
    /// What the secrets of second factors are made from.
    totp_key: Vec<u8>,
    /// Of what browsers keep while they are at a provider.
    external_seal: Seal,
    /// Of the challenges that passkeys answer.
    passkey_seal: Seal,
    relying_party: Option<RelyingParty>,
    providers: Vec<Provider>,
    passwords: PasswordHasher,
    log_in_limits: TryLimits,
    code_limits: TryLimits,
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
    pub fn new(hands: AccountHands, clock: Clock, jwt_secret: &[u8], rules: AccountRules) -> Self {
        let AccountHands { db, queue, hub, mailer, passwords, providers, relying_party } = hands;
        let key_for = |purpose: &str| [purpose.as_bytes(), jwt_secret].concat();
        let inner = Inner {
            db,
            queue,
            hub,
            mailer,
            clock,
            rules,
            keys: TokenKeys::new(jwt_secret),
            refresh_key: key_for("refresh tokens of "),
            link_key: key_for("links in mails of "),
            totp_key: key_for("second factors of "),
            external_seal: Seal::new(key_for("log-ins elsewhere of ")),
            passkey_seal: Seal::new(key_for("challenges of ")),
            relying_party,
            providers,
            passwords,
            log_in_limits: TryLimits::new(),
            code_limits: TryLimits::of_codes(),
            callers: TtlCache::new(CALLER_TTL),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Accounts {
    /// Keeps what is being done, in the transaction that does it.
    async fn audit(&self, conn: &impl db::Connection, done: Audited) -> ServiceResult<()> {
        Ok(db::audit::append(conn, &self.inner.clock, done).await?)
    }

    /// Commits a change to what somebody may do or signs in with, and has the mails sent that tell of it.
    async fn commit(&self, transaction: db::Transaction) -> ServiceResult<()> {
        transaction.commit().await?;
        self.inner.callers.clear();
        self.inner.queue.announce();
        Ok(())
    }
}

/// What is kept of a random secret: SHA-256 in hex.
fn secret_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
