//! A server that is told to stop: whoever has connected is answered, everybody else is refused at once.

use std::time::Duration;

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::support::{TestApp, until};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn who_has_connected_is_answered_and_nobody_connects_any_more() {
    let app = TestApp::start_alone().await;
    let limits = app.app.connection_limits().expect("limits");
    let router = Router::new().route("/healthz", get(|| async { "OK" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let mut connected = Vec::new();
    for _ in 0..10 {
        connected.push(TcpStream::connect(address).await.expect("a connection"));
    }
    // Nobody has been accepted yet: they wait in the kernel's queue.
    stop.cancel();
    let server = tokio::spawn(darkroom::http::listen(listener, router, limits, stop));
    until("the port is closed", async || TcpStream::connect(address).await.is_err()).await;
    assert!(!server.is_finished(), "while the others are waited for");
    for mut connection in connected {
        connection.write_all(REQUEST).await.expect("to be sent");
        let mut answer = Vec::new();
        let read = timeout(Duration::from_mins(1), connection.read_to_end(&mut answer)).await;
        read.expect("an answer in time").expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    timeout(Duration::from_mins(1), server).await.expect("its end").expect("no panic");
}
