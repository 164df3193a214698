//! One socket, from its handshake to its end.

use std::{net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{StreamExt, stream::BoxStream};
use serde_json::{Map, Value};
use tokio::time::{Instant, Interval, Sleep, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;

use super::{
    PROTOCOL,
    message::{CloseReason, FromClient, FromServer},
    open_sockets::SocketPermit,
    operation::{self, Said},
    standings::WatchedStanding,
};
use crate::{
    domain::{caller::Caller, error::ServiceError},
    graphql::{SentFrom, Services, admission::Access},
    http::{
        EXECUTION_TIMEOUT, HttpState, bearer, caller_of,
        execute::{self, Requester},
        request::from_payload,
    },
};

const INIT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that answers no ping for so long is gone.
const PATIENCE: Duration = Duration::from_mins(1);
/// A token cannot outlive this by much; timers do not reach further.
const MAX_WAIT: Duration = Duration::from_hours(30 * 24);

pub(super) struct Connection {
    state: Arc<HttpState>,
    /// Of the handshake's header, for clients that can send one.
    header_token: Option<String>,
    socket: WebSocket,
    /// Known once the client was acknowledged.
    session: Option<Session>,
    operations: StreamMap<String, BoxStream<'static, Said>>,
    /// The end of the time for the first message, and then of the token. One timer that is set anew, in place of
    /// one for each event.
    deadline: Pin<Box<Sleep>>,
    address: IpAddr,
    speaks_our_protocol: bool,
}

struct Session {
    token: Option<String>,
    caller: Arc<Caller>,
    permit: SocketPermit,
    /// None of an anonymous caller.
    watched: Option<WatchedStanding>,
}

impl Connection {
    pub(super) fn new(state: Arc<HttpState>, header_token: Option<String>, address: IpAddr, socket: WebSocket) -> Self {
        let speaks_our_protocol = socket.protocol().is_some_and(|protocol| protocol == PROTOCOL);
        let operations = StreamMap::new();
        let deadline = Box::pin(sleep_until(Instant::now() + INIT_TIMEOUT));
        Self { state, header_token, socket, session: None, operations, deadline, address, speaks_our_protocol }
    }

    /// Answers until either side closes the socket.
    pub(super) async fn run(mut self) {
        if let Err(closed) = self.talk().await {
            let (code, reason) = closed.frame();
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            let _ = timeout(INIT_TIMEOUT, self.socket.send(close)).await;
        }
    }

    async fn talk(&mut self) -> Result<(), CloseReason> {
        if !self.speaks_our_protocol {
            return Err(CloseReason::WrongProtocol);
        }
        let mut ping: Interval = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let mut received_at = Instant::now();
        loop {
            tokio::select! {
                message = self.socket.recv() => {
                    received_at = Instant::now();
                    match message {
                        // Boxed, as whatever is rarely done: a socket waits most of its life, and then holds no room for it.
                        Some(Ok(Message::Text(text))) => Box::pin(self.receive(text.as_str())).await?,
                        Some(Ok(Message::Binary(_))) => return Err(bad("Messages are text")),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Ok(()),
                        Some(Err(error)) => return CloseReason::after(error),
                    }
                }
                Some((id, said)) = self.operations.next(), if !self.operations.is_empty() => {
                    self.tell(&id, said).await?;
                }
                () = fallen(self.session.as_mut()) => {
                    // Nobody, or somebody who may do something else now, for whom everything begins anew.
                    Box::pin(self.recheck()).await?;
                    return Err(CloseReason::RightsChanged);
                }
                _ = ping.tick() => {
                    if received_at.elapsed() > PATIENCE {
                        return Err(CloseReason::Silent);
                    }
                    Box::pin(self.recheck()).await?;
                    self.send(&FromServer::Ping).await?;
                }
                () = &mut self.deadline => {
                    return Err(match self.session {
                        None => CloseReason::InitTimeout,
                        Some(_) => CloseReason::Forbidden("The access token has expired"),
                    });
                }
            }
        }
    }

    async fn receive(&mut self, text: &str) -> Result<(), CloseReason> {
        let message = serde_json::from_str(text).map_err(|_| bad("That is no message of this protocol"))?;
        match message {
            FromClient::ConnectionInit { payload } => self.acknowledge(payload.unwrap_or_default()).await,
            FromClient::Subscribe { id, payload } => self.subscribe(id, payload, text.len()).await,
            FromClient::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            FromClient::Ping { payload } => self.send(&FromServer::Pong { payload }).await,
            FromClient::Pong => Ok(()),
        }
    }

    async fn acknowledge(&mut self, payload: Map<String, Value>) -> Result<(), CloseReason> {
        if self.session.is_some() {
            return Err(CloseReason::TooMany("Too many initialisation requests"));
        }
        let token = token_of(&payload).or(self.header_token.as_deref()).map(str::to_owned);
        let caller = identify(&self.state.services.clone(), token.as_deref()).await?;
        let caller = caller.from(self.address);
        let life = caller
            .identity()
            .map_or(MAX_WAIT, |identity| (identity.expires_at - self.state.clock.now()).to_std().unwrap_or_default());
        let permit =
            self.state.sockets.admit(caller.key(self.address)).ok_or(CloseReason::TooMany("Too many sockets"))?;
        let watched = caller.identity().map(|identity| self.state.standings.watch(identity.standing));
        self.deadline.as_mut().reset(Instant::now() + life.min(MAX_WAIT));
        self.session = Some(Session { token, caller: Arc::new(caller), permit, watched });
        self.send(&FromServer::ConnectionAck).await
    }

    /// Who the caller is now: logged out elsewhere, they are nobody here too.
    async fn recheck(&mut self) -> Result<(), CloseReason> {
        let Some(token) = self.session.as_ref().and_then(|session| session.token.clone()) else { return Ok(()) };
        let caller = identify(&self.state.services.clone(), Some(&token)).await?;
        let caller = Arc::new(caller.from(self.address));
        if let Some(session) = &mut self.session {
            session.caller = caller;
        }
        Ok(())
    }

    async fn subscribe(&mut self, id: String, payload: Value, bytes: usize) -> Result<(), CloseReason> {
        self.recheck().await?;
        let Some(session) = &self.session else { return Err(CloseReason::Unauthorized) };
        if id.is_empty() || id.len() > 255 {
            return Err(bad("An id has 1 to 255 bytes"));
        }
        if self.operations.contains_key(&id) {
            return Err(CloseReason::SubscriberExists(id));
        }
        let request = from_payload(payload).map_err(CloseReason::BadMessage)?;
        let from = SentFrom { address: self.address, headers: None };
        let requester = Requester { caller: Arc::clone(&session.caller), from };
        let permit = session.permit.admit_operation().ok_or_else(operation::too_many_operations);
        let permit = permit.and_then(|permit| execute::charge_text(&self.state, &requester, bytes).map(|()| permit));
        let admitted = permit.and_then(|permit| Ok((self.state.admission.admit(request, Access::Full)?, permit)));
        let events = match admitted {
            Ok((admitted, permit)) => operation::run(&self.state, admitted, requester, permit),
            Err(error) => {
                let error = execute::charge_refused(&self.state, &requester).err().unwrap_or(error);
                operation::refused(&self.state, error)
            }
        };
        self.operations.insert(id, events);
        Ok(())
    }

    async fn tell(&mut self, id: &str, said: Said) -> Result<(), CloseReason> {
        match said {
            Said::Next(answer) => self.send(&FromServer::Next { id, payload: &answer.response }).await,
            Said::Failed(errors) => {
                self.operations.remove(id);
                self.send(&FromServer::Error { id, payload: &errors }).await
            }
            Said::Over => {
                self.operations.remove(id);
                self.send(&FromServer::Complete { id }).await
            }
        }
    }

    async fn send(&mut self, message: &FromServer<'_>) -> Result<(), CloseReason> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message could not be written as JSON");
            CloseReason::Silent
        })?;
        // Meanwhile nothing is taken from the operations: what they have to say is kept as one state each.
        match timeout(EXECUTION_TIMEOUT, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(CloseReason::Silent),
        }
    }
}

/// Waits until the log-in or the token has ended, or its user may do something else.
async fn fallen(session: Option<&mut Session>) {
    match session.and_then(|session| session.watched.as_mut()) {
        Some(watched) => watched.fallen.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn identify(services: &Services, token: Option<&str>) -> Result<Caller, CloseReason> {
    caller_of(services, token).await.map_err(|error| match error {
        ServiceError::Unauthenticated => CloseReason::Forbidden("The access token is not valid"),
        error => {
            tracing::error!(error = ?error, "the caller of a WebSocket could not be looked up");
            CloseReason::TryAgainLater
        }
    })
}

/// The token where clients put it: `{"Authorization": "Bearer …"}` in any case, or `{"token": "…"}`.
fn token_of(payload: &Map<String, Value>) -> Option<&str> {
    let header = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let token = header.and_then(|(_, value)| value.as_str()).map(|value| bearer(value).unwrap_or(value));
    token.or_else(|| payload.get("token").and_then(Value::as_str)).filter(|token| !token.is_empty())
}

fn bad(why: &str) -> CloseReason {
    CloseReason::BadMessage(why.to_owned())
}
