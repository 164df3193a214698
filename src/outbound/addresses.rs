//! Which addresses requests may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are not the internet: IANA's registries of special-purpose addresses, RFC 6890 and what came after it.
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, and the broadcast address.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Of IPv6, only this is the internet, without what is below.
const GLOBAL_UNICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 4] = [
    // Protocol assignments, Teredo among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which leads to an address of IPv4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// What requests may go to: the internet, by encrypted connections, and whatever the operator allows.
#[derive(Debug, Clone, Default)]
pub struct Reachable {
    allowed: Vec<IpNet>,
}

impl Reachable {
    /// The internet and these networks.
    pub const fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether the operator allowed anything beside the internet.
    pub(super) fn allows_any(&self) -> bool {
        !self.allowed.is_empty()
    }

    pub(super) fn is(&self, address: IpAddr, is_encrypted: bool) -> bool {
        // An address of IPv4 in the clothes of IPv6 is that address.
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address)) || (is_encrypted && is_public(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !NOT_PUBLIC_V4.iter().any(|(net, prefix)| Ipv4Net::new_assert(*net, *prefix).contains(&address))
        }
        IpAddr::V6(address) => {
            let is_in = |(net, prefix): (Ipv6Addr, u8)| Ipv6Net::new_assert(net, prefix).contains(&address);
            is_in(GLOBAL_UNICAST) && !NOT_PUBLIC_V6.into_iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internet_is_reached_and_nothing_around_the_server() {
        for public in [
            "1.1.1.1",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_reached(public, true), "{public}");
            assert!(!is_reached(public, false), "{public} without encryption");
        }
        let others = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for other in others {
            assert!(!is_reached(other, true), "{other}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_reached_without_encryption_too() {
        let reachable = Reachable::new(vec!["10.1.0.0/16".parse().expect("a network")]);
        for (address, is_reached) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.1", false), ("1.1.1.1", false)]
        {
            assert_eq!(reachable.is(address.parse().expect("an address"), false), is_reached, "{address}");
        }
    }

    fn is_reached(address: &str, is_encrypted: bool) -> bool {
        Reachable::default().is(address.parse().expect("an address"), is_encrypted)
    }
}
