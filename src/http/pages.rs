//! The console and GraphiQL, out of the binary: no page asks another host for anything but images.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{HttpSettings, HttpState, compress::Encoding};

/// What Vite made of web/; empty where it was not built.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Pages;

const HOW_TO_BUILD: &str = "<!doctype html><title>Darkroom</title><h1>The pages are not in this binary</h1>\
    <p>They are built with Node.js: run <code>make web</code> and build the server again, or start it with \
    <code>make run</code>.</p><p>The API itself is at <a href=\"/graphql\">/graphql</a>, its schema at \
    <a href=\"/schema.graphql\">/schema.graphql</a>.</p>";

/// The scripts, styles and pictures of the pages, with hashes in their names; none, where the pages were not built.
pub fn assets() -> impl Iterator<Item = (String, Bytes)> {
    // What is compressed beside them is for our own answers.
    let is_compressed =
        |name: &str| std::path::Path::new(name).extension().is_some_and(|last| last == "br" || last == "gz");
    let is_asset = move |name: &str| name.starts_with("assets/") && !is_compressed(name);
    Pages::iter().filter(move |name| is_asset(name)).filter_map(|name| {
        let content = Pages::get(&name)?.data.into_owned();
        Some((name.into_owned(), content.into()))
    })
}

pub(super) fn routes() -> Router<Arc<HttpState>> {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console", get(console))
        .route("/console/{*page}", get(console))
        .route("/graphiql", get(graphiql))
        .route("/assets/{*path}", get(asset))
}

/// The same for each of its addresses: the page itself knows what to show.
async fn console(State(state): State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    page("console.html", &headers, console_policy(&state.settings))
}

async fn graphiql(State(state): State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    if !state.settings.introspection {
        return StatusCode::NOT_FOUND.into_response();
    }
    page("graphiql.html", &headers, graphiql_policy(&state.settings))
}

/// A page, which is asked for each time and sent only where it has changed. Its policy goes with it in any case.
fn page(name: &str, request: &HeaderMap, policy: String) -> Response {
    let mut response =
        Pages::get(name).map_or_else(|| Html(HOW_TO_BUILD).into_response(), |file| changed(file, request));
    let headers = response.headers_mut();
    headers.extend(HeaderValue::try_from(policy).ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page, unless the browser has this very one.
fn changed(file: EmbeddedFile, request: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let is_known = request.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Html(file.data).into_response() };
    response.headers_mut().extend(HeaderValue::try_from(etag).ok().map(|etag| (header::ETAG, etag)));
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let name = format!("assets/{path}");
    let Some(file) = Pages::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    // The smallest first; written beside the file when the pages were built.
    let encoded = [(Encoding::Brotli, ".br"), (Encoding::Gzip, ".gz")].into_iter().find_map(|(encoding, suffix)| {
        let content = Pages::get(&format!("{name}{suffix}")).filter(|_| encoding.is_accepted(&headers))?;
        Some((encoding, content.data))
    });
    let encoding = encoded.as_ref().map(|(encoding, _)| HeaderValue::from_static(encoding.name()));
    let content = match encoded.map_or(file.data, |(_, content)| content) {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => content.into(),
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding)));
    let format = HeaderValue::from_str(file.metadata.mimetype());
    headers.extend(format.ok().map(|format| (header::CONTENT_TYPE, format)));
    for (name, value) in [
        // Vite puts a hash of the content into every name.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Everything from here; images from where they are stored, and files to there.
fn console_policy(settings: &HttpSettings) -> String {
    let media = settings.media_origins.join(" ");
    let socket = socket_origin(&settings.public_url);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {media}; font-src 'self'; \
         connect-src 'self' {socket} {media}; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Everything from here. The editor sets styles inline and starts workers.
fn graphiql_policy(settings: &HttpSettings) -> String {
    let socket = socket_origin(&settings.public_url);
    format!(
        "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self' {socket}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Where the page's WebSocket goes, which `'self'` does not name in every browser.
fn socket_origin(public_url: &url::Url) -> String {
    let scheme = if public_url.scheme() == "https" { "wss" } else { "ws" };
    let port = public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}", public_url.host_str().unwrap_or_default())
}
