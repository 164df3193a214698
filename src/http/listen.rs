//! Accepting connections: like axum's own loop, but with patience that ends.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
    response::Response,
};
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    connections::{Busy, ConnectionLimits, ConnectionPermit, Connections},
    paced::Paced,
};

/// How long a client may take to send a request's head, its first one or the next.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests may take to end once the process is told to stop. Sockets stay open as long as their clients
/// like, and are not waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long a connection that has sent nothing yet may take for its one request, once the process is told to stop: a proxy opens
/// one for each.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// After the machine has run out of something, such as file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// In bytes: what the kernel takes of an answer before it is sent.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;
/// In bytes: what a request's head may have.
const MAX_HEAD: usize = 32 * 1024;

/// Answers whoever connects, until it is told to stop; requests that run then have a moment to end.
pub async fn listen(listener: TcpListener, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    let connections = Connections::new(limits);
    let running = TaskTracker::new();
    let admit = |stream, peer: std::net::SocketAddr| {
        if let Some(permit) = connections.admit(peer.ip().to_canonical()) {
            running.spawn(serve(stream, ConnectInfo(peer), router.clone(), permit, stop.clone()));
        }
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    // Whoever has connected already is answered. The others are refused at once, so that a proxy tries another server.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        admit(stream, peer);
    }
    drop(listener);
    running.close();
    let _ = timeout(GRACE, running.wait()).await;
}

/// Until a connection is to answer no further request.
async fn told_to_end(stop: &CancellationToken, has_begun: &CancellationToken) {
    stop.cancelled().await;
    let _ = timeout(FIRST_REQUEST, has_begun.cancelled()).await;
}

async fn serve(
    stream: TcpStream,
    peer: ConnectInfo<std::net::SocketAddr>,
    router: Router,
    permit: Arc<ConnectionPermit>,
    stop: CancellationToken,
) {
    // Events are small and wanted at once.
    let _ = stream.set_nodelay(true);
    // A client that reads slowly is seen to read: without this the kernel tells of room only when a third of its buffer,
    // which may be megabytes, is free.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let mut builder = http1::Builder::new();
    // A client that has said all may close its half, and still wants its answer.
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).half_close(true).max_buf_size(MAX_HEAD);
    let close = permit.close.clone();
    // The permit is the stream's, which a WebSocket takes over.
    let io = TokioIo::new(Paced::new(stream, Arc::clone(&permit)));
    let has_begun = CancellationToken::new();
    let begins = has_begun.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        begins.cancel();
        let busy = Arc::new(permit.begin());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(Arc::clone(&busy));
        let answer = router.clone().oneshot(request);
        async move { answer.await.map(|response| held(response, busy)) }
    });
    let mut connection = pin!(builder.serve_connection(io, service).with_upgrades());
    let mut is_ending = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended with an error");
                }
                return;
            }
            () = close.cancelled() => return,
            () = told_to_end(&stop, &has_begun), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The connection is busy until the last byte of its answer is on its way.
fn held(response: Response, busy: Arc<Busy>) -> Response {
    response.map(|body| Body::new(HeldBody { body, _busy: busy }))
}

struct HeldBody {
    body: Body,
    _busy: Arc<Busy>,
}

impl http_body::Body for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
