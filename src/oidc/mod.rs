//! Hand: providers of identities elsewhere, by OpenID Connect: <https://openid.net/specs/openid-connect-core-1_0.html>,
//! the authorization code flow with PKCE. Knows neither our users nor our sessions.

mod fetch;
mod id_token;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::Url;

use self::{
    fetch::{Fetcher, is_safe},
    id_token::{Expected, RawClaims},
};
use crate::domain::oidc::{ExternalClaims, ProviderSettings};

/// How long what a provider says of itself is kept.
const KEPT: Duration = Duration::from_hours(1);
/// How soon keys are fetched again for a token of an unknown one.
const KEYS_AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// Why somebody was not identified.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or not as the specification says. It may do later.
    #[error("the provider is unavailable: {0:#}")]
    Unavailable(anyhow::Error),
    /// The code, the token or what it says is not to be believed.
    #[error("the provider's answer was refused: {0}")]
    Refused(String),
}

/// One provider.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    fetcher: Fetcher,
    described: Mutex<Option<(Arc<Description>, Instant)>>,
    keys: Mutex<Option<(Arc<JwkSet>, Instant)>>,
}

/// What a provider says of itself: <https://openid.net/specs/openid-connect-discovery-1_0.html>
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
}

/// One log-in under way: what the provider is sent, and what its answer is checked by.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub state: String,
    pub nonce: String,
    /// PKCE: <https://www.rfc-editor.org/rfc/rfc7636>
    pub verifier: String,
    pub redirect_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: String,
}

impl Provider {
    /// A provider that nothing was asked of yet.
    ///
    /// # Errors
    /// When its issuer is neither on HTTPS nor on this machine, or no client can be made.
    pub fn new(settings: ProviderSettings) -> anyhow::Result<Self> {
        anyhow::ensure!(is_safe(&settings.issuer), "the issuer {} is not on HTTPS", settings.issuer);
        let fetcher = Fetcher::new()?;
        Ok(Self(Arc::new(Inner { settings, fetcher, described: Mutex::default(), keys: Mutex::default() })))
    }

    /// What the operator said of it.
    pub fn settings(&self) -> &ProviderSettings {
        &self.0.settings
    }

    /// Where a browser is sent to sign in.
    ///
    /// # Errors
    /// When the provider does not describe itself.
    pub async fn authorization_url(&self, attempt: &Attempt) -> Result<Url, OidcError> {
        let mut url = self.described().await?.authorization_endpoint.clone();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.verifier.as_bytes()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.settings.client_id)
            .append_pair("redirect_uri", &attempt.redirect_uri)
            .append_pair("scope", &self.0.settings.scopes.join(" "))
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges a code for what the provider says of whoever signed in.
    ///
    /// # Errors
    /// When the provider does not answer, or what it says is not to be believed.
    pub async fn identify(
        &self,
        code: &str,
        attempt: &Attempt,
        now: DateTime<Utc>,
    ) -> Result<ExternalClaims, OidcError> {
        let described = self.described().await?;
        let settings = &self.0.settings;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &attempt.redirect_uri),
            ("code_verifier", &attempt.verifier),
            ("client_id", &settings.client_id),
        ];
        let secret = settings.client_secret.as_deref();
        let tokens: Tokens =
            self.0.fetcher.post(&described.token_endpoint, &form, (&settings.client_id, secret)).await?;
        let expected =
            Expected { issuer: &described.issuer, audience: &settings.client_id, nonce: &attempt.nonce, now };
        let mut claims = match id_token::read(&tokens.id_token, &*self.keys(KEPT).await?, &expected) {
            // It may have been signed with a key that is newer than what we know.
            Err(id_token::Unread::UnknownKey) => {
                let keys = self.keys(KEYS_AT_MOST_EVERY).await?;
                id_token::read(&tokens.id_token, &keys, &expected).map_err(OidcError::from)?
            }
            read => read.map_err(OidcError::from)?,
        };
        if let (None, Some(endpoint)) = (&claims.email, &described.userinfo_endpoint) {
            let more: RawClaims = self.0.fetcher.get(endpoint, Some(&tokens.access_token)).await?;
            if more.sub != claims.sub {
                return Err(OidcError::Refused("the user information is of somebody else".to_owned()));
            }
            claims.add(more);
        }
        Ok(claims.into_external(&described.issuer, settings.groups_claim.as_deref()))
    }

    async fn described(&self) -> Result<Arc<Description>, OidcError> {
        if let Some(known) = fresh(&self.0.described, KEPT) {
            return Ok(known);
        }
        let issuer = self.0.settings.issuer.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{issuer}/.well-known/openid-configuration"));
        let url = url.map_err(|error| OidcError::Unavailable(error.into()))?;
        let found: Description = self.0.fetcher.get(&url, None).await?;
        // Otherwise one provider could speak for another one.
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(OidcError::Refused(format!("the provider calls itself {}", found.issuer)));
        }
        let endpoints = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        if !endpoints.into_iter().chain(&found.userinfo_endpoint).all(is_safe) {
            return Err(OidcError::Refused("an endpoint of the provider is not on HTTPS".to_owned()));
        }
        Ok(keep(&self.0.described, found))
    }

    /// The provider's keys, at most so old.
    async fn keys(&self, age: Duration) -> Result<Arc<JwkSet>, OidcError> {
        if let Some(known) = fresh(&self.0.keys, age) {
            return Ok(known);
        }
        let found: JwkSet = self.0.fetcher.get(&self.described().await?.jwks_uri, None).await?;
        Ok(keep(&self.0.keys, found))
    }
}

fn fresh<T>(kept: &Mutex<Option<(Arc<T>, Instant)>>, age: Duration) -> Option<Arc<T>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.as_ref().filter(|(_, since)| since.elapsed() < age).map(|(found, _)| Arc::clone(found))
}

fn keep<T>(kept: &Mutex<Option<(Arc<T>, Instant)>>, found: T) -> Arc<T> {
    let found = Arc::new(found);
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&found), Instant::now()));
    found
}
