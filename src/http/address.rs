//! Where a request comes from: the peer's address or, behind a proxy that is trusted, what that says.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::domain::networks;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Of addresses and networks, as the operator writes them.
    ///
    /// # Errors
    /// For what is neither.
    pub fn parse(written: &[String]) -> anyhow::Result<Self> {
        networks::parse("TRUSTED_PROXIES", written).map(Self)
    }

    /// Whether an address is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whom a request comes from. Each proxy adds its peer at the end, so the last address that is no trusted proxy is
    /// the client's; whatever stands before it, the client may have written itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut named = values.iter().rev().flat_map(|value| value.rsplit(','));
        while self.contains(client) {
            let Some(Ok(address)) = named.next().map(|address| address.trim().parse::<IpAddr>()) else { break };
            client = address.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_added() {
        let proxies = TrustedProxies::parse(&["10.0.0.0/8".into(), "::1".into(), String::new()]).expect("networks");
        let client = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, value.parse().expect("a header"));
            }
            proxies.client(peer.parse().expect("an address"), &headers).to_string()
        };
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "anybody can write a header");
        assert_eq!(client("10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.1.2.3", &["203.0.113.9, 198.51.100.7, 10.9.9.9"]), "198.51.100.7", "through two of them");
        assert_eq!(client("10.1.2.3", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7", "the last header counts");
        assert_eq!(client("::ffff:10.1.2.3", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client("::1", &[]), "::1");
        assert_eq!(client("::1", &["rubbish"]), "::1");
        assert!(TrustedProxies::parse(&["10.0.0.0/40".into()]).is_err());
    }
}
