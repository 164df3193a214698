//! The limit: the same text to all who watch a topic, by tokio-tungstenite and a broadcast channel. It knows no GraphQL, no
//! users and no limits, and says just enough of graphql-transport-ws to be watched by the same client.
//!
//! `{"type": "publish", "topic": "…", "text": "…"}` on any socket sends the text to the topic's watchers.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

/// In bytes, as the server has it.
const READ_BUFFER: usize = 1024;
/// How many texts a watcher may be behind.
const BEHIND: usize = 64;

type Topics = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "who started it wants to know the port")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let topics = Topics::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, topics.clone()));
    }
}

async fn serve(stream: TcpStream, topics: Topics) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let socket = accept_hdr_async_with_config(stream, with_protocol, Some(config)).await?;
    let (mut sink, mut source) = socket.split();
    let mut watched: Option<broadcast::Receiver<Utf8Bytes>> = None;
    loop {
        tokio::select! {
            message = source.next() => {
                let Some(Ok(Message::Text(text))) = message else { return Ok(()) };
                let message: Value = serde_json::from_str(&text)?;
                match message["type"].as_str() {
                    Some("connection_init") => sink.send(Message::text(r#"{"type":"connection_ack"}"#)).await?,
                    Some("ping") => sink.send(Message::text(r#"{"type":"pong"}"#)).await?,
                    Some("subscribe") => watched = Some(topic(&topics, &message["payload"]["topic"]).subscribe()),
                    Some("publish") => {
                        let text = Utf8Bytes::from(message["text"].as_str().unwrap_or_default());
                        let _ = topic(&topics, &message["topic"]).send(text);
                    }
                    _ => {}
                }
            }
            Some(text) = next(&mut watched) => sink.send(Message::Text(text)).await?,
        }
    }
}

#[expect(clippy::result_large_err, reason = "the callback of tungstenite")]
#[expect(clippy::unnecessary_wraps, reason = "as the library calls it")]
fn with_protocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(response)
}

fn topic(topics: &Topics, name: &Value) -> broadcast::Sender<Utf8Bytes> {
    let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
    let name = name.as_str().unwrap_or_default().to_owned();
    topics.entry(name).or_insert_with(|| broadcast::Sender::new(BEHIND)).clone()
}

async fn next(watched: &mut Option<broadcast::Receiver<Utf8Bytes>>) -> Option<Utf8Bytes> {
    match watched {
        Some(watched) => watched.recv().await.ok(),
        None => std::future::pending().await,
    }
}
