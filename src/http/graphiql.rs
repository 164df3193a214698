//! GraphiQL, out of the binary: no other host is asked for anything.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;

use super::{HttpState, compress};

/// What Vite made of web/; empty where it was not built.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Pages;

const HOW_TO_BUILD: &str = "<!doctype html><title>Darkroom</title><h1>GraphiQL is not in this binary</h1>\
    <p>It is built with Node.js: run <code>make web</code> and build the server again, or start it with \
    <code>make run</code>.</p><p>The API itself is at <a href=\"/graphql\">/graphql</a>, its schema at \
    <a href=\"/schema.graphql\">/schema.graphql</a>.</p>";

pub(super) fn routes() -> Router<Arc<HttpState>> {
    Router::new().route("/graphiql", get(page)).route("/assets/{*path}", get(asset))
}

async fn page(State(state): State<Arc<HttpState>>) -> Response {
    if !state.settings.introspection {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = match Pages::get("graphiql.html") {
        Some(page) => Html(page.data).into_response(),
        None => Html(HOW_TO_BUILD).into_response(),
    };
    let policy = policy(&state.settings.public_url);
    response.headers_mut().extend(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Pages::get(&format!("assets/{path}")) else { return StatusCode::NOT_FOUND.into_response() };
    let content = match file.data {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => content.into(),
    };
    let mut response = compress::unchanging(&headers, &path, file.metadata.mimetype(), content);
    // Vite puts a hash of the content into every name.
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, for_ever);
    response
}

/// Everything from here, nothing from elsewhere. The editor sets styles inline and starts workers.
fn policy(public_url: &url::Url) -> Option<HeaderValue> {
    let scheme = if public_url.scheme() == "https" { "wss" } else { "ws" };
    let host = public_url.host_str()?;
    let port = public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self' {scheme}://{host}{port}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).ok()
}
