//! Networks as operators write them.

use std::net::IpAddr;

use anyhow::Context;
use ipnet::IpNet;

/// The networks of a variable's value, of which each is an address or a network.
///
/// # Errors
/// For what is neither.
pub fn parse(variable: &str, written: &[String]) -> anyhow::Result<Vec<IpNet>> {
    let networks = written.iter().map(|network| network.trim()).filter(|network| !network.is_empty());
    let parsed = networks.map(|network| {
        let parsed = network.parse::<IpNet>().or_else(|_| network.parse::<IpAddr>().map(IpNet::from));
        parsed.with_context(|| format!("{variable}: `{network}` is neither an address nor a network"))
    });
    parsed.collect()
}
