//! Signs of life: `/healthz` of the process, `/readyz` of what it needs.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::{db::Db, imaging::workshop::Workshop, storage::Storage};

/// What is answered however full the server is.
pub(super) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// How long the database and the storage may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the server cannot do without.
#[derive(Clone)]
pub struct Vitals {
    pub db: Db,
    pub storage: Storage,
    pub workshop: Workshop,
}

pub(super) fn routes(vitals: Vitals) -> Router {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(readyz)).with_state(vitals)
}

async fn readyz(State(vitals): State<Vitals>) -> (StatusCode, Json<Value>) {
    let database = async { matches!(tokio::time::timeout(PATIENCE, vitals.db.ping()).await, Ok(Ok(()))) };
    let storage = async { matches!(tokio::time::timeout(PATIENCE, vitals.storage.ping()).await, Ok(Ok(()))) };
    let (database, storage) = tokio::join!(database, storage);
    let status = if database && storage { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let sandbox = vitals.workshop.is_sandboxed();
    (status, Json(json!({"database": database, "storage": storage, "sandbox": sandbox})))
}
