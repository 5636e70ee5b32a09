//! The header of data packets that are written in place.

use super::{CHECKSUM_AT, DATA_AT, HEADER, Sqn, Tsi, checksum, replaced};

const KIND_AT: usize = 4;
const TSDU_LENGTH_AT: usize = 14;
const TRAIL_AT: usize = HEADER + 4;
const ODATA: u8 = 0x04;
const RDATA: u8 = 0x05;

/// The header that all data packets of a session share, and what differs.
#[derive(Clone, Debug)]
pub(crate) struct DataHeader([u8; DATA_AT]);

impl DataHeader {
    pub(crate) fn new(session: Tsi, destination_port: u16) -> Self {
        let mut header = [0; DATA_AT];
        header[..2].copy_from_slice(&session.port.to_be_bytes());
        header[2..4].copy_from_slice(&destination_port.to_be_bytes());
        header[KIND_AT] = ODATA;
        header[8..14].copy_from_slice(&session.gsi.0);
        DataHeader(header)
    }

    /// Makes an ODATA packet of `packet`, whose data are in their place.
    pub(crate) fn odata(&self, packet: &mut [u8], sqn: Sqn, trail: Sqn) {
        let tsdu = packet.len().saturating_sub(DATA_AT);
        let Some(header) = packet.first_chunk_mut::<DATA_AT>() else { return };
        *header = self.0;
        // A slot has no more than 64 KiB.
        header[TSDU_LENGTH_AT..HEADER].copy_from_slice(&(tsdu as u16).to_be_bytes());
        header[HEADER..TRAIL_AT].copy_from_slice(&sqn.0.to_be_bytes());
        header[TRAIL_AT..].copy_from_slice(&trail.0.to_be_bytes());
        let checksum = checksum(packet);
        packet[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
    }

    /// Makes an RDATA packet of one that was sent, with the trail as it is now. The data are not touched.
    pub(crate) fn rdata(packet: &mut [u8], trail: Sqn) {
        let Some(header) = packet.first_chunk_mut::<DATA_AT>() else { return };
        let mut checksum = u16::from_be_bytes([header[CHECKSUM_AT], header[CHECKSUM_AT + 1]]);
        let mut put = |at: usize, new: [u8; 2]| {
            let old = u16::from_be_bytes([header[at], header[at + 1]]);
            checksum = replaced(checksum, old, u16::from_be_bytes(new));
            header[at..at + 2].copy_from_slice(&new);
        };
        put(KIND_AT, [RDATA, 0]);
        let [a, b, c, d] = trail.0.to_be_bytes();
        put(TRAIL_AT, [a, b]);
        put(TRAIL_AT + 2, [c, d]);
        header[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Body, DataBody, Gsi, Packet};

    #[test]
    fn what_is_written_in_place_is_what_the_writer_of_packets_writes() {
        let session = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
        for length in [0, 1, 2, 100, 1428] {
            let tsdu: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
            let mut packet = vec![0xAA; DATA_AT];
            packet.extend_from_slice(&tsdu);
            DataHeader::new(session, 5555).odata(&mut packet, Sqn(9), Sqn(u32::MAX));
            let mut data = DataBody { sqn: Sqn(9), trail: Sqn(u32::MAX), tsdu: &tsdu };
            let mut expected = Vec::new();
            Packet::downstream(session, 5555, Body::Odata(data)).write(&mut expected);
            assert_eq!(packet, expected);
            for trail in [0, 3, 0x1234_5678, 9] {
                DataHeader::rdata(&mut packet, Sqn(trail));
                data.trail = Sqn(trail);
                expected.clear();
                Packet::downstream(session, 5555, Body::Rdata(data)).write(&mut expected);
                assert_eq!(packet, expected);
            }
        }
    }
}
