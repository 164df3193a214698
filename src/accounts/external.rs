//! Signing in by a provider of identities: its users are ours at first sight, or are recognised by a verified address.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;
use url::Url;

use super::{
    Accounts, SignedIn,
    sessions::Shown,
    users::{MAX_NAME, check_email},
};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::GroupId,
        mail::Notice,
        oidc::{ExternalClaims, ProviderSettings},
        session::Client,
        user::{LastLogIn, User},
    },
    oidc::{Attempt, OidcError, Provider},
};

/// How long somebody may take to sign in there.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How many groups of the claim are taken.
const MAX_GROUPS: usize = 100;
/// A log-in that was begun: where the browser goes, and what it keeps until it comes back.
#[derive(Debug, Clone)]
pub struct BegunLogIn {
    pub url: Url,
    pub cookie: String,
}

/// What the browser keeps meanwhile, signed.
#[derive(Serialize, Deserialize)]
struct Kept {
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
}

impl Accounts {
    /// The providers that users can sign in by.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.inner.providers.iter().map(Provider::settings)
    }

    /// Begins a log-in by a provider. `return_to` was checked by the door.
    ///
    /// # Errors
    /// `INVALID_VALUE` for no provider of ours; `INVALID_STATE` where it does not answer.
    pub async fn begin_external(&self, name: &str, callback: Url, return_to: String) -> ServiceResult<BegunLogIn> {
        let provider = self.provider(name)?;
        let random = || URL_SAFE_NO_PAD.encode(self.inner.clock.random_bytes::<32>());
        let attempt = Attempt { state: random(), nonce: random(), verifier: random(), redirect_uri: callback.into() };
        let url = provider.authorization_url(&attempt).await.map_err(refusal)?;
        let Attempt { state, nonce, verifier, .. } = attempt;
        let kept = Kept { provider: name.to_owned(), state, nonce, verifier, return_to };
        Ok(BegunLogIn { url, cookie: self.inner.external_seal.seal(kept, self.inner.clock.now() + PATIENCE)? })
    }

    /// Where a log-in returns to that this browser began; nothing, where it began none.
    pub fn returns_to(&self, cookie: &str) -> Option<String> {
        self.kept(cookie).map(|kept| kept.return_to)
    }

    /// Ends a log-in by a provider: whoever it names is signed in.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a log-in that this browser did not begin, or too long ago; `INVALID_CREDENTIALS` where the
    /// provider's answer is not believed, or there is no account for whom it names.
    pub async fn finish_external(
        &self,
        name: &str,
        callback: Url,
        cookie: &str,
        (state, code): (&str, &str),
        client: &Client,
    ) -> ServiceResult<SignedIn> {
        let kept = self.kept(cookie).filter(|kept| kept.provider == name);
        let is_same = |kept: &Kept| bool::from(kept.state.as_bytes().ct_eq(state.as_bytes()));
        let why = "This log-in was not begun in this browser, or took too long: begin again.";
        let kept = kept.filter(is_same).ok_or_else(|| Refusal::of(UserErrorCode::InvalidToken, why))?;
        let provider = self.provider(name)?;
        let Kept { state, nonce, verifier, .. } = kept;
        let attempt = Attempt { state, nonce, verifier, redirect_uri: callback.into() };
        let now = self.inner.clock.now();
        let claims = match provider.identify(code, &attempt, now).await {
            Ok(claims) => claims,
            Err(error) => return self.note_external_failure(provider, refusal(error), client).await,
        };
        let transaction = self.inner.db.begin().await?;
        let met = self.user_of_claims(&transaction, provider.settings(), &claims, Some(client.address)).await;
        let mut user = match met {
            Ok(user) => user,
            Err(error) => {
                drop(transaction);
                return self.note_external_failure(provider, error, client).await;
            }
        };
        self.follow_groups(&transaction, &user, &claims, now).await?;
        let last_login = LastLogIn { at: now, address: Some(client.address.to_string()) };
        db::users::note_login(&transaction, user.id, &last_login).await?;
        user.last_login = Some(last_login);
        let by = Actor::User(user.id, Some(client.address));
        let logged_in = Audited::new(AuditAction::LoggedIn, by, Some(user.id.0));
        self.audit(&transaction, logged_in.with(json!({"issuer": claims.issuer}))).await?;
        let shown = Shown { is_remembered: false, has_second_factor: provider.settings().has_second_factor };
        let signed_in = self.begin_session(&transaction, user, shown, client).await?;
        self.commit(transaction).await?;
        Ok(signed_in)
    }

    async fn note_external_failure<T>(
        &self,
        provider: &Provider,
        why: ServiceError,
        client: &Client,
    ) -> ServiceResult<T> {
        if let ServiceError::Refused(_) = &why {
            let failed = Audited::new(AuditAction::LogInFailed, Actor::Anonymous(client.address), None);
            let about = json!({"provider": provider.settings().name});
            self.audit(self.inner.db.conn(), failed.with(about)).await?;
        }
        Err(why)
    }

    /// The account of whom a provider names: known, recognised by the address, or made now.
    pub(super) async fn user_of_claims(
        &self,
        transaction: &db::Transaction,
        settings: &ProviderSettings,
        claims: &ExternalClaims,
        address: Option<IpAddr>,
    ) -> ServiceResult<User> {
        let refuse = |why: &str| Refusal::of(UserErrorCode::InvalidCredentials, why);
        let is_let_in = |user: &User| user.deactivated_at.is_none();
        if let Some(id) = db::external_identities::find(transaction, &claims.issuer, &claims.subject).await? {
            db::users::hold(transaction, id).await?;
            let user = db::users::find(transaction, id).await?.filter(is_let_in);
            return Ok(user.ok_or_else(|| refuse("The account is deactivated."))?);
        }
        // Lower case makes letters of signs that only look like them.
        let email = claims.email.as_deref().filter(|email| claims.is_email_verified && email.is_ascii());
        let email = email.map(str::to_ascii_lowercase);
        let why = "The provider does not say that an email address was verified.";
        let email = email.filter(|email| check_email(email).is_ok()).ok_or_else(|| refuse(why))?;
        if !settings.speaks_for(&email) {
            return Err(refuse("The provider does not sign in users of this email domain.").into());
        }
        let now = self.inner.clock.now();
        let user = if let Some((user, _)) = db::users::find_by_email(transaction, &email).await? {
            let user = Some(user).filter(is_let_in).ok_or_else(|| refuse("The account is deactivated."))?;
            self.link(transaction, &user, claims, address).await?;
            user
        } else {
            if !settings.creates_users {
                return Err(refuse("There is no account of this address: ask somebody who manages users.").into());
            }
            let mut user = User { email_verified_at: Some(now), ..self.new_user(&email) };
            if let Some(name) = &claims.name {
                let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
                user.display_name = if name.is_empty() { user.display_name } else { name };
            }
            if db::users::insert(transaction, &user, None).await? == Saved::Duplicate {
                return Err(refuse("The account is being made by another log-in: sign in again.").into());
            }
            let by = Actor::User(user.id, address);
            let created = Audited::new(AuditAction::UserCreated, by, Some(user.id.0));
            self.audit(transaction, created.with(json!({"email": user.email, "issuer": claims.issuer}))).await?;
            user
        };
        let identity = db::external_identities::insert(transaction, &claims.issuer, &claims.subject, user.id, now);
        if identity.await? == Saved::Duplicate {
            return Err(refuse("The account is being linked by another log-in: sign in again.").into());
        }
        Ok(user)
    }

    /// Makes an account that there was before theirs whom a provider names. Whoever set it up without showing that the address
    /// is theirs keeps nothing that opens it.
    async fn link(
        &self,
        transaction: &db::Transaction,
        user: &User,
        claims: &ExternalClaims,
        address: Option<IpAddr>,
    ) -> ServiceResult<()> {
        db::users::hold(transaction, user.id).await?;
        // No request signs in by a token: nobody sees that an account is linked.
        let Some(address) = address else {
            let why = "There is an account of this address: sign in by the provider once.";
            return Err(Refusal::of(UserErrorCode::InvalidCredentials, why).into());
        };
        if db::external_identities::is_known_at(transaction, user.id, &claims.issuer).await? {
            let why = "The account of this address belongs to another user of the provider.";
            return Err(Refusal::of(UserErrorCode::InvalidCredentials, why).into());
        }
        if user.email_verified_at.is_none() {
            db::users::remove_password(transaction, user.id).await?;
            db::second_factors::remove(transaction, user.id).await?;
            db::passkeys::remove_all(transaction, user.id).await?;
            self.end_all(transaction, user).await?;
        }
        db::users::set_email_verified(transaction, user.id, self.inner.clock.now()).await?;
        let by = Actor::User(user.id, Some(address));
        let linked = Audited::new(AuditAction::IdentityLinked, by, Some(user.id.0));
        self.audit(transaction, linked.with(json!({"issuer": claims.issuer, "subject": claims.subject}))).await?;
        self.notify(transaction, user, Notice::IdentityLinked).await
    }

    /// Makes a user a member of the groups that a provider named then, and of no other, if it names any at all, and named
    /// no others since.
    pub(super) async fn follow_groups(
        &self,
        transaction: &db::Transaction,
        user: &User,
        claims: &ExternalClaims,
        as_of: DateTime<Utc>,
    ) -> ServiceResult<()> {
        let Some(names) = &claims.groups else { return Ok(()) };
        if !db::external_identities::follow_groups(transaction, &claims.issuer, &claims.subject, as_of).await? {
            return Ok(());
        }
        let all = db::groups::list(transaction).await?;
        let mut wanted: Vec<GroupId> =
            all.iter().filter(|group| names.contains(&group.name)).map(|group| group.id).take(MAX_GROUPS).collect();
        let before = db::groups::of_users(transaction, &[user.id]).await?.remove(&user.id).unwrap_or_default();
        let mut before: Vec<GroupId> = before.iter().map(|group| group.id).collect();
        wanted.sort_unstable();
        before.sort_unstable();
        if wanted == before {
            return Ok(());
        }
        db::groups::set_of_user(transaction, user.id, &wanted).await?;
        db::users::touch_rights(transaction, user.id).await?;
        let changed = Audited::new(AuditAction::UserGroupsChanged, Actor::System, Some(user.id.0));
        self.audit(transaction, changed.with(json!({"groupIds": wanted}))).await
    }

    fn provider(&self, name: &str) -> Result<&Provider, Refusal> {
        let found = self.inner.providers.iter().find(|provider| provider.settings().name == name);
        found.ok_or_else(|| Refusal::of(UserErrorCode::InvalidValue, "There is no such provider."))
    }

    fn kept(&self, cookie: &str) -> Option<Kept> {
        self.inner.external_seal.open(cookie, self.inner.clock.now())
    }
}

/// Why somebody was not identified, without what a provider or a network said.
fn refusal(error: OidcError) -> ServiceError {
    match error {
        OidcError::Unavailable(error) => {
            tracing::warn!(error = format!("{error:#}"), "a provider of identities does not answer");
            Refusal::of(UserErrorCode::InvalidState, "The provider does not answer: try again in a moment.").into()
        }
        OidcError::Refused(why) => {
            tracing::warn!(why, "the answer of a provider of identities was refused");
            Refusal::of(UserErrorCode::InvalidCredentials, "The provider's answer was refused.").into()
        }
    }
}
