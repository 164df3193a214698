//! An address of a test's own that takes webhooks: it keeps what came, and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, StatusCode, header},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// What came.
#[derive(Debug, Clone)]
pub struct Message {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &'static str) -> &str {
        self.headers[HeaderName::from_static(name)].to_str().expect("a text")
    }
}

struct State {
    messages: Vec<Message>,
    status: StatusCode,
    location: Option<String>,
}

/// The address, which is gone with the test.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { messages: Vec::new(), status: StatusCode::OK, location: None };
        let state = Arc::new(Mutex::new(state));
        let taking = Arc::clone(&state);
        let take = async move |headers: HeaderMap, body: Bytes| {
            let mut state = locked(&taking);
            state.messages.push(Message { headers, body });
            let location = state.location.clone().unwrap_or_default();
            (state.status, [(header::LOCATION, location)])
        };
        let serving = tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback(take)).await.expect("to serve");
        });
        Self { address, state, serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it answers from now on.
    pub fn answer(&self, status: StatusCode) {
        locked(&self.state).status = status;
    }

    /// Sends whoever comes elsewhere.
    pub fn redirect(&self, to: String) {
        let mut state = locked(&self.state);
        (state.status, state.location) = (StatusCode::TEMPORARY_REDIRECT, Some(to));
    }

    /// What came since the last look.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut locked(&self.state).messages)
    }

    /// The types of what came since the last look, in order.
    pub fn types(&self) -> Vec<String> {
        let told = self.take().into_iter();
        told.map(|message| message.json()["type"].as_str().expect("a type").to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
