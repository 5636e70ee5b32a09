//! What receivers ask a source for: NCFs to be sent, and packets to be sent again.

use std::collections::VecDeque;
use std::time::Instant;

use arrayvec::ArrayVec;

use super::bucket::TokenBucket;
use super::config::PgmSourceConfig;
use super::window::TransmitWindow;
use crate::packet::{Body, NAK_LIST_MAX, NakBody, NakList, Packet, Sqn};

/// NCFs that may wait; more are not sent.
const NCFS_MAX: usize = 64;
/// Octets of repairs that may be sent at once, at least. Much more would be lost in the buffers of sockets, and
/// asked for again.
const BURST_MIN: u64 = 64 * 1024;
/// The part of a second whose repairs may be sent at once.
const BURST: u64 = 1000;
/// The part of the rate of repairs that NCFs may take.
const NCF_SHARE: u64 = 4;

/// A NAK that is to be answered.
#[derive(Debug)]
struct Confirmation {
    sqn: Sqn,
    list: ArrayVec<[u8; 4], NAK_LIST_MAX>,
}

/// The queues of repairs, and what limits them.
#[derive(Debug)]
pub(crate) struct Repairs {
    ncfs: VecDeque<Confirmation>,
    ncf_bucket: TokenBucket,
    /// Packets to be sent again, each once: the window knows which.
    packets: VecDeque<Sqn>,
    bucket: TokenBucket,
}

impl Repairs {
    pub(crate) fn new(config: &PgmSourceConfig, now: Instant) -> Self {
        let bucket = |rate: u64| TokenBucket::new(Some(rate), (rate / BURST).max(BURST_MIN), now);
        Repairs {
            ncfs: VecDeque::new(),
            ncf_bucket: bucket(config.repairs() / NCF_SHARE),
            packets: VecDeque::new(),
            bucket: bucket(config.repairs()),
        }
    }

    /// Takes the numbers of a NAK, of `length` octets. Returns how many packets it puts into the queue, and
    /// whether there will be an NCF.
    pub(crate) fn on_nak(
        &mut self,
        (packet, body): (&Packet<'_>, &NakBody),
        length: usize,
        window: &mut TransmitWindow,
        now: Instant,
    ) -> (u64, bool) {
        let mut queued = 0;
        for sqn in packet.numbers(body.sqn) {
            if window.queue(sqn) {
                self.packets.push_back(sqn);
                queued += 1;
            }
        }
        let confirmed = self.ncfs.len() < NCFS_MAX && self.ncf_bucket.has(length, now);
        if confirmed {
            self.ncf_bucket.take(length);
            let list = packet.options.nak_list.iter().map(|sqn| sqn.0.to_be_bytes()).collect();
            self.ncfs.push_back(Confirmation { sqn: body.sqn, list });
        }
        (queued, confirmed)
    }

    /// Writes the NCF that is next. It stays the next until [`ncf_sent`](Self::ncf_sent).
    pub(crate) fn write_ncf(&self, config: &PgmSourceConfig, out: &mut Vec<u8>) -> bool {
        let Some(Confirmation { sqn, list }) = self.ncfs.front() else { return false };
        let body = NakBody { sqn: *sqn, source: config.path, group: config.group };
        let mut ncf = Packet::downstream(config.session, config.data_port, Body::Ncf(body));
        ncf.options.nak_list = NakList::new(list);
        ncf.write(out);
        true
    }

    pub(crate) fn ncf_sent(&mut self) {
        self.ncfs.pop_front();
    }

    pub(crate) fn has_ncf(&self) -> bool {
        !self.ncfs.is_empty()
    }

    /// The packets that are to be sent again now, at most `most`: the first, and how many with numbers after
    /// it. They stay in the queue until [`repaired`](Self::repaired).
    pub(crate) fn next(
        &mut self,
        window: &TransmitWindow,
        overhead: usize,
        most: usize,
        now: Instant,
    ) -> Option<(Sqn, usize)> {
        while self.packets.front().is_some_and(|sqn| !window.has_sent(*sqn)) {
            self.packets.pop_front();
        }
        let first = *self.packets.front()?;
        let (mut octets, mut packets) = (0, 0);
        for (at, sqn) in self.packets.iter().take(most).enumerate() {
            if *sqn != first.plus(at as u32) {
                break;
            }
            octets += window.length(*sqn)? + overhead;
            if !self.bucket.has(octets, now) {
                break;
            }
            packets += 1;
        }
        (packets > 0).then_some((first, packets))
    }

    /// The first `packets` of the queue were sent, in `octets`.
    pub(crate) fn repaired(&mut self, window: &mut TransmitWindow, packets: usize, octets: usize) {
        self.bucket.take(octets);
        self.packets.drain(..packets.min(self.packets.len())).for_each(|sqn| window.unqueue(sqn));
    }

    /// When the next packet may be sent again; `None` if none waits.
    pub(crate) fn next_at(&self, window: &TransmitWindow, overhead: usize) -> Option<Instant> {
        let first = self.packets.front()?;
        // What has left the window costs nothing.
        Some(self.bucket.ready_at(window.length(*first).map_or(0, |length| length + overhead)))
    }
}
