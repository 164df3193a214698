//! The embedded storage's place among the routes.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::any,
};

use crate::storage::embedded::{EmbeddedS3, is_signed};

/// The origin is the API's: a page that is opened from here runs nothing, and is of no origin.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

pub(super) fn routes(bucket: &str, embedded: EmbeddedS3) -> Router {
    Router::new()
        .route(bucket, any(answer))
        .route(&format!("{bucket}/"), any(answer))
        .route(&format!("{bucket}/{{*key}}"), any(answer))
        // How long a body may be is in its signed policy.
        .layer(DefaultBodyLimit::disable())
        .with_state(embedded)
}

/// Hands over whatever is signed for S3, at any path: tools list all buckets, and ask for some that are not there.
pub(super) async fn take_what_is_signed(
    State(embedded): State<Option<EmbeddedS3>>,
    request: Request,
    next: Next,
) -> Response {
    match embedded {
        Some(embedded) if is_signed(&request) => answer(State(embedded), request).await,
        _ => next.run(request).await,
    }
}

async fn answer(State(embedded): State<EmbeddedS3>, request: Request) -> Response {
    let mut response = embedded.answer(request).await.map(axum::body::Body::new).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
