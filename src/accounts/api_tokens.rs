//! Tokens that users make for programs. Shown once, kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Accounts, secret_hash};
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope, TokenScopes},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::{ApiTokenId, UserId},
        mail::Notice,
        session::ApiToken,
        user::User,
    },
};

/// What each of them begins with, so that scanners of source code find one that was published.
pub(super) const PREFIX: &str = "darkroom_";
/// In characters.
const MAX_NAME: usize = 100;
const MAX_LIFE: TimeDelta = TimeDelta::days(366);
/// How many one user may have at a time.
const MAX_TOKENS: u64 = 100;
/// Of a token that the operator prints.
const PRINTED_LIFE: TimeDelta = TimeDelta::hours(24);

/// What a user wants a token for.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    pub name: String,
    pub scopes: TokenScopes,
    pub expires_at: DateTime<Utc>,
}

/// Whom a token is of, and what they had shown.
#[derive(Clone, Copy)]
struct Maker {
    user: UserId,
    has_second_factor: bool,
}

/// A token, and what is to be sent with each request.
#[derive(Debug, Clone)]
pub struct MadeApiToken {
    pub known: ApiToken,
    pub secret: String,
}

impl Accounts {
    /// Makes a token for a program of the caller's.
    ///
    /// # Errors
    /// Every rule that the input breaks: `INVALID_VALUE`, `TOO_LONG`; `QUOTA_EXCEEDED` for too many tokens. `Forbidden`
    /// where the caller came by an API token.
    pub async fn create_api_token(&self, caller: &Caller, new: NewApiToken) -> ServiceResult<MadeApiToken> {
        let identity = caller.acting(TokenScope::Account)?;
        let (user, now) = (identity.id(), self.inner.clock.now());
        check(&new, now)?;
        let transaction = self.inner.db.begin().await?;
        // What ends a log-in ends the tokens of its user: none is made by one that has ended.
        db::users::hold(&transaction, user).await?;
        if !db::identities::stands(&transaction, identity.standing, now).await? {
            return Err(ServiceError::Unauthenticated);
        }
        if db::api_tokens::count(&transaction, user, now).await? >= MAX_TOKENS {
            let why = format!("A user has {MAX_TOKENS} tokens at most. Revoke one of them.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        let maker = Maker { user, has_second_factor: identity.has_second_factor };
        let new = NewApiToken { name: new.name.trim().to_owned(), ..new };
        let made = self.make_api_token(&transaction, maker, new).await?;
        let by = caller.actor(TokenScope::Account)?;
        let scopes: Vec<_> = made.known.scopes.iter().map(TokenScope::name).collect();
        let created = Audited::new(AuditAction::ApiTokenCreated, by, Some(made.known.id.0));
        let about = json!({"name": made.known.name, "scopes": scopes, "expiresAt": made.known.expires_at});
        self.audit(&transaction, created.with(about)).await?;
        self.notify(&transaction, &identity.user, Notice::ApiTokenCreated).await?;
        self.commit(transaction).await?;
        Ok(made)
    }

    /// A token that is good for everything, for the operator: for curl, GraphiQL and tests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn print_token(&self, user: &User) -> ServiceResult<String> {
        let expires_at = self.inner.clock.now() + PRINTED_LIFE;
        let new = NewApiToken { name: "darkroom token".to_owned(), scopes: TokenScopes::all(), expires_at };
        let transaction = self.inner.db.begin().await?;
        // Whoever can run this on the server needs no other proof.
        let maker = Maker { user: user.id, has_second_factor: true };
        let made = self.make_api_token(&transaction, maker, new).await?;
        let created = Audited::new(AuditAction::ApiTokenCreated, Actor::System, Some(made.known.id.0));
        self.audit(&transaction, created.with(json!({"name": made.known.name, "userId": user.id}))).await?;
        transaction.commit().await?;
        Ok(made.secret)
    }

    /// The caller's tokens, the latest first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn api_tokens(&self, caller: &Caller) -> ServiceResult<Vec<ApiToken>> {
        let user = caller.acting(TokenScope::Account)?.id();
        Ok(db::api_tokens::of_user(self.inner.db.conn(), user, self.inner.clock.now()).await?)
    }

    /// Ends one of the caller's tokens.
    ///
    /// # Errors
    /// `INVALID_TOKEN` where the caller has no such token.
    pub async fn revoke_api_token(&self, caller: &Caller, id: ApiTokenId) -> ServiceResult<ApiTokenId> {
        let user = caller.acting(TokenScope::Account)?.id();
        let transaction = self.inner.db.begin().await?;
        if !db::api_tokens::remove(&transaction, user, id).await? {
            return Err(Refusal::on("apiTokenId", UserErrorCode::InvalidToken, "There is no such token.").into());
        }
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::ApiTokenRevoked, by, Some(id.0))).await?;
        self.commit(transaction).await?;
        Ok(id)
    }

    async fn make_api_token(
        &self,
        conn: &impl db::Connection,
        Maker { user, has_second_factor }: Maker,
        new: NewApiToken,
    ) -> ServiceResult<MadeApiToken> {
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.inner.clock.random_bytes::<32>()));
        let known = ApiToken {
            id: ApiTokenId(self.inner.clock.new_id()),
            user,
            name: new.name,
            scopes: new.scopes,
            expires_at: new.expires_at,
            created_at: self.inner.clock.now(),
            last_used_at: None,
            has_second_factor,
        };
        db::api_tokens::insert(conn, &known, secret_hash(&secret)).await?;
        Ok(MadeApiToken { known, secret })
    }
}

fn check(new: &NewApiToken, now: DateTime<Utc>) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let length = new.name.trim().chars().count();
    if length == 0 || new.name.contains(char::is_control) {
        let why = "`name` is required, without control characters.";
        refusals.push(Refusal::on("name", UserErrorCode::InvalidValue, why));
    }
    if length > MAX_NAME {
        let why = format!("`name` has at most {MAX_NAME} characters.");
        refusals.push(Refusal::on("name", UserErrorCode::TooLong, why));
    }
    if new.scopes.is_empty() {
        refusals.push(Refusal::on("scopes", UserErrorCode::InvalidValue, "At least one scope is required."));
    }
    if new.expires_at <= now || new.expires_at > now + MAX_LIFE {
        let why = format!("`expiresAt` is in the future, within {} days.", MAX_LIFE.num_days());
        refusals.push(Refusal::on("expiresAt", UserErrorCode::InvalidValue, why));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}
