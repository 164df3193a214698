//! Asking a provider: within bounds of time and size, without redirects, and on HTTPS outside of this machine.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, header, redirect::Policy};
use serde::de::DeserializeOwned;
use url::{Host, Url, form_urlencoded};

use super::OidcError;

const PATIENCE: Duration = Duration::from_secs(10);
/// In bytes: no provider has a longer answer.
const MAX_ANSWER: usize = 1024 * 1024;

pub(super) struct Fetcher(Client);

/// Whether nobody on the way reads or changes what is sent there.
pub(super) fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

impl Fetcher {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self(Client::builder().timeout(PATIENCE).redirect(Policy::none()).build()?))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: &Url, token: Option<&str>) -> Result<T, OidcError> {
        let request = self.0.get(url.clone());
        answer(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    }

    /// Posts a form as a client, which says its secret in the header, if it has one.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        (id, secret): (&str, Option<&str>),
    ) -> Result<T, OidcError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.0.post(url.clone()).body(body);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        answer(match secret {
            Some(secret) => request.basic_auth(encoded(id), Some(encoded(secret))),
            None => request,
        })
        .await
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, OidcError> {
    let away = |error: anyhow::Error| OidcError::Unavailable(error);
    let sent = request.header(header::ACCEPT, "application/json").send().await;
    let mut response = sent.map_err(|error| away(error.into()))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(error.into()))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(away(anyhow::anyhow!("an answer has more than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_client_error() {
        // Such as a code that was used. What else it says may be anything.
        return Err(OidcError::Refused(format!("the provider answered with {status}")));
    }
    if !status.is_success() {
        return Err(away(anyhow::anyhow!("the provider answered with {status}")));
    }
    serde_json::from_slice(&body).map_err(|error| away(error.into()))
}
