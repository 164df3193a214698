//! Hand: providers of identities elsewhere, by OpenID Connect: <https://openid.net/specs/openid-connect-core-1_0.html>,
//! the authorization code flow with PKCE, and bearer tokens. Knows neither our users nor our sessions.

mod fetch;
mod kept;
mod tokens;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use self::{
    fetch::{Fetcher, is_safe},
    kept::Kept,
    tokens::{Expected, RawClaims, Unread},
};
use crate::domain::oidc::{ExternalClaims, ProviderSettings};

/// Clocks differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// How long what a provider says of itself is kept.
const KEPT: Duration = Duration::from_hours(1);
/// How soon keys are fetched again for a token of an unknown key.
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
    described: Kept<Description>,
    keys: Kept<JwkSet>,
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

/// What a bearer token says.
#[derive(Debug)]
pub struct Bearer {
    pub claims: ExternalClaims,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
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
        Ok(Self(Arc::new(Inner { settings, fetcher, described: Kept::default(), keys: Kept::default() })))
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
        let nonce = Some(attempt.nonce.as_str());
        let expected = Expected { issuer: &described.issuer, audience: &settings.client_id, nonce, now };
        let mut claims = self.read(&tokens.id_token, &expected).await?;
        if let (None, Some(endpoint)) = (&claims.email, &described.userinfo_endpoint) {
            let more: RawClaims = self.0.fetcher.get(endpoint, Some(&tokens.access_token)).await?;
            if more.sub != claims.sub {
                return Err(OidcError::Refused("the user information is of somebody else".to_owned()));
            }
            claims.add(more);
        }
        Ok(claims.into_external(&described.issuer, settings.groups_claim.as_deref()))
    }

    /// Whether a token says that it is of this provider, whose tokens are taken.
    pub fn claims_to_issue(&self, token: &str) -> bool {
        let issuer = self.0.settings.issuer.as_str().trim_end_matches('/');
        self.0.settings.audience.is_some()
            && tokens::claimed_issuer(token).is_some_and(|claimed| claimed.trim_end_matches('/') == issuer)
    }

    /// What a bearer token says.
    ///
    /// # Errors
    /// When it is not to be believed, or the provider does not answer.
    pub async fn accept(&self, token: &str, now: DateTime<Utc>) -> Result<Bearer, OidcError> {
        let settings = &self.0.settings;
        let described = self.described().await?;
        let refuse = |why: &str| OidcError::Refused(why.to_owned());
        let audience = settings.audience.as_deref().ok_or_else(|| refuse("no tokens of this provider are taken"))?;
        let expected = Expected { issuer: &described.issuer, audience, nonce: None, now };
        let claims = self.read(token, &expected).await?;
        let expires_at = DateTime::from_timestamp(claims.exp.0, 0).filter(|expires_at| now < *expires_at);
        let expires_at = expires_at.ok_or_else(|| refuse("the token has expired"))?;
        let issued_at = claims.iat.and_then(|iat| DateTime::from_timestamp(iat.0, 0));
        let issued_at = issued_at.filter(|at| (DateTime::UNIX_EPOCH..=now + LEEWAY).contains(at));
        // Membership is as the latest token says: without a time, none is.
        let issued_at = issued_at.ok_or_else(|| refuse("the token does not say when it was issued"))?.min(now);
        let claims = claims.into_external(&described.issuer, settings.groups_claim.as_deref());
        Ok(Bearer { claims, issued_at, expires_at })
    }

    async fn read(&self, token: &str, expected: &Expected<'_>) -> Result<RawClaims, OidcError> {
        match tokens::read(token, &*self.keys().await?, expected) {
            // It may have been signed with a key that is newer than what we know.
            Err(Unread::UnknownKey) => {
                let described = self.described().await?;
                let find = self.0.fetcher.get(&described.jwks_uri, None);
                Ok(tokens::read(token, &*self.0.keys.renew(KEYS_AT_MOST_EVERY, find).await?, expected)?)
            }
            read => Ok(read?),
        }
    }

    async fn described(&self) -> Result<Arc<Description>, OidcError> {
        self.0.described.get(KEPT, self.describe()).await
    }

    async fn describe(&self) -> Result<Description, OidcError> {
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
        Ok(found)
    }

    async fn keys(&self) -> Result<Arc<JwkSet>, OidcError> {
        let described = self.described().await?;
        self.0.keys.get(KEPT, self.0.fetcher.get(&described.jwks_uri, None)).await
    }
}
