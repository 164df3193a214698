//! What a storage elsewhere tells: `POST /webhooks/storage`. It is believed in nothing but which image to look after; the storage is
//! asked before anything is completed.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::bearer;
use crate::{domain::error::ServiceError, storage::notification::stored_objects, uploads::Uploads};

/// In bytes: the longest notification.
const MAX_BODY: usize = 1024 * 1024;
/// How long its sender may take for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is believed, and of which bucket.
#[derive(Debug, Clone)]
pub struct StorageWebhook {
    pub secret: String,
    pub bucket: String,
}

struct Hook {
    webhook: StorageWebhook,
    uploads: Uploads,
}

pub(super) fn routes(webhook: StorageWebhook, uploads: Uploads) -> Router {
    Router::new().route("/webhooks/storage", post(told)).with_state(Arc::new(Hook { webhook, uploads }))
}

async fn told(State(hook): State<Arc<Hook>>, headers: HeaderMap, body: Body) -> StatusCode {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.to_str().ok()?)).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(hook.webhook.secret.as_bytes())) {
        return StatusCode::UNAUTHORIZED;
    }
    let body = match timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let Ok(objects) = stored_objects(&body, &hook.webhook.bucket) else { return StatusCode::BAD_REQUEST };
    for object in objects {
        match hook.uploads.hear_of_stored(&object.key, object.size).await {
            Ok(()) | Err(ServiceError::Refused(_)) => {}
            // The storage sends it again.
            Err(error) => {
                tracing::warn!(error = ?error, "recording a stored upload failed; the storage is to send it again");
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
    }
    StatusCode::NO_CONTENT
}
