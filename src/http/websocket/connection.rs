//! One socket, from its handshake to its end.

use std::{sync::Arc, time::Duration};

use async_graphql::{Data, Response, ServerError};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{self, BoxStream, SplitSink, SplitStream},
};
use serde_json::{Map, Value};
use tokio::time::{Instant, Interval, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;

use super::{
    PROTOCOL, SocketSlot,
    message::{FromClient, FromServer, Hangup},
};
use crate::{
    domain::{error::ServiceError, user::Caller},
    graphql::{error, for_caller},
    http::{
        HttpState, bearer, caller_of,
        graphql::{EXECUTION_TIMEOUT, from_payload, never_began},
    },
};

const INIT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that answers no ping for so long is gone.
const PATIENCE: Duration = Duration::from_mins(1);
const MAX_OPERATIONS: usize = 100;
/// A token cannot outlive this by much; timers do not reach further.
const LONGEST_WAIT: Duration = Duration::from_hours(30 * 24);

/// What an operation has to say next; `None` when it is over.
type Event = Option<Response>;

pub(super) struct Connection {
    state: HttpState,
    /// Of the handshake's header, for clients that can send one.
    header_token: Option<String>,
    sink: SplitSink<WebSocket, Message>,
    source: SplitStream<WebSocket>,
    /// Known once the client was acknowledged.
    session: Option<Session>,
    operations: StreamMap<String, BoxStream<'static, Event>>,
    speaks_our_protocol: bool,
}

struct Session {
    caller: Arc<Caller>,
    expires_at: Instant,
    _slot: SocketSlot,
}

impl Connection {
    pub(super) fn new(state: HttpState, header_token: Option<String>, socket: WebSocket) -> Self {
        let speaks_our_protocol = socket.protocol().is_some_and(|protocol| protocol == PROTOCOL);
        let (sink, source) = socket.split();
        let operations = StreamMap::new();
        Self { state, header_token, sink, source, session: None, operations, speaks_our_protocol }
    }

    /// Talks until either side hangs up.
    pub(super) async fn run(mut self) {
        if let Err(hangup) = self.talk().await {
            let (code, reason) = hangup.frame();
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            let _ = timeout(INIT_TIMEOUT, self.sink.send(close)).await;
        }
    }

    async fn talk(&mut self) -> Result<(), Hangup> {
        if !self.speaks_our_protocol {
            return Err(Hangup::WrongProtocol);
        }
        let init_by = Instant::now() + INIT_TIMEOUT;
        let mut ping: Interval = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let mut heard_at = Instant::now();
        loop {
            let deadline = self.session.as_ref().map_or(init_by, |session| session.expires_at);
            tokio::select! {
                message = self.source.next() => {
                    heard_at = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                        Some(Ok(Message::Binary(_))) => return Err(bad("Messages are text")),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    }
                }
                Some((id, event)) = self.operations.next(), if !self.operations.is_empty() => {
                    self.tell(&id, event).await?;
                }
                _ = ping.tick() => {
                    if heard_at.elapsed() > PATIENCE {
                        return Err(Hangup::Silent);
                    }
                    self.say(&FromServer::Ping).await?;
                }
                () = sleep_until(deadline) => {
                    return Err(match self.session {
                        None => Hangup::InitTimeout,
                        Some(_) => Hangup::Forbidden("The access token has expired"),
                    });
                }
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), Hangup> {
        let message = serde_json::from_str(text).map_err(|_| bad("That is no message of this protocol"))?;
        match message {
            FromClient::ConnectionInit { payload } => self.acknowledge(payload.unwrap_or_default()).await,
            FromClient::Subscribe { id, payload } => self.subscribe(id, payload),
            FromClient::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            FromClient::Ping { payload } => self.say(&FromServer::Pong { payload }).await,
            FromClient::Pong => Ok(()),
        }
    }

    async fn acknowledge(&mut self, payload: Map<String, Value>) -> Result<(), Hangup> {
        if self.session.is_some() {
            return Err(Hangup::TooMany("Too many initialisation requests"));
        }
        let token = token_of(&payload).or(self.header_token.as_deref());
        let caller = match caller_of(&self.state.services, token).await {
            Ok(caller) => caller,
            Err(ServiceError::Unauthenticated) => return Err(Hangup::Forbidden("The access token is not valid")),
            Err(error) => {
                tracing::error!(error = ?error, "a socket's caller could not be looked up");
                return Err(Hangup::Forbidden("Try again later"));
            }
        };
        let (user, life) = match &caller {
            Caller::Anonymous => (None, LONGEST_WAIT),
            Caller::User { user, expires_at, .. } => {
                (Some(user.id), (*expires_at - self.state.clock.now()).to_std().unwrap_or_default())
            }
        };
        let slot = SocketSlot::take(&self.state, user).ok_or(Hangup::TooMany("Too many sockets"))?;
        let expires_at = Instant::now() + life.min(LONGEST_WAIT);
        self.session = Some(Session { caller: Arc::new(caller), expires_at, _slot: slot });
        self.say(&FromServer::ConnectionAck).await
    }

    fn subscribe(&mut self, id: String, payload: Value) -> Result<(), Hangup> {
        let Some(session) = &self.session else { return Err(Hangup::Unauthorized) };
        if id.is_empty() || id.len() > 255 {
            return Err(bad("An id has 1 to 255 bytes"));
        }
        if self.operations.contains_key(&id) {
            return Err(Hangup::SubscriberExists(id));
        }
        let mut request = from_payload(payload).map_err(Hangup::BadMessage)?;
        let admitted = if self.operations.len() < MAX_OPERATIONS {
            self.state.limits.admit(&mut request)
        } else {
            Err(too_many_operations())
        };
        let operation = match admitted {
            Ok(()) => self.execute(request, Arc::clone(&session.caller)),
            Err(error) => over(stream::iter([Response::from_errors(vec![error])]).boxed()),
        };
        self.operations.insert(id, operation);
        Ok(())
    }

    /// The events of an operation. Only subscriptions may take long for theirs.
    fn execute(&self, request: async_graphql::Request, caller: Arc<Caller>) -> BoxStream<'static, Event> {
        let request = for_caller(request, caller, &self.state.services);
        let data = Arc::new(Data::default());
        over(self.state.schema.execute_stream_with_session_data(request, data).boxed())
    }

    async fn tell(&mut self, id: &str, event: Event) -> Result<(), Hangup> {
        let Some(mut response) = event else {
            self.operations.remove(id);
            return self.say(&FromServer::Complete { id }).await;
        };
        error::finish(&mut response, &self.state.clock.new_id().to_string());
        let is_refused = never_began(&response) || response.data == async_graphql::Value::Null;
        if is_refused && !response.errors.is_empty() {
            self.operations.remove(id);
            return self.say(&FromServer::Error { id, payload: &response.errors }).await;
        }
        self.say(&FromServer::Next { id, payload: &response }).await
    }

    async fn say(&mut self, message: &FromServer<'_>) -> Result<(), Hangup> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message could not be written as JSON");
            Hangup::Silent
        })?;
        // Meanwhile nothing is taken from the operations: what they have to say is kept as one state each.
        match timeout(EXECUTION_TIMEOUT, self.sink.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Hangup::Silent),
        }
    }
}

/// A stream that says when it is over.
fn over(responses: BoxStream<'static, Response>) -> BoxStream<'static, Event> {
    responses.map(Some).chain(stream::iter([None])).boxed()
}

/// The token where clients put it: `{"Authorization": "Bearer …"}` in any case, or `{"token": "…"}`.
fn token_of(payload: &Map<String, Value>) -> Option<&str> {
    let header = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let token = header.and_then(|(_, value)| value.as_str()).map(|value| bearer(value).unwrap_or(value));
    token.or_else(|| payload.get("token").and_then(Value::as_str)).filter(|token| !token.is_empty())
}

fn too_many_operations() -> ServerError {
    let mut error = ServerError::new(format!("A socket carries {MAX_OPERATIONS} operations at most."), None);
    error.extensions.get_or_insert_default().set("code", "RATE_LIMITED");
    error
}

fn bad(why: &str) -> Hangup {
    Hangup::BadMessage(why.to_owned())
}
