//! What other processes did: heard as they tell of it, and looked for by the clock, in case they did not.

use std::{sync::atomic::Ordering, time::Duration};

use sha2::{Digest, Sha256};

use super::{App, database};
use crate::{
    config::Config,
    events::{Carrier, Happened, Heard, Relay},
};

/// How often it is looked for what other processes did.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// One look in so many is enough while they tell of it.
const ONE_LOOK_IN: u32 = 5;
/// In hexadecimal digits, what tells a channel from others.
const CHANNEL_LENGTH: usize = 16;

impl App {
    /// Hears what the other processes tell, if there may be any, and looks for what they did; does not end.
    pub fn heed_others(&self) -> impl Future<Output = ()> + Send + 'static {
        let app = self.clone();
        let relay = app.carrier.clone().map(|carrier| app.hub.connect(carrier, app.clock.new_id()));
        async move {
            let is_connected = relay.as_ref().map(Relay::connectivity).unwrap_or_default();
            let looking = async {
                for looks in 0_u32.. {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if !is_connected.load(Ordering::Relaxed) || looks.is_multiple_of(ONE_LOOK_IN) {
                        app.look_at_everything().await;
                    }
                }
            };
            let hearing = async {
                match relay {
                    Some(relay) => app.hear_all(relay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::join!(looking, hearing);
        }
    }

    async fn hear_all(&self, mut relay: Relay) {
        loop {
            let (mut happened, mut has_jobs, mut has_gap) = (Vec::<Happened>::new(), false, false);
            let mut next = Some(relay.next().await);
            // What waits is heard together: rows are read once for all of it.
            while let Some(heard) = next {
                match heard {
                    Heard::Gap => has_gap = true,
                    Heard::Hints(hints) => {
                        has_jobs |= hints.has_jobs;
                        happened.extend(hints.images);
                    }
                }
                next = relay.try_next();
            }
            if has_jobs || has_gap {
                self.queue.announce();
            }
            if let Err(error) = self.services.uploads.hear(&happened).await {
                tracing::warn!(error = ?error, "reading what other processes changed failed");
                has_gap = true;
            }
            if has_gap {
                self.look_at_everything().await;
            }
        }
    }

    async fn look_at_everything(&self) {
        if let Err(error) = self.services.uploads.refresh_watched().await {
            tracing::warn!(error = ?error, "refreshing the watched uploads failed");
        }
        if let Err(error) = self.services.changes.look_for_events().await {
            tracing::warn!(error = ?error, "reading the event log failed");
        }
    }
}

/// What processes tell each other by; nothing where there is only SQLite, which is one machine's. Of several installations on one
/// Redis each has a channel of its own, by the secret that its processes share.
pub fn carrier(config: &Config, jwt_secret: &str) -> Option<Carrier> {
    if let Some(url) = &config.database.redis_url {
        let share = hex::encode(Sha256::digest(format!("relay {jwt_secret}")));
        return Some(Carrier::Redis { url: url.clone(), channel: format!("darkroom:{}", &share[..CHANNEL_LENGTH]) });
    }
    let url = database::url(config);
    url.starts_with("postgres").then_some(Carrier::Postgres(url))
}
