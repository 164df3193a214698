//! `/metrics`, for Prometheus, on an address of its own: what it tells is not for everybody.

use std::{net::SocketAddr, sync::LazyLock, time::Duration};

use anyhow::Context;
use axum::{Router, http::header, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use super::App;
use crate::{
    db::{self, Connected},
    measures,
};

/// How often what was recorded is put together, also while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the database may take to tell its figures; Prometheus waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// In seconds.
const BUCKETS_OF_TIME: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const BUCKETS_OF_POINTS: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 1000.0, 10_000.0];
const BUCKETS_OF_BYTES: [f64; 6] =
    [67_108_864.0, 134_217_728.0, 268_435_456.0, 536_870_912.0, 1_073_741_824.0, 2_147_483_648.0];
const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];

/// Of the whole process: recorded from anywhere, told by whoever serves.
static RECORDER: LazyLock<Result<PrometheusHandle, String>> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_OF_TIME)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_points".to_owned()), &BUCKETS_OF_POINTS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BUCKETS_OF_BYTES));
    let recorder = builder.and_then(PrometheusBuilder::install_recorder).map_err(|error| error.to_string());
    measures::describe();
    recorder
});

impl App {
    /// Begins to answer `/metrics` where METRICS_BIND asks for it, and says at which address.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_metrics(&self) -> anyhow::Result<Option<SocketAddr>> {
        let Some(address) = self.config.server.metrics_bind else { return Ok(None) };
        let recorder = RECORDER.as_ref().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.with_context(|| format!("cannot listen on {address}: set METRICS_BIND to another address"))?;
        let address = listener.local_addr()?;
        let app = self.clone();
        let tell = move || {
            let app = app.clone();
            async move {
                // What cannot be told in time keeps its last figure.
                let _ = tokio::time::timeout(PATIENCE, app.measure_now()).await;
                (TEXT, recorder.render())
            }
        };
        // What has not happened yet is told as well.
        measures::sockets(0.0);
        for dependency in ["database", "storage"] {
            measures::available(dependency, true);
        }
        tokio::spawn(async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                recorder.run_upkeep();
            }
        });
        let router = Router::new().route("/metrics", get(tell));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the metrics are not served any more");
            }
        });
        Ok(Some(address))
    }

    /// What is not recorded as it happens.
    async fn measure_now(&self) {
        measures::set("darkroom_subscriptions", self.hub.watcher_count() as u64);
        let Connected { open, idle, most } = self.db.connected();
        measures::set("darkroom_database_connections_limit", most);
        measures::set_of("darkroom_database_connections", &[("state", "idle".to_owned())], idle);
        measures::set_of("darkroom_database_connections", &[("state", "busy".to_owned())], open.saturating_sub(idle));
        match db::counts::by_status(self.db.conn()).await {
            Ok(counts) => {
                measures::set("darkroom_stored_bytes", counts.iter().map(|(_, total)| total.bytes).sum());
                for (status, total) in counts {
                    measures::set_of("darkroom_images", &[("status", status.name().to_owned())], total.images);
                }
            }
            Err(error) => tracing::warn!(error = ?error, "counting images for the metrics failed"),
        }
        match self.queue.depth().await {
            Ok(depth) => {
                for of_kind in depth {
                    let kind = ("kind", of_kind.kind.name().to_owned());
                    for (state, count) in of_kind.counts {
                        measures::set_of("darkroom_jobs", &[kind.clone(), ("state", state.to_owned())], count);
                    }
                    measures::set_of("darkroom_job_age_seconds", &[kind], of_kind.oldest_due.as_secs());
                }
            }
            Err(error) => tracing::warn!(error = ?error, "counting jobs for the metrics failed"),
        }
    }
}
