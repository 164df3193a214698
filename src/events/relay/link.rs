//! One connection to what carries hints, whichever it is.

use super::{Carrier, postgres::PostgresLink, redis::RedisLink};

/// An open connection.
pub(super) enum Link {
    Postgres(PostgresLink),
    Redis(RedisLink),
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error(transparent)]
    Text(#[from] serde_json::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("nothing was heard for too long")]
    Silent,
}

impl Link {
    pub(super) async fn open(carrier: &Carrier) -> Result<Self, LinkError> {
        Ok(match carrier {
            Carrier::Postgres(url) => Self::Postgres(PostgresLink::open(url).await?),
            Carrier::Redis { url, channel } => Self::Redis(RedisLink::open(url, channel).await?),
        })
    }

    /// The next message, one's own among them. Safe to drop and call again.
    pub(super) async fn receive(&mut self) -> Result<String, LinkError> {
        match self {
            Self::Postgres(link) => link.receive().await,
            Self::Redis(link) => link.receive().await,
        }
    }

    pub(super) async fn send(&mut self, text: &str) -> Result<(), LinkError> {
        match self {
            Self::Postgres(link) => link.send(text).await,
            Self::Redis(link) => link.send(text).await,
        }
    }
}
