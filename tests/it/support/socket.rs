//! A client that speaks graphql-transport-ws.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{TestApp, client::Client};

/// Longer than anything that a test waits for should take.
const PATIENCE: Duration = Duration::from_mins(1);

pub const PROGRESS: &str = "status revision bytesUploaded bytesTotal percent variantsReady variantsTotal \
    variant { type width height url } failure { code } image { id status title }";

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects with the subprotocol, and says nothing yet.
    pub async fn open(app: &TestApp) -> Self {
        Self::open_at(&app.watched_at.to_string()).await
    }

    async fn open_at(address: &str) -> Self {
        let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        Self(connect_async(request).await.expect("a socket").0)
    }

    /// Connects and introduces itself.
    pub async fn of(app: &TestApp, client: &Client) -> Self {
        Self::at(&app.watched_at.to_string(), client).await
    }

    /// The same for a server that runs by itself.
    pub async fn at(address: &str, client: &Client) -> Self {
        let mut socket = Self::open_at(address).await;
        let payload = client.token.as_ref().map(|token| json!({"Authorization": format!("Bearer {token}")}));
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.receive().await, json!({"type": "connection_ack"}));
        socket
    }

    /// The same where nobody may answer.
    pub async fn try_at(address: &str, client: &Client) -> Option<Self> {
        let mut request = format!("ws://{address}/graphql").into_client_request().ok()?;
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().ok()?);
        let mut socket = Self(timeout(PATIENCE, connect_async(request)).await.ok()?.ok()?.0);
        let payload = client.token.as_ref().map(|token| json!({"Authorization": format!("Bearer {token}")}));
        let init = json!({"type": "connection_init", "payload": payload}).to_string();
        socket.0.send(Message::text(init)).await.ok()?;
        (socket.try_receive().await?["type"] == "connection_ack").then_some(socket)
    }

    /// The next message that is not a ping, or nothing where the server is gone.
    pub async fn try_receive(&mut self) -> Option<Value> {
        loop {
            if let Message::Text(text) = self.0.next().await?.ok()? {
                let message: Value = serde_json::from_str(&text).ok()?;
                if message["type"] != "ping" {
                    return Some(message);
                }
            }
        }
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("to be heard");
    }

    pub async fn send_bytes(&mut self, bytes: &'static [u8]) {
        self.0.send(Message::binary(bytes)).await.expect("to be heard");
    }

    /// Subscribes under an id.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.send(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    /// Watches one image, under the id "1".
    pub async fn watch(&mut self, image: &str) {
        let query = format!("subscription($id: ID!) {{ uploadProgress(imageId: $id) {{ {PROGRESS} }} }}");
        self.subscribe("1", &query, json!({"id": image})).await;
    }

    /// The next message that is not a ping.
    pub async fn receive(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            match message.expect("an open socket").expect("a message") {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return message;
                    }
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message, or nothing where the server hung up instead.
    pub async fn receive_or_end(&mut self) -> Option<Value> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }

    /// The next event of a subscription.
    pub async fn event(&mut self, field: &str) -> Value {
        let message = self.receive().await;
        assert_eq!(message["type"], "next", "{message}");
        let event = message["payload"]["data"][field].clone();
        assert_ne!(event, Value::Null, "{message}");
        event
    }

    /// The code and the reason with which the server hangs up.
    pub async fn close_frame(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("an end in time") {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    pub async fn close(mut self) {
        self.0.close(None).await.expect("to hang up");
    }
}
