//! What a backend is given to send on a datagram socket, and what became of it.

use super::{LONGEST_RUN, MOST_IN_RUN};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;

/// A datagram to send, or a run of them. It keeps its memory alive by itself, as a
/// [part](crate::BatchPart) of a stream does.
#[derive(Clone, Debug)]
pub struct OutgoingDatagram {
    /// What is in it; possibly nothing.
    pub bytes: Bytes,
    /// Where it goes; `None` to where its socket is connected to.
    pub to: Option<SocketAddr>,
    /// The bytes are those of a run: datagrams of so many bytes each, one behind the other, of which
    /// the last may be shorter. `None` if all of them are one datagram.
    ///
    /// However long a run is, it is sent: as few calls as the system needs take
    /// [`MOST_IN_RUN`] of its datagrams and [`LONGEST_RUN`] bytes at the most, each.
    pub segment: Option<NonZeroU16>,
}

impl OutgoingDatagram {
    /// How many datagrams it is.
    fn datagrams(&self) -> usize {
        let each = self.segment.map_or(usize::MAX, |segment| usize::from(segment.get()));
        self.bytes.len().div_ceil(each).max(1)
    }

    /// Forgets so many of its datagrams, of which it has more.
    fn advance(&mut self, count: usize) {
        let each = self.segment.map_or(0, |segment| usize::from(segment.get()));
        self.bytes.advance((count * each).min(self.bytes.len()));
    }
}

/// Datagrams to send, in order. Their borders are kept: each arrives whole or not at all. Those of a
/// run count one by one.
#[derive(Debug, Default)]
pub struct DatagramBatch {
    queue: VecDeque<OutgoingDatagram>,
    /// Datagrams in it.
    left: usize,
}

impl DatagramBatch {
    /// Adds a datagram, or a run, at the end.
    pub fn push(&mut self, datagram: OutgoingDatagram) {
        self.left += datagram.datagrams();
        self.queue.push_back(datagram);
    }

    /// How many datagrams are left to send.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Forgets the first `count` of them, which are [tried](SendTally::tried). What is left of a run
    /// stays one.
    pub fn advance(&mut self, count: usize) {
        let mut count = count.min(self.left);
        self.left -= count;
        while count > 0 {
            let Some(first) = self.queue.front_mut() else { return };
            let datagrams = first.datagrams();
            if count < datagrams {
                return first.advance(count);
            }
            count -= datagrams;
            self.queue.pop_front();
        }
    }

    /// What lies at `place`: as much of a run as goes with one call if it may go `together`, else
    /// one datagram.
    pub(super) fn piece(
        &self,
        place: BatchPlace,
        together: impl FnOnce(NonZeroU16) -> bool,
    ) -> Option<SendPiece<'_>> {
        let OutgoingDatagram { bytes, to, segment } = self.queue.get(place.index)?;
        let rest = bytes.get(place.offset..).unwrap_or_default();
        let each = segment.map_or(usize::MAX, |segment| usize::from(segment.get()));
        // Asked only about what would be more than one.
        let fitting = (LONGEST_RUN / each).min(MOST_IN_RUN);
        let segment = segment.filter(|of| rest.len() > each && fitting > 1 && together(*of));
        let len = rest.len().min(if segment.is_some() { each * fitting } else { each });
        let next = match len == rest.len() {
            true => BatchPlace { index: place.index + 1, offset: 0 },
            false => BatchPlace { index: place.index, offset: place.offset + len },
        };
        let datagrams = len.div_ceil(each).max(1) as u32;
        Some(SendPiece { bytes: &rest[..len], to: *to, segment, datagrams, place, next })
    }
}

/// A datagram in a batch: where what it belongs to stands, and where in that it begins.
#[derive(Clone, Copy, Default)]
pub(super) struct BatchPlace {
    pub(super) index: usize,
    offset: usize,
}

/// What the system is given in one: a datagram, or a run of them.
pub(super) struct SendPiece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) to: Option<SocketAddr>,
    /// Of a run: bytes of each of its datagrams.
    pub(super) segment: Option<NonZeroU16>,
    pub(super) datagrams: u32,
    pub(super) place: BatchPlace,
    /// Where what is behind it begins.
    pub(super) next: BatchPlace,
}

/// What became of the first datagrams of a batch, those of a run counted one by one. That one was
/// sent says nothing of its arrival.
#[derive(Debug, Default)]
pub struct SendTally {
    /// How many went out.
    pub sent: u32,
    /// How many the system would not take, among those that went out: too long, nobody to send them
    /// to, not permitted, or in place of it an error that one before them has met in the network.
    /// They are lost.
    pub refused: u32,
    /// Why the first of those was refused.
    pub refusal: Option<io::Error>,
}

impl SendTally {
    /// How many were sent or refused: those that the batch [advances](DatagramBatch::advance) by.
    pub fn tried(&self) -> usize {
        self.sent as usize + self.refused as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A batch of one run of so many bytes.
    fn run(len: usize, segment: u16) -> DatagramBatch {
        let mut batch = DatagramBatch::default();
        let bytes = vec![0; len].into();
        batch.push(OutgoingDatagram { bytes, to: None, segment: NonZeroU16::new(segment) });
        batch
    }

    /// Lengths, and datagrams, of all that the system is given of `batch`.
    fn pieces(batch: &DatagramBatch, together: bool) -> Vec<(usize, u32)> {
        let mut place = BatchPlace::default();
        let mut all = Vec::new();
        while let Some(piece) = batch.piece(place, |_| together) {
            assert_eq!(piece.segment.is_some(), piece.datagrams > 1);
            all.push((piece.bytes.len(), piece.datagrams));
            place = piece.next;
        }
        all
    }

    #[test]
    fn a_run_is_as_many_datagrams_as_it_has_segments() {
        for (len, segment, datagrams) in
            [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (20, 10, 2), (21, 10, 3), (9, 0, 1)]
        {
            assert_eq!(run(len, segment).len(), datagrams, "{len} by {segment}");
        }
    }

    #[test]
    fn what_is_too_long_for_one_call_is_split_where_a_datagram_ends() {
        assert_eq!(pieces(&run(30, 10), true), [(30, 3)]);
        assert_eq!(pieces(&run(25, 10), false), [(10, 1), (10, 1), (5, 1)]);
        assert_eq!(pieces(&run(1301, 10), true), [(640, 64), (640, 64), (21, 3)]);
        // The rest is no run.
        assert_eq!(pieces(&run(645, 10), true), [(640, 64), (5, 1)]);
        assert_eq!(pieces(&run(100_000, 1400), true), [(64_400, 46), (35_600, 26)]);
        // Two of these do not fit.
        assert_eq!(pieces(&run(80_000, 40_000), true), [(40_000, 1), (40_000, 1)]);
        assert_eq!(pieces(&run(0, 10), true), [(0, 1)]);
        assert_eq!(pieces(&run(70_000, 0), true), [(70_000, 1)]);
    }

    #[test]
    fn a_batch_advances_within_a_run() {
        let mut batch = run(25, 10);
        batch.push(OutgoingDatagram { bytes: Bytes::new(), to: None, segment: None });
        assert_eq!(batch.len(), 4);
        batch.advance(0);
        assert_eq!(batch.len(), 4);
        batch.advance(1);
        assert_eq!((batch.len(), pieces(&batch, true)), (3, vec![(15, 2), (0, 1)]));
        batch.advance(1);
        assert_eq!((batch.len(), pieces(&batch, true)), (2, vec![(5, 1), (0, 1)]));
        batch.advance(1);
        assert_eq!((batch.len(), pieces(&batch, true)), (1, vec![(0, 1)]));
        batch.advance(7);
        assert!(batch.is_empty() && pieces(&batch, true).is_empty());
    }
}
