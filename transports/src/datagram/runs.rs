//! Datagrams of one length, one after the other in memory: the system takes such a run at once.

use bytes::{BufMut, BytesMut};
use ringmq_engine::{DatagramBatch, LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram};
use std::net::SocketAddr;
use std::num::NonZeroU16;

/// Collects datagrams to one address, and makes a run of those that can be one.
#[derive(Debug, Default)]
pub(crate) struct DatagramRuns {
    bytes: BytesMut,
    /// Bytes of each of them but the last, which may be shorter.
    each: usize,
    count: usize,
    to: Option<SocketAddr>,
}

impl DatagramRuns {
    /// Adds a datagram with the bytes of all `parts`, which are not more than one may have.
    pub(crate) fn push(
        &mut self,
        parts: &[&[u8]],
        to: Option<SocketAddr>,
        batch: &mut DatagramBatch,
    ) {
        let len = parts.iter().map(|part| part.len()).sum();
        let fits = self.count < MOST_IN_RUN && self.bytes.len() + len <= LONGEST_RUN;
        if self.count > 0 && !(fits && len <= self.each && to == self.to) {
            self.finish(batch);
        }
        if self.count == 0 {
            (self.each, self.to) = (len, to);
            if self.bytes.capacity() < len {
                // As for a run of them, at once; what it does not take is there for the next.
                self.bytes.reserve((len * MOST_IN_RUN).clamp(len, LONGEST_RUN.max(len)));
            }
        }
        parts.iter().for_each(|part| self.bytes.put_slice(part));
        self.count += 1;
        // Behind a shorter one there is nothing, and an empty one is no part of a run.
        if len < self.each || len == 0 {
            self.finish(batch);
        }
    }

    /// Gives what was collected to the batch.
    pub(crate) fn finish(&mut self, batch: &mut DatagramBatch) {
        if self.count == 0 {
            return;
        }
        let each = u16::try_from(self.each).ok().filter(|_| self.count > 1);
        let bytes = self.bytes.split().freeze();
        batch.push(OutgoingDatagram {
            bytes,
            to: self.to,
            segment: each.and_then(NonZeroU16::new),
        });
        self.count = 0;
    }
}
