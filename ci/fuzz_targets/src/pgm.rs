//! Packets of PGM, as the targets need them: those that were captured, and what is wrong on purpose.

use core::net::{IpAddr, Ipv4Addr};

use ringmq_pgm::{Gsi, HEADER, Packet, Tsi, checksum};

use crate::common::bytes;

/// The session of libzmq's source in the captured packets, its port of the data, and its address.
pub(crate) const SOURCE: Tsi = Tsi { gsi: Gsi([0xDE, 0xEA, 0x4A, 0x00, 0x7B, 0xF8]), port: 0xC734 };
pub(crate) const SOURCE_PORT: u16 = 17_501;
pub(crate) const SOURCE_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 1));
/// The session of the other source in them.
pub(crate) const PEER: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 4242 };
pub(crate) const PEER_PORT: u16 = 17_502;
pub(crate) const PEER_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 2));
pub(crate) const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 192, 77, 1));

/// Where the checksum stands in a header.
const CHECKSUM_AT: usize = 6;

/// All packets that the tests of the crate have, a few of them without their ends.
pub(crate) fn captured() -> Vec<Vec<u8>> {
    const TESTS: &str = include_str!("../../../engine/pgm/tests/vectors.rs");
    let is_packet = |text: &&str| {
        text.len() >= 2 * HEADER && text.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    TESTS.split('"').filter(is_packet).map(bytes).collect()
}

/// Gives a packet the checksum that is right.
pub(crate) fn mend(packet: &mut [u8]) {
    if packet.len() >= HEADER {
        packet[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0);
        let checksum = checksum(packet);
        packet[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}

pub(crate) fn written(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.write(&mut out);
    out
}

/// Reads what one of our ends sends. Panics unless it is well-formed, with a checksum that is there.
pub(crate) fn well_formed(bytes: &[u8]) -> Packet<'_> {
    let packet = match Packet::parse(bytes) {
        Ok(packet) => packet,
        Err(error) => panic!("{error}: {bytes:02x?}"),
    };
    assert_ne!(bytes[CHECKSUM_AT..CHECKSUM_AT + 2], [0; 2], "no checksum");
    packet
}
