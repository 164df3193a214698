//! Accepting connections: like axum's own loop, but with patience that ends.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a client may take to send a request's head, its first one or the next.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests may take to end once the process is told to stop. Sockets stay open as long as their clients
/// like, and are not waited for.
const GRACE: Duration = Duration::from_secs(5);
/// After the machine has run out of something, such as file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Answers whoever connects, until it is told to stop; requests that run then have a moment to end.
pub async fn listen(listener: TcpListener, router: Router, stop: CancellationToken) {
    // HTTP/1 alone: to tell HTTP/2 by its first bytes, hyper would wait for them without end.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    // A client that has said all may close its half, and still wants its answer.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).half_close(true);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // Events are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke off");
            }
        });
    }
    let _ = timeout(GRACE, connections.shutdown()).await;
}
