//! Signs of life: `/healthz` of the process, `/readyz` of what it needs.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{db::Db, imaging::sandbox::Sandbox, storage::Storage};

/// What is answered however full the server is.
pub(super) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// How long the database and the storage may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the server cannot do without.
#[derive(Clone)]
pub struct HealthChecks {
    pub db: Db,
    pub storage: Storage,
    pub sandbox: Sandbox,
    /// Cancelled once the process is told to stop: nobody new is to be sent here.
    pub draining: CancellationToken,
}

pub(super) fn routes(checks: HealthChecks) -> Router {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(readyz)).with_state(checks)
}

async fn readyz(State(checks): State<HealthChecks>) -> (StatusCode, Json<Value>) {
    let database = async { matches!(tokio::time::timeout(PATIENCE, checks.db.ping()).await, Ok(Ok(()))) };
    let storage = async { matches!(tokio::time::timeout(PATIENCE, checks.storage.ping()).await, Ok(Ok(()))) };
    let (database, storage) = tokio::join!(database, storage);
    let (draining, sandbox) = (checks.draining.is_cancelled(), checks.sandbox.is_sandboxed());
    let is_ready = database && storage && !draining;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"database": database, "storage": storage, "draining": draining, "sandbox": sandbox})))
}
