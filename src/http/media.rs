//! The embedded storage's place among the routes.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::storage::embedded::EmbeddedS3;

pub(super) fn routes(bucket: &str, embedded: EmbeddedS3) -> Router {
    Router::new()
        .route(bucket, any(answer))
        .route(&format!("{bucket}/"), any(answer))
        .route(&format!("{bucket}/{{*key}}"), any(answer))
        // How long a body may be is in its signed policy.
        .layer(DefaultBodyLimit::disable())
        .with_state(embedded)
}

async fn answer(State(embedded): State<EmbeddedS3>, request: Request) -> Response {
    embedded.answer(request).await.map(axum::body::Body::new).into_response()
}
