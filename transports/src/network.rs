//! Networks of IP addresses.

use std::fmt;
use std::net::IpAddr;

/// Bits of an address, and of what an IPv4 address has before it when it is written as one of IPv6.
const BITS: u32 = u128::BITS;
const MAPPED: u32 = 96;

/// All IP addresses that begin with some bits. Those of IPv4 have one form here, `::ffff:192.0.2.1`, whichever
/// way they were written.
///
/// ```
/// use ringmq_transports::network::Network;
///
/// let network = Network::parse("192.0.2.0/24").unwrap();
/// assert!(network.contains("192.0.2.7".parse()?) && !network.contains("192.0.3.7".parse()?));
/// assert_eq!((network.to_string(), Network::parse("localhost")), ("192.0.2.0/24".into(), None));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Zero behind the prefix.
    bits: u128,
    /// How many of them count.
    prefix: u32,
}

impl Network {
    /// `192.0.2.1`, `192.0.2.0/24`, and the same of IPv6.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let before = if address.is_ipv4() { MAPPED } else { 0 };
        let prefix = match prefix {
            // A sign is a number's, too.
            Some(digits) if digits.starts_with('+') => return None,
            Some(digits) => before.checked_add(digits.parse().ok()?)?,
            None => BITS,
        };
        let bits = bits(address) & mask(prefix)?;
        Some(Self { bits, prefix })
    }

    /// Whether an address is one of its own.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        // A shorter prefix than that of all IPv4 addresses is one of IPv6 ones, and of no others.
        let is_concerned = self.prefix >= MAPPED || address.to_canonical().is_ipv6();
        is_concerned && mask(self.prefix).is_some_and(|mask| bits(address) & mask == self.bits)
    }
}

/// As it is [read](Network::parse); a single address without a prefix.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = IpAddr::from(self.bits.to_be_bytes());
        let (address, before) = match address.to_canonical() {
            IpAddr::V4(address) if self.prefix >= MAPPED => (IpAddr::V4(address), MAPPED),
            _ => (address, 0),
        };
        match self.prefix {
            BITS => address.fmt(f),
            prefix => write!(f, "{address}/{}", prefix - before),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// As many ones from the left; `None` if an address has fewer bits.
fn mask(prefix: u32) -> Option<u128> {
    let zeros = BITS.checked_sub(prefix)?;
    Some(u128::MAX.checked_shl(zeros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    proptest! {
        #[test]
        fn a_network_has_the_addresses_whose_first_bits_are_its_own(
            base: u32, other: u32, prefix in 0u32..=32,
        ) {
            let network = Network::parse(&format!("{}/{prefix}", Ipv4Addr::from(base))).unwrap();
            let same = (0..prefix).all(|bit| (base ^ other) & (1 << (31 - bit)) == 0);
            prop_assert_eq!(network.contains(Ipv4Addr::from(other).into()), same);
            prop_assert_eq!(network.contains(Ipv4Addr::from(other).to_ipv6_mapped().into()), same);
            prop_assert!(network.contains(Ipv4Addr::from(base).into()));
        }

        #[test]
        fn what_is_written_is_read_again(base: u128, v4: u32, prefix in 0u32..=128) {
            let networks = [
                format!("{}/{prefix}", Ipv6Addr::from(base)),
                format!("{}/{}", Ipv4Addr::from(v4), prefix / 4),
                Ipv4Addr::from(v4).to_string(),
            ];
            for text in networks {
                let network = Network::parse(&text).unwrap();
                prop_assert_eq!(Network::parse(&network.to_string()), Some(network));
            }
        }

        #[test]
        fn the_same_of_ipv6(base: u128, flipped in 0u32..128, prefix in 0u32..=128) {
            let network = Network::parse(&format!("{}/{prefix}", Ipv6Addr::from(base))).unwrap();
            let other = Ipv6Addr::from(base ^ (1 << (127 - flipped)));
            prop_assert_eq!(network.contains(other.into()), flipped >= prefix);
        }
    }
}
