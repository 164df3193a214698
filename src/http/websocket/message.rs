//! The protocol's words: what either side may say, and the codes with which the server closes a socket.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use tungstenite::error::ProtocolError;

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
        payload: &'a RawValue,
    },
    Error {
        id: &'a str,
        payload: &'a RawValue,
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

/// Why the server closes a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The client said something that it may not say.
    BadMessage(String),
    /// It asked for something before it was acknowledged.
    Unauthorized,
    /// Its token is worth nothing, or not any more.
    Forbidden(&'static str),
    /// What the user may do has changed: the client is to connect again.
    RightsChanged,
    /// It did not introduce itself in time.
    InitTimeout,
    /// Two operations with one id.
    SubscriberExists(String),
    /// It introduced itself twice, or has too many sockets.
    TooMany(&'static str),
    /// Another protocol.
    WrongProtocol,
    /// We cannot tell now who it is: it may come again.
    TryAgainLater,
    /// A frame that is no frame, or a message that is no text.
    Malformed(u16, &'static str),
    /// It has not been heard of for long, or does not take what is sent.
    Silent,
}

impl CloseReason {
    /// What follows from a socket that failed: a reason for its client, where it is the client's fault.
    pub(super) fn after(error: axum::Error) -> Result<(), Self> {
        match error.into_inner().downcast::<tungstenite::Error>().map(|error| *error) {
            Ok(tungstenite::Error::Capacity(_)) => Err(Self::Malformed(1009, "A message has at most 256 KiB")),
            Ok(tungstenite::Error::Utf8(_)) => Err(Self::Malformed(1007, "Messages are UTF-8")),
            Ok(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) | Err(_) => Ok(()),
            Ok(tungstenite::Error::Protocol(_)) => Err(Self::Malformed(1002, "That is no frame of this protocol")),
            Ok(_) => Ok(()),
        }
    }

    /// The close frame's code and reason.
    pub(super) fn frame(&self) -> (u16, String) {
        match self {
            Self::BadMessage(why) => (4400, why.clone()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Forbidden(why) => (4403, (*why).to_owned()),
            // "Service restart" of the registry of close codes, after which clients connect again.
            Self::RightsChanged => (1012, "The rights of the user have changed".to_owned()),
            Self::WrongProtocol => (4406, "Subprotocol not acceptable".to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::SubscriberExists(id) => {
                // A close frame has room for 123 bytes.
                let id: String = id.chars().take(20).collect();
                (4409, format!("Subscriber for {id} already exists"))
            }
            Self::TooMany(why) => (4429, (*why).to_owned()),
            Self::TryAgainLater => (1013, "Try again later".to_owned()),
            Self::Malformed(code, why) => (*code, (*why).to_owned()),
            Self::Silent => (1001, "No sign of life".to_owned()),
        }
    }
}
