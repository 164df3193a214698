//! Door: HTTP. Routes, protocols and headers; decides nothing about images.

mod address;
mod body;
mod compress;
mod connections;
mod execute;
mod graphql;
mod health;
mod listen;
mod media;
mod oidc;
mod outage;
mod paced;
mod pages;
mod refused_origins;
mod request;
mod share_page;
mod unread;
mod webhooks;
mod websocket;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};
use tracing::{Instrument, Span};
use url::Url;

pub use self::{
    address::TrustedProxies, connections::ConnectionLimits, health::HealthChecks, listen::listen,
    pages::assets as page_assets, webhooks::StorageWebhook, websocket::SocketLimits,
};
use self::{
    body::BodyPermits, connections::Busy, outage::Outage, refused_origins::RefusedOrigins, unread::AnswerPermits,
};
use crate::{
    clock::Clock,
    domain::{
        caller::{Caller, CallerKey},
        error::ServiceError,
        origins::Origins,
    },
    graphql::{CookieRules, Schema, Services, admission::Admission},
    permits::FairPermits,
    storage::embedded::{BUCKET, EmbeddedS3, is_signed},
    trace::{self, step},
};

/// How long an operation may take.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(30);
/// In characters: what a collector sees of a path.
const LONGEST_PATH: usize = 200;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the operator decided about HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub public_url: Url,
    pub origins: Origins,
    /// Where browsers send files to and load images from, beside this server.
    pub media_origins: Vec<String>,
    /// Whether clients may ask for the schema, and GraphiQL is served.
    pub introspection: bool,
    /// Who is believed in where a request comes from.
    pub proxies: TrustedProxies,
    /// How many operations of one caller run at once.
    pub concurrent_operations: u32,
    pub sockets: SocketLimits,
    /// Whose pages may keep a log-in in a cookie.
    pub cookies: CookieRules,
    /// Where the storage may tell of itself.
    pub storage_webhook: Option<StorageWebhook>,
}

/// What handlers share: behind one pointer, for it is cloned many times a request.
struct HttpState {
    schema: Schema,
    services: Services,
    admission: Admission,
    clock: Clock,
    settings: HttpSettings,
    sockets: websocket::OpenSockets,
    subscriptions: websocket::SharedOperations,
    standings: websocket::Standings,
    bodies: BodyPermits,
    turns: FairPermits<CallerKey>,
    outage: Outage,
    /// Whether the storage is inside: what is signed for S3 comes here too.
    has_storage: bool,
}

/// The id that a request has in the log and in its answer.
#[derive(Clone)]
struct RequestId(String);

/// Those of the embedded storage.
pub fn media_routes(embedded: EmbeddedS3) -> Router {
    media::routes(&format!("/{BUCKET}"), embedded)
}

/// Every route there is.
pub fn router(
    schema: Schema,
    services: Services,
    admission: Admission,
    embedded: Option<EmbeddedS3>,
    checks: HealthChecks,
    clock: Clock,
    settings: HttpSettings,
) -> Router {
    let (cors, refused) = (cors(settings.origins.clone()), RefusedOrigins::new(settings.origins.clone()));
    let standings = websocket::Standings::new(services.accounts.clone());
    let turns = execute::turns(settings.concurrent_operations);
    let outage = Outage::new(checks.db.clone(), clock.clone());
    let sockets = websocket::OpenSockets::new(settings.sockets);
    let state = Arc::new(HttpState {
        schema,
        services,
        admission,
        clock,
        settings,
        sockets,
        subscriptions: websocket::SharedOperations::default(),
        standings,
        bodies: BodyPermits::new(),
        turns,
        outage,
        has_storage: embedded.is_some(),
    });
    let webhook = state.settings.storage_webhook.clone();
    let webhooks = webhook.map(|webhook| webhooks::routes(webhook, state.services.uploads.clone()));
    let mut router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .layer(middleware::from_fn(compress::compress))
        .layer(middleware::from_fn_with_state(AnswerPermits::new(), unread::hold))
        .route("/schema.graphql", get(schema_text))
        .merge(pages::routes())
        .merge(share_page::routes())
        .merge(oidc::routes())
        .with_state(state.clone());
    if let Some(embedded) = embedded.clone() {
        router = router.merge(media_routes(embedded));
    }
    if let Some(webhooks) = webhooks {
        router = router.merge(webhooks);
    }
    router
        .merge(health::routes(checks))
        .layer(middleware::from_fn_with_state(embedded, media::take_what_is_signed))
        .layer(cors)
        .layer(middleware::from_fn_with_state(refused, refused_origins::tell))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state, identify))
}

/// Who a request comes from. A token that is worth nothing makes nobody of its sender, so that one with
/// an expired token can still refresh it.
async fn caller_of(services: &Services, token: Option<&str>) -> Result<Caller, ServiceError> {
    let Some(token) = token else { return Ok(Caller::anonymous()) };
    services.accounts.authenticate(token).await
}

/// The token of an `Authorization: Bearer` header.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn identify(
    axum::extract::State(state): axum::extract::State<Arc<HttpState>>,
    mut request: Request,
    next: Next,
) -> Response {
    if must_sign_in(&request, state.has_storage) && !is_signed_in(&state, token_of(request.headers())).await {
        let retry = [
            (header::RETRY_AFTER, HeaderValue::from_static("1")),
            (header::CONNECTION, HeaderValue::from_static("close")),
        ];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "The server has no free connection: try again in a moment.")
            .into_response();
    }
    let id = state.clock.new_id().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", %id);
    let traced = traced(&request, &id);
    let mut response = next.run(request).instrument(traced.clone()).instrument(span).await;
    if response.status().is_server_error() {
        trace::failed(&traced, response.status().as_str());
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What a collector sees of a request, as a part of what its sender says that it belongs to. It sees neither signs of life nor
/// what the storage inside is asked.
fn traced(request: &Request, id: &str) -> Span {
    let (method, path) = (request.method(), request.uri().path());
    if health::PATHS.contains(&path) || is_signed(request) {
        return Span::none();
    }
    // A link's token opens it.
    let path = if path.starts_with("/s/") { "/s/{token}" } else { path };
    let path: String = path.chars().take(LONGEST_PATH).collect();
    let span = step!(method.to_string(), otel.kind = "server", url.path = path, request.id = id);
    let parent = request.headers().get(trace::TRACEPARENT).and_then(|value| value.to_str().ok());
    trace::continue_from(&span, parent);
    span
}

/// Whether a request came in at one of the last places, which are kept for those who are signed in.
fn must_sign_in(request: &Request, has_storage: bool) -> bool {
    let is_kept = request.extensions().get::<Arc<Busy>>().is_some_and(|busy| busy.is_kept());
    let path = request.uri().path();
    is_kept && !health::PATHS.contains(&path) && !(has_storage && is_signed(request))
}

async fn is_signed_in(state: &HttpState, token: Option<String>) -> bool {
    token.is_some()
        && caller_of(&state.services, token.as_deref()).await.is_ok_and(|caller| caller.identity().is_some())
}

fn token_of(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(bearer).map(str::to_owned)
}

/// Where a request comes from. What was made without a connection comes from here.
fn client_address(state: &HttpState, parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
    state.settings.proxies.client(peer, &parts.headers)
}

/// The stack is in the log already, by the panic hook.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let body = serde_json::json!({"errors": [{
        "message": "Something went wrong on our side.",
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
    }]});
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}

fn cors(origins: Origins) -> CorsLayer {
    let is_anybody = origins.are_all();
    let allowed = if is_anybody {
        // The cookie is not for them, and nothing else opens anything here, so every site may ask.
        AllowOrigin::any()
    } else {
        AllowOrigin::predicate(move |origin, _| origin.to_str().is_ok_and(|origin| origins.allow(origin)))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(!is_anybody)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
        .allow_headers(AllowHeaders::mirror_request())
        // Uploaders such as Uppy wait for the ETag for ever.
        .expose_headers([header::ETAG, header::LOCATION, REQUEST_ID])
        .max_age(Duration::from_hours(1))
}

async fn schema_text(state: axum::extract::State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    static SCHEMA: LazyLock<String> = LazyLock::new(crate::graphql::sdl);
    if !state.settings.introspection {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    }
    compress::unchanging(&headers, "schema.graphql", "text/plain; charset=utf-8", SCHEMA.as_bytes())
}
