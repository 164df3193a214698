//! `serve` and `worker`: the processes that stay.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{accounts::NewAdmin, app::App, clock::Clock, config::Config, domain::error::ServiceError, http};

/// Answers requests until it is told to stop.
pub async fn serve(mut config: Config, no_worker: bool, settings: Value) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.server.bind).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {}: set BIND to another address", config.server.bind))?;
    let address = listener.local_addr()?;
    // A port of 0 is known from here on.
    config.server.bind = address;
    let app = App::build(config.clone(), address, Clock::default()).await?;
    let (router, limits) = (app.router()?, app.connection_limits()?);
    let metrics = app.serve_metrics().await?;
    app.services.accounts.note_start(settings).await.map_err(ServiceError::into_anyhow)?;
    say_where(&config, address, metrics, app.bootstrap().await?)?;
    let stop = stop_on_signal()?;
    app.services.uploads.schedule_index().await.map_err(ServiceError::into_anyhow)?;
    app.services.uploads.schedule_sweep().await.map_err(ServiceError::into_anyhow)?;
    let worker = (!no_worker).then(|| tokio::spawn(app.worker().run(stop.clone())));
    tokio::spawn(app.heed_others());
    let no_more_requests = CancellationToken::new();
    let server = tokio::spawn(http::listen(listener, router, limits, no_more_requests.clone()));
    stop.cancelled().await;
    app.draining.cancel();
    let delay = tokio::time::sleep(Duration::from_secs(config.server.shutdown_delay.into()));
    // Running jobs come first: they may need the storage, which is inside this server.
    if let Some(worker) = worker {
        worker.await?;
    }
    delay.await;
    no_more_requests.cancel();
    Ok(server.await?)
}

/// Runs jobs until it is told to stop.
pub async fn work(config: Config) -> anyhow::Result<()> {
    let app = App::build_on_existing(config, Clock::default()).await?;
    app.services.uploads.schedule_index().await.map_err(ServiceError::into_anyhow)?;
    app.services.uploads.schedule_sweep().await.map_err(ServiceError::into_anyhow)?;
    let stop = stop_on_signal()?;
    tokio::spawn(app.heed_others());
    let metrics = app.serve_metrics().await?;
    tracing::info!(?metrics, "worker started");
    app.worker().run(stop).await;
    Ok(())
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: waiting for running jobs to finish");
        told.cancel();
    });
    Ok(stop)
}

#[expect(clippy::print_stdout, reason = "what the person who started it wants to know, whatever the log level")]
fn say_where(
    config: &Config,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    admin: Option<NewAdmin>,
) -> anyhow::Result<()> {
    let url = config.server.public_url()?;
    let url = url.as_str().trim_end_matches('/');
    println!("Darkroom listens on {address}");
    println!("  console    {url}/console");
    println!("  explore    {url}/graphiql");
    println!("  GraphQL    {url}/graphql   (POST, GET, WebSocket)");
    println!("  schema     {url}/schema.graphql");
    if let Some(metrics) = metrics {
        println!("  metrics    http://{metrics}/metrics");
    }
    match admin {
        Some(NewAdmin { email, generated_password: Some(password) }) => {
            println!("  sign in    {email} with the password {password}   (shown only once)");
        }
        Some(NewAdmin { email, .. }) => println!("  sign in    {email} with ADMIN_PASSWORD"),
        None => println!("  sign in    as before; `darkroom token EMAIL` prints a token"),
    }
    Ok(())
}
