//! Hand: requests to addresses that users chose. They reach what everybody on the internet reaches, and of the networks around this
//! server only what the operator allowed. Knows no other hand.

mod addresses;

use std::{error::Error, fmt, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
    redirect::Policy,
};
use url::{Host, Url};

pub use self::addresses::Reachable;
use crate::domain::webhook::{Answer, Unreachable};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const AGENT: &str = concat!("Darkroom/", env!("CARGO_PKG_VERSION"));

/// Sends requests.
#[derive(Clone)]
pub struct Outbound {
    /// For what is encrypted.
    everywhere: Client,
    /// For what is not: to networks of the operator alone.
    allowed: Client,
    reachable: Arc<Reachable>,
}

impl Outbound {
    /// To what can be reached so.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new(reachable: Reachable) -> anyhow::Result<Self> {
        let reachable = Arc::new(reachable);
        let client = |is_encrypted| {
            // What a proxy would reach is not for us to know.
            let client = Client::builder().redirect(Policy::none()).no_proxy().user_agent(AGENT);
            let client = client.timeout(PATIENCE).connect_timeout(CONNECT_PATIENCE);
            // A name may lead elsewhere the next time: nothing is sent by an old connection.
            let client = client.pool_max_idle_per_host(0).referer(false);
            client.dns_resolver(Arc::new(Resolver { reachable: Arc::clone(&reachable), is_encrypted })).build()
        };
        Ok(Self { everywhere: client(true)?, allowed: client(false)?, reachable })
    }

    /// Whether a URL is one that requests may go to, as far as it says itself.
    pub fn permits(&self, url: &Url) -> bool {
        let is_encrypted = url.scheme() == "https";
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let is_reachable = match url.host() {
            Some(Host::Ipv4(address)) => self.reachable.is(address.into(), is_encrypted),
            Some(Host::Ipv6(address)) => self.reachable.is(address.into(), is_encrypted),
            // Looked up when something is sent. Without encryption there is somebody only in networks of the operator.
            Some(Host::Domain(_)) => is_encrypted || self.reachable.allows_any(),
            None => false,
        };
        (is_encrypted || url.scheme() == "http") && is_plain && is_reachable && url.port() != Some(0)
    }

    /// Posts JSON. Redirects are not followed, and of the answer only its status is read.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: String) -> Answer {
        if !self.permits(url) {
            return Answer::Nothing(Unreachable::Forbidden);
        }
        let client = if url.scheme() == "https" { &self.everywhere } else { &self.allowed };
        match client.post(url.clone()).headers(headers).body(body).send().await {
            Ok(response) => Answer::Status(response.status().as_u16()),
            Err(error) => {
                error.status().as_ref().map(StatusCode::as_u16).map_or_else(|| nothing(&error), Answer::Status)
            }
        }
    }
}

fn nothing(error: &reqwest::Error) -> Answer {
    let (mut cause, mut unresolved) = (error.source(), None);
    while let Some(error) = cause {
        unresolved = unresolved.or_else(|| error.downcast_ref::<Unresolved>());
        cause = error.source();
    }
    Answer::Nothing(match unresolved {
        Some(Unresolved::Forbidden) => Unreachable::Forbidden,
        Some(Unresolved::Unknown) => Unreachable::UnknownHost,
        None if error.is_timeout() => Unreachable::TimedOut,
        None => Unreachable::Unconnected,
    })
}

/// Looks names up, and gives the addresses that may be reached: those are connected to, and no others.
struct Resolver {
    reachable: Arc<Reachable>,
    is_encrypted: bool,
}

#[derive(Debug, Clone, Copy)]
enum Unresolved {
    Unknown,
    Forbidden,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the name has no address",
            Self::Forbidden => "the name has no address that may be reached",
        })
    }
}

impl Error for Unresolved {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reachable, is_encrypted) = (Arc::clone(&self.reachable), self.is_encrypted);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unresolved::Unknown)?;
            let found: Vec<SocketAddr> = found.collect();
            let reached = found.iter().copied().filter(|found| reachable.is(found.ip(), is_encrypted));
            let reached: Vec<SocketAddr> = reached.collect();
            match (found.is_empty(), reached.is_empty()) {
                (true, _) => Err(Unresolved::Unknown.into()),
                (_, true) => Err(Unresolved::Forbidden.into()),
                _ => Ok(Box::new(reached.into_iter()) as Addrs),
            }
        })
    }
}
