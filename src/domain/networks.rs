//! Which addresses this program may call on behalf of others.
//!
//! Whoever may enter an address to call can make the program knock at doors that only the program
//! reaches: its own machine, the database's network, a cloud's metadata. So only addresses of the
//! public internet are called, and networks that the operator named. Forms of IPv6 that carry an
//! address of IPv4 are judged by that one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::ids::IdError;

/// A network: its addresses share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The first address, in IPv6's width; one of IPv4 in its mapped form.
    first: u128,
    /// The bits that are shared, of 128.
    bits: u32,
    shown: (IpAddr, u32),
}

/// Bits in front of an IPv4 address in its mapped form.
const MAPPED_BITS: u32 = 96;

impl Network {
    /// Returns the network of an address and its first bits.
    #[must_use]
    fn new(address: IpAddr, bits: u32) -> Option<Self> {
        let (width, before) = match address {
            IpAddr::V4(_) => (32, MAPPED_BITS),
            IpAddr::V6(_) => (128, 0),
        };
        let shown = (address, bits);
        (bits <= width).then(|| {
            let bits = bits.saturating_add(before);
            Self { first: wide(address) & mask(bits), bits, shown }
        })
    }

    /// Tells whether an address lies in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        wide(address) & mask(self.bits) == self.first
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.shown.0, self.shown.1)
    }
}

impl FromStr for Network {
    type Err = IdError;

    /// Reads `10.20.0.0/16`, `fd00:1::/32`, or one address.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError {
            what: "network",
            text: text.chars().take(60).collect(),
            rule: "an address and how many of its first bits count, such as 10.20.0.0/16",
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok()),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = if text.contains('/') { bits.ok_or_else(wrong)? } else { whole };
        Self::new(address, bits).ok_or_else(wrong)
    }
}

fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0)
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Returns the address that another one carries: `::ffff:10.0.0.1` and NAT64's `64:ff9b::10.0.0.1` are
/// doors to 10.0.0.1.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let nat64 = six.to_bits() >> 32 == (0x0064_ff9b_u128 << 64);
    let last = || u32::try_from(six.to_bits() & 0xffff_ffff).ok().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    if nat64 || six.to_ipv4_mapped().is_some() { last().unwrap_or(address) } else { address }
}

/// Networks of IPv4 that are not the public internet (IANA, special-purpose addresses), and what they are.
const SPECIAL_V4: [(Ipv4Addr, u32, &str); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private network"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's shared network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "this machine"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private network"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "reserved for examples"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay of 6to4"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private network"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "reserved for measurements"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "reserved for examples"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "reserved for examples"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::BROADCAST, 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same of IPv6 within `2000::/3`; outside it nothing is public.
const SPECIAL_V6: [(Ipv6Addr, u32, &str); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "reserved for examples"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "reserved for examples"),
];

/// Returns what an address is when it is not one of the public internet.
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    let within =
        |first: IpAddr, bits: u32, address| Network::new(first, bits).is_some_and(|network| network.holds(address));
    match carried(address) {
        IpAddr::V4(four) => {
            let found = SPECIAL_V4.iter().find(|(first, bits, _)| within((*first).into(), *bits, four.into()));
            found.map(|(_, _, what)| *what)
        }
        IpAddr::V6(six) => {
            if six.to_bits() >> 125 != 1 {
                return Some("not of the public internet");
            }
            let found = SPECIAL_V6.iter().find(|(first, bits, _)| within((*first).into(), *bits, six.into()));
            found.map(|(_, _, what)| *what)
        }
    }
}

/// Tells whether an address is nobody's to call, whatever the operator named: a cloud's metadata
/// (169.254.169.254, `fd00:ec2::254`), neighbours on the wire, many at once, nobody.
fn is_never_called(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(four) => {
            four.is_link_local() || four.is_multicast() || four.is_broadcast() || four.octets().starts_with(&[0])
        }
        IpAddr::V6(six) => {
            let metadata = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
            six.is_unspecified() || six.is_multicast() || six.is_unicast_link_local() || six == metadata
        }
    }
}

/// Where this program may call: the public internet, and what the operator named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(Vec<Network>);

impl Reach {
    /// Returns the reach that adds networks to the public internet.
    #[must_use]
    pub fn with(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.0.extend(networks);
        self
    }

    /// Returns the same with this machine itself, for trials.
    #[must_use]
    pub fn with_this_machine(self) -> Self {
        let own = [(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8), (IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
        self.with(own.into_iter().filter_map(|(first, bits)| Network::new(first, bits)))
    }

    /// Refuses an address that must not be called, with what it is.
    ///
    /// # Errors
    /// What the address is.
    pub fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        if is_never_called(address) {
            return Err(special(address).unwrap_or("a cloud's metadata"));
        }
        if self.0.iter().any(|network| network.holds(carried(address))) {
            return Ok(());
        }
        special(address).map_or(Ok(()), Err)
    }

    /// Tells whether this machine was named: it alone may be called without TLS.
    #[must_use]
    pub fn names_this_machine(&self) -> bool {
        self.check(Ipv4Addr::LOCALHOST.into()).is_ok()
    }
}

impl FromStr for Reach {
    type Err = IdError;

    /// Reads networks with commas between them.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(networks.map(str::parse).collect::<Result<_, _>>()?))
    }
}
