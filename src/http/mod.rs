//! Door: HTTP. Routes, protocols and headers; decides nothing about images.

mod graphiql;
mod graphql;
mod health;
mod listen;
mod media;
mod request;
mod websocket;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
    timeout::RequestBodyTimeoutLayer,
};
use url::Url;

pub use self::{health::Vitals, listen::listen};
use crate::{
    clock::Clock,
    domain::{error::ServiceError, user::Caller},
    graphql::{Schema, Services, admission::Admission},
    storage::embedded::{BUCKET, EmbeddedS3},
};

/// In bytes: what a GraphQL request's body may have.
const MAX_GRAPHQL_BODY: usize = 1024 * 1024;
/// How long an operation may take.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may send nothing of a body that it began.
const IDLE_BODY: Duration = Duration::from_mins(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the operator decided about HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub public_url: Url,
    pub cors_origins: Vec<String>,
    /// Whether clients may ask for the schema, and GraphiQL is served.
    pub introspection: bool,
}

/// What handlers share.
#[derive(Clone)]
struct HttpState {
    schema: Schema,
    services: Services,
    admission: Admission,
    clock: Clock,
    settings: Arc<HttpSettings>,
    visitors: websocket::Visitors,
}

/// The id that a request has in the log and in its answer.
#[derive(Clone)]
struct RequestId(String);

/// Every route there is.
pub fn router(
    schema: Schema,
    services: Services,
    admission: Admission,
    embedded: Option<EmbeddedS3>,
    vitals: Vitals,
    clock: Clock,
    settings: HttpSettings,
) -> Router {
    let cors = cors(&settings.cors_origins);
    let state = HttpState {
        schema,
        services,
        admission,
        clock,
        settings: Arc::new(settings),
        visitors: websocket::Visitors::default(),
    };
    let mut router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .layer(DefaultBodyLimit::max(MAX_GRAPHQL_BODY))
        // A body that stands still does not hold its connection for ever.
        .layer(RequestBodyTimeoutLayer::new(IDLE_BODY))
        .route("/schema.graphql", get(schema_text))
        .route("/", get(|| async { Redirect::temporary("/graphiql") }))
        .merge(graphiql::routes())
        .with_state(state.clone());
    if let Some(embedded) = embedded {
        router = router.merge(media::routes(&format!("/{BUCKET}"), embedded));
    }
    router
        .merge(health::routes(vitals))
        .layer(cors)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state, identify))
}

/// Who a request comes from. A token that is worth nothing makes nobody of its sender, so that one with
/// an expired token can still refresh it.
async fn caller_of(services: &Services, token: Option<&str>) -> Result<Caller, ServiceError> {
    let Some(token) = token else { return Ok(Caller::Anonymous) };
    services.accounts.authenticate(token).await
}

/// The token of an `Authorization: Bearer` header.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn identify(
    axum::extract::State(state): axum::extract::State<HttpState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = state.clock.new_id().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The stack is in the log already, by the panic hook.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let body = serde_json::json!({"errors": [{
        "message": "Something went wrong on our side.",
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
    }]});
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        // No cookie opens anything here, so every site may ask.
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::try_from(origin.as_str()).ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
        .allow_headers(AllowHeaders::mirror_request())
        // Uploaders such as Uppy wait for the ETag for ever.
        .expose_headers([header::ETAG, header::LOCATION, REQUEST_ID])
        .max_age(Duration::from_hours(1))
}

async fn schema_text(state: axum::extract::State<HttpState>) -> Response {
    if !state.settings.introspection {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], crate::graphql::sdl()).into_response()
}
