//! PUBLISH and SUBSCRIBE, of Redis or Valkey.

use futures_util::StreamExt;
use redis::{
    AsyncCommands, Client,
    aio::{MultiplexedConnection, PubSub},
};

use super::link::LinkError;

pub(super) struct RedisLink {
    subscription: PubSub,
    sender: MultiplexedConnection,
    channel: String,
}

impl RedisLink {
    pub(super) async fn open(url: &str, channel: &str) -> Result<Self, LinkError> {
        let client = Client::open(url)?;
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(channel).await?;
        let sender = client.get_multiplexed_async_connection().await?;
        Ok(Self { subscription, sender, channel: channel.to_owned() })
    }

    pub(super) async fn receive(&mut self) -> Result<String, LinkError> {
        let message = self.subscription.on_message().next().await.ok_or(LinkError::Closed)?;
        Ok(message.get_payload()?)
    }

    pub(super) async fn send(&mut self, text: &str) -> Result<(), LinkError> {
        Ok(self.sender.publish(&self.channel, text).await?)
    }
}
