//! `/oidc/{provider}/…`: a browser goes to a provider of identities and comes back. What it comes back with is a refresh
//! token in its cookie; the front end then calls `refreshSession`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use cookie::{Cookie, SameSite, time};
use serde::Deserialize;
use url::Url;

use super::{HttpState, client_address};
use crate::{
    domain::{
        caller::CallerKey,
        error::{ServiceError, ServiceResult},
        session::Client,
    },
    graphql::CookieRules,
};

const COOKIE: &str = "darkroom_oidc";
/// With HTTPS: no other host of the domain can set it, and it has to be of the whole site.
const HOST_COOKIE: &str = "__Host-darkroom_oidc";
const PATH: &str = "/oidc/";
/// In bytes: what fits into a cookie with the rest.
const MAX_RETURN_TO: usize = 2000;
/// In points: what the log-in costs.
const PRICE: u64 = 500;

#[derive(Deserialize)]
struct Begin {
    return_to: Option<String>,
}

/// What a provider sends a browser back with.
#[derive(Deserialize)]
struct CameBack {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
}

pub(super) fn routes() -> Router<Arc<HttpState>> {
    Router::new().route("/oidc/{provider}/log-in", get(begin)).route("/oidc/{provider}/callback", get(finish))
}

async fn begin(
    State(state): State<Arc<HttpState>>,
    Path(provider): Path<String>,
    Query(Begin { return_to }): Query<Begin>,
    parts: Parts,
) -> Response {
    let rules = &state.settings.cookies;
    let home = || state.settings.public_url.to_string();
    let is_plain = |page: &Url| {
        let is_web = ["http", "https"].contains(&page.scheme()) && page.as_str().len() <= MAX_RETURN_TO;
        is_web && page.username().is_empty() && page.password().is_none()
    };
    let is_listed = |page: &Url| rules.origins.allow(&page.origin().ascii_serialization());
    let is_ours = |page: &Url| is_plain(page) && is_listed(page);
    let return_to =
        return_to.map_or_else(|| Some(home()), |page| Url::parse(&page).ok().filter(is_ours).map(Into::into));
    let Some(return_to) = return_to else {
        return (StatusCode::BAD_REQUEST, "`return_to` is a page of PUBLIC_URL or CORS_ORIGINS.").into_response();
    };
    let begun = async {
        charge(&state, &parts)?;
        let callback = callback(&state, &provider);
        state.services.accounts.begin_external(&provider, callback, return_to).await
    };
    match begun.await {
        Ok(begun) => {
            let mut response = Redirect::to(begun.url.as_str()).into_response();
            set_cookie(&mut response, rules, Cookie::new(name(rules), begun.cookie));
            response
        }
        Err(error) => said(error),
    }
}

async fn finish(
    State(state): State<Arc<HttpState>>,
    Path(provider): Path<String>,
    Query(CameBack { state: given, code }): Query<CameBack>,
    parts: Parts,
) -> Response {
    let rules = &state.settings.cookies;
    let accounts = &state.services.accounts;
    let cookie = cookie_of(&parts, name(rules)).unwrap_or_default();
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let client = Client::new(client_address(&state, &parts), agent);
    let finished = async {
        charge(&state, &parts)?;
        let callback = callback(&state, &provider);
        accounts.finish_external(&provider, callback, &cookie, (&given, &code), &client).await
    };
    let mut response = match finished.await {
        Ok(signed_in) => {
            let home = state.settings.public_url.to_string();
            let mut response = Redirect::to(&accounts.returns_to(&cookie).unwrap_or(home)).into_response();
            let keep = rules.keep(signed_in.refresh_token, None);
            response.headers_mut().extend(keep.map(|keep| (header::SET_COOKIE, keep)));
            response
        }
        Err(error) => said(error),
    };
    let mut gone = Cookie::new(name(rules), "");
    gone.make_removal();
    set_cookie(&mut response, rules, gone);
    response
}

fn callback(state: &HttpState, provider: &str) -> Url {
    let mut url = state.settings.public_url.clone();
    url.set_path(&format!("{}{PATH}{provider}/callback", url.path().trim_end_matches('/')));
    url
}

fn charge(state: &HttpState, parts: &Parts) -> ServiceResult<()> {
    let asker = CallerKey::of_address(client_address(state, parts));
    Ok(state.services.budget.charge(asker, PRICE).map(drop)?)
}

const fn name(rules: &CookieRules) -> &'static str {
    if rules.is_secure { HOST_COOKIE } else { COOKIE }
}

fn cookie_of(parts: &Parts, name: &str) -> Option<String> {
    let values = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

fn set_cookie(response: &mut Response, rules: &CookieRules, mut cookie: Cookie<'static>) {
    cookie.set_path(if rules.is_secure { "/" } else { PATH });
    cookie.set_http_only(true);
    cookie.set_secure(rules.is_secure);
    // Lax: the provider sends the browser back by a link.
    cookie.set_same_site(SameSite::Lax);
    if cookie.max_age().is_none() {
        cookie.set_max_age(time::Duration::minutes(10));
    }
    let value = HeaderValue::try_from(cookie.to_string()).ok();
    let headers = response.headers_mut();
    if let Some(value) = value {
        headers.append(header::SET_COOKIE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// For a person, in plain text.
fn said(error: ServiceError) -> Response {
    match error {
        ServiceError::Refused(refusals) => {
            let messages: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
            (StatusCode::FORBIDDEN, messages.join(" ")).into_response()
        }
        ServiceError::RateLimited { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "Too many requests: try again in a moment.").into_response()
        }
        error => {
            tracing::error!(error = ?error, "a log-in by a provider failed");
            (StatusCode::SERVICE_UNAVAILABLE, "Signing in failed: try again in a moment.").into_response()
        }
    }
}
