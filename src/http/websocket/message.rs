//! The protocol's words: what either side may say, and the codes with which the server hangs up.

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromClient {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Value,
    },
    Complete {
        id: String,
    },
    Ping {
        #[serde(default)]
        payload: Option<Value>,
    },
    Pong,
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromServer<'a> {
    ConnectionAck,
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
}

/// Why the server hangs up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hangup {
    /// The client said something that it may not say.
    BadMessage(String),
    /// It asked for something before it was acknowledged.
    Unauthorized,
    /// Its token is worth nothing, or not any more.
    Forbidden(&'static str),
    /// It did not introduce itself in time.
    InitTimeout,
    /// Two operations with one id.
    SubscriberExists(String),
    /// It introduced itself twice, or has too many sockets.
    TooMany(&'static str),
    /// Another protocol.
    WrongProtocol,
    /// It has not been heard of for long, or does not take what is sent.
    Silent,
}

impl Hangup {
    /// The close frame's code and reason.
    pub(super) fn frame(&self) -> (u16, String) {
        match self {
            Self::BadMessage(why) => (4400, why.clone()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Forbidden(why) => (4403, (*why).to_owned()),
            Self::WrongProtocol => (4406, "Subprotocol not acceptable".to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::SubscriberExists(id) => {
                // A close frame has room for 123 bytes.
                let id: String = id.chars().take(20).collect();
                (4409, format!("Subscriber for {id} already exists"))
            }
            Self::TooMany(why) => (4429, (*why).to_owned()),
            Self::Silent => (1001, "No sign of life".to_owned()),
        }
    }
}
