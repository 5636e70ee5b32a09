//! From packets to frames.

use super::{NONE_BEGINS, OFFSET};

/// What is to be done with the octets of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined<'a> {
    /// They go on with what was there.
    Continue(&'a [u8]),
    /// A message begins with them, or with those of the next packet if there are none: they are for a decoder
    /// that is new.
    Begin(&'a [u8]),
    /// They are a part of a message whose beginning is missing.
    Skipped,
    /// The packet contradicts itself. If the source was joined, it no longer is.
    Malformed,
}

/// Finds in the packets of one source where a decoder can begin, at first and after each loss.
///
/// ```
/// use ringmq_pgm::{Joined, Joiner};
///
/// let mut joiner = Joiner::default();
/// assert_eq!(joiner.data(b"\xFF\xFFjunk"), Joined::Skipped);
/// assert_eq!(joiner.data(b"\x00\x01x\x05\x00He"), Joined::Begin(b"\x05\x00He"));
/// assert_eq!(joiner.data(b"\xFF\xFFll"), Joined::Continue(b"ll"));
/// joiner.unjoin(); // A packet is lost, or the decoder found a fault.
/// assert_eq!(joiner.data(b"\xFF\xFFo!"), Joined::Skipped);
/// assert_eq!(joiner.data(b"\x00\x00\x02\x00!"), Joined::Begin(b"\x02\x00!"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Joiner {
    joined: bool,
    malformed: u64,
    skipped: u64,
}

impl Joiner {
    /// Takes the data of the next packet.
    pub fn data<'a>(&mut self, tsdu: &'a [u8]) -> Joined<'a> {
        let Some((offset, octets)) = tsdu.split_first_chunk::<OFFSET>() else {
            return self.malformed();
        };
        let offset = u16::from_be_bytes(*offset);
        if offset == NONE_BEGINS {
            if self.joined {
                return Joined::Continue(octets);
            }
            self.skipped += 1;
            return Joined::Skipped;
        }
        // It may be the very end: libzmq says so of a packet in which the last message ends that it has so far.
        let Some(message) = octets.get(usize::from(offset)..) else { return self.malformed() };
        if std::mem::replace(&mut self.joined, true) {
            Joined::Continue(octets)
        } else {
            Joined::Begin(message)
        }
    }

    /// The octets that come next do not go on with what was there: packets are lost, or a decoder can make
    /// nothing of them. The message that is not complete will not be.
    pub fn unjoin(&mut self) {
        self.joined = false;
    }

    /// Whether a decoder is at work.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Packets that contradicted themselves.
    pub fn malformed_packets(&self) -> u64 {
        self.malformed
    }

    /// Packets that were of no use, since the beginning of their message was missing.
    pub fn skipped_packets(&self) -> u64 {
        self.skipped
    }

    fn malformed(&mut self) -> Joined<'static> {
        self.malformed += 1;
        self.joined = false;
        Joined::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_message_may_begin_in_the_next_packet() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.data(b"\x00\x03end"), Joined::Begin(b""));
        assert_eq!(joiner.data(b"\x00\x00\x02\x00a"), Joined::Continue(b"\x02\x00a"));
        assert_eq!(joiner.data(b"\x00\x03end"), Joined::Continue(b"end"));
    }

    #[test]
    fn an_offset_that_leads_out_of_the_packet_unjoins() {
        let mut joiner = Joiner::default();
        let bad = [&b""[..], b"\x00", b"\x00\x01", b"\x00\x04abc", b"\xFF\xFEabc"];
        for (malformed, tsdu) in bad.into_iter().enumerate() {
            assert_eq!(joiner.data(b"\x00\x00\x02\x00a"), Joined::Begin(b"\x02\x00a"));
            assert_eq!(joiner.malformed_packets(), malformed as u64);
            assert_eq!(joiner.data(tsdu), Joined::Malformed);
            assert!(!joiner.is_joined());
        }
        assert_eq!(joiner.data(b"\xFF\xFF"), Joined::Skipped);
        assert_eq!(joiner.skipped_packets(), 1);
    }
}
