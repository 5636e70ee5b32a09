//! Data that were too long for one packet (RFC 3208, section 9.4). They come here in order.

use super::gaps::number_of;
use super::sink::{LossReason, PgmSink, SourceHandle};
use crate::packet::{Fragment, Sqn};

/// What has come so far of something.
#[derive(Debug)]
struct PartialApdu {
    first: Sqn,
    packets: u32,
    /// Octets of the whole.
    length: u32,
    octets: Vec<u8>,
}

/// Puts fragments together, one whole at a time.
#[derive(Debug, Default)]
pub(super) struct Fragments(Option<PartialApdu>);

impl Fragments {
    /// Octets that are kept.
    pub(super) fn kept(&self) -> usize {
        self.0.as_ref().map_or(0, |parts| parts.octets.len())
    }

    /// Delivers a packet, or what it is the last fragment of: nothing longer than `longest`, and nothing longer than
    /// `most` of which parts have to be kept.
    pub(super) fn deliver<S: PgmSink>(
        &mut self,
        (source, at): (SourceHandle, u64),
        fragment: Option<Fragment>,
        tsdu: &[u8],
        (longest, most): (usize, usize),
        sink: &mut S,
    ) -> u64 {
        let sqn = number_of(at);
        let Some(Fragment { first, offset, length }) = fragment else {
            let lost = self.abandon(source, sink);
            sink.data(source, sqn, tsdu);
            return lost;
        };
        let mut lost = 0;
        if first == sqn && offset == 0 {
            lost += self.abandon(source, sink);
            if length as usize == tsdu.len() && tsdu.len() <= longest {
                sink.data(source, sqn, tsdu);
                return lost;
            }
            self.0 = Some(PartialApdu { first, packets: 0, length, octets: Vec::new() });
        }
        let fits = |parts: &PartialApdu| {
            let end = parts.octets.len() + tsdu.len();
            (parts.first, parts.length, parts.octets.len()) == (first, length, offset as usize)
                && end <= length as usize
                && length as usize <= most
        };
        let Some(parts) = self.0.as_mut().filter(|parts| fits(parts)) else {
            lost += self.abandon(source, sink);
            sink.lost(source, sqn, 1, LossReason::Fragments);
            return lost + 1;
        };
        parts.packets += 1;
        parts.octets.extend_from_slice(tsdu);
        if parts.octets.len() == length as usize {
            sink.data(source, first, &parts.octets);
            self.0 = None;
        }
        lost
    }

    /// What is not complete will not be. Returns how many packets are lost by that.
    pub(super) fn abandon<S: PgmSink>(&mut self, source: SourceHandle, sink: &mut S) -> u64 {
        let packets = self.0.as_ref().map_or(0, |parts| parts.packets);
        if let Some(PartialApdu { first, packets: 1.., .. }) = self.0.take() {
            sink.lost(source, first, packets, LossReason::Fragments);
        }
        u64::from(packets)
    }
}
