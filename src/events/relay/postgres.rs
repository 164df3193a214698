//! NOTIFY and LISTEN. Sent on a connection of its own: PostgreSQL lets those who notify commit one after the other, and no
//! commit of a change is to wait for that.

use sqlx::{Connection, PgConnection, postgres::PgListener, query};

use super::link::LinkError;

const CHANNEL: &str = "darkroom";

pub(super) struct PostgresLink {
    listener: PgListener,
    sender: PgConnection,
}

impl PostgresLink {
    pub(super) async fn open(url: &str) -> Result<Self, LinkError> {
        let mut listener = PgListener::connect(url).await?;
        // A connection that breaks is a gap, which is to be told.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Self { listener, sender: PgConnection::connect(url).await? })
    }

    pub(super) async fn receive(&mut self) -> Result<String, LinkError> {
        let notification = self.listener.try_recv().await?.ok_or(LinkError::Closed)?;
        Ok(notification.payload().to_owned())
    }

    pub(super) async fn send(&mut self, text: &str) -> Result<(), LinkError> {
        query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(text).execute(&mut self.sender).await?;
        Ok(())
    }
}
