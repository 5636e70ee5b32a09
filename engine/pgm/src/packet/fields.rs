//! Fields of packets: taken from the front of what is left, and put at the end of what is written.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::PacketError;
use super::sqn::Sqn;

/// The address families of section 8 ("AFI"), from IANA's list.
const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Takes the next octets.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PacketError> {
    let (field, after) = rest.split_first_chunk().ok_or(PacketError::Truncated)?;
    *rest = after;
    Ok(*field)
}

pub(super) fn take_u16(rest: &mut &[u8]) -> Result<u16, PacketError> {
    take(rest).map(u16::from_be_bytes)
}

pub(super) fn take_u32(rest: &mut &[u8]) -> Result<u32, PacketError> {
    take(rest).map(u32::from_be_bytes)
}

pub(super) fn take_sqn(rest: &mut &[u8]) -> Result<Sqn, PacketError> {
    take_u32(rest).map(Sqn)
}

/// Takes a network layer address: family, two reserved octets, address.
pub(super) fn take_nla(rest: &mut &[u8]) -> Result<IpAddr, PacketError> {
    let family = take_u16(rest)?;
    take::<2>(rest)?;
    match family {
        IPV4 => Ok(IpAddr::V4(Ipv4Addr::from(take::<4>(rest)?))),
        IPV6 => Ok(IpAddr::V6(Ipv6Addr::from(take::<16>(rest)?))),
        found => Err(PacketError::AddressFamily { found }),
    }
}

pub(super) fn put_sqn(out: &mut Vec<u8>, sqn: Sqn) {
    out.extend_from_slice(&sqn.0.to_be_bytes());
}

/// Puts a network layer address.
pub(super) fn put_nla(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.extend_from_slice(&[0, IPV4 as u8, 0, 0]);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.extend_from_slice(&[0, IPV6 as u8, 0, 0]);
            out.extend_from_slice(&address.octets());
        }
    }
}
