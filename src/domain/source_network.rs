//! Networks from which a source may send.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::ids::IdError;

/// Networks that one source may list: a provider has a handful.
pub const NETWORKS_MAX: usize = 64;

/// A network of client addresses, IPv4 or IPv6: `203.0.113.0/24`, `2001:db8::/32`; one address alone is a
/// network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Returns its first address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.0.network()
    }

    /// Tells whether an address lies in it. An IPv4 address that is written as IPv6 is the IPv4 one.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Reads a list with commas between its networks, as it is stored.
    ///
    /// # Errors
    /// The first that is no network.
    pub fn list(text: &str) -> Result<Vec<Self>, IdError> {
        text.split(',').filter(|part| !part.is_empty()).map(str::parse).collect()
    }

    /// Writes a list as [`Self::list`] reads it.
    #[must_use]
    pub fn written(networks: &[Self]) -> String {
        networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl FromStr for Network {
    type Err = IdError;

    /// Reads a network. Bits behind its length are refused: `203.0.113.7/24` is one address or its
    /// whole network, and nobody can tell which was meant.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let text = text.trim();
        let alone = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let network = text.parse::<IpNet>().ok().filter(|network| network.trunc() == *network);
        network.or_else(alone).map(Self).ok_or_else(|| IdError {
            what: "network",
            text: text.chars().take(60).collect(),
            rule: "an IPv4 or IPv6 network such as 203.0.113.0/24 or 2001:db8::/32, with no bits set behind its length",
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_networks_however_it_is_written() {
        let networks = Network::list("203.0.113.0/24,198.51.100.7,2001:db8::/32").unwrap();
        let inside = |address: &str| networks.iter().any(|network| network.contains(address.parse().unwrap()));
        for address in ["203.0.113.1", "::ffff:203.0.113.255", "198.51.100.7", "2001:db8::1"] {
            assert!(inside(address), "{address}");
        }
        for address in ["203.0.112.255", "203.0.114.0", "198.51.100.8", "2001:db9::1", "::1", "::203.0.113.1"] {
            assert!(!inside(address), "{address}");
        }
        assert_eq!(Network::list(&Network::written(&networks)), Ok(networks));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "203.0.113.7/24", "203.0.113.0/33", "2001:db8::1/32", "sepay.vn", "203.0.113", "1.2.3.4/"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?}");
        }
        let whole: Network = "0.0.0.0/0".parse().unwrap();
        assert!(whole.contains("8.8.8.8".parse().unwrap()) && !whole.contains("2001:db8::1".parse().unwrap()));
    }
}
