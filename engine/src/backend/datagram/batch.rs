//! What a backend is given to send on a datagram socket, and what became of it.

use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;

/// A datagram to send. It keeps its memory alive by itself, as a [part](crate::BatchPart) of a
/// stream does.
#[derive(Clone, Debug)]
pub struct OutgoingDatagram {
    /// What is in it; possibly nothing.
    pub bytes: Bytes,
    /// Where it goes; `None` to where its socket is connected to.
    pub to: Option<SocketAddr>,
    /// If this is a run of datagrams: how many bytes each has, of which the last may have fewer. The system gets a run
    /// in one piece where it takes that, and else one datagram after the other.
    pub segment: Option<NonZeroU16>,
}

/// Datagrams that a run has at the most, and their bytes together: more than the system takes goes out one by one.
pub const MOST_IN_RUN: usize = 64;
/// See [`MOST_IN_RUN`].
pub const LONGEST_RUN: usize = 65_000;

impl OutgoingDatagram {
    /// A datagram by itself.
    pub fn new(bytes: Bytes, to: Option<SocketAddr>) -> Self {
        Self { bytes, to, segment: None }
    }

    /// How many bytes the datagrams of it have, if these are several.
    pub(super) fn run(&self) -> Option<u16> {
        let segment = self.segment?.get();
        (self.bytes.len() > usize::from(segment)).then_some(segment)
    }

    /// How many datagrams these are.
    pub(super) fn count(&self) -> u32 {
        self.run().map_or(1, |segment| self.bytes.len().div_ceil(usize::from(segment)) as u32)
    }
}

/// Datagrams to send, and runs of them, in order. Their borders are kept: each arrives whole or not at all.
#[derive(Debug, Default)]
pub struct DatagramBatch(VecDeque<OutgoingDatagram>);

impl DatagramBatch {
    /// Adds a datagram at the end.
    pub fn push(&mut self, datagram: OutgoingDatagram) {
        self.0.push_back(datagram);
    }

    /// How many are left to send, each run counted once.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the first `count` of them, which are [tried](SendTally::tried).
    pub fn advance(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// Makes datagrams of the run at that place.
    pub(super) fn split(&mut self, at: usize) {
        let rest = self.0.split_off(at.min(self.0.len()));
        for datagram in rest {
            let Some(each) = datagram.run().map(usize::from) else {
                self.0.push_back(datagram);
                continue;
            };
            let OutgoingDatagram { mut bytes, to, .. } = datagram;
            while !bytes.is_empty() {
                let part = bytes.split_to(each.min(bytes.len()));
                self.0.push_back(OutgoingDatagram::new(part, to));
            }
        }
    }

    /// Those from `at` on, `most` at the most; with or without runs among them.
    pub(super) fn from(&mut self, at: usize, most: usize, runs: bool) -> &[OutgoingDatagram] {
        if !runs && self.0.iter().skip(at).take(most).any(|datagram| datagram.run().is_some()) {
            self.split(at);
        }
        let all = &*self.0.make_contiguous();
        let left = all.get(at..).unwrap_or_default();
        &left[..left.len().min(most)]
    }
}

/// What became of the first datagrams of a batch. That one was sent says nothing of its arrival.
#[derive(Debug, Default)]
pub struct SendTally {
    /// How many of the batch, each run counted once, were sent or refused: those that it
    /// [advances](DatagramBatch::advance) by.
    pub tried: usize,
    /// How many datagrams went out.
    pub sent: u32,
    /// How many datagrams the system would not take, among those that went out: too long, nobody to send them
    /// to, not permitted, or in place of it an error that one before them has met in the network.
    /// They are lost.
    pub refused: u32,
    /// Why the first of those was refused.
    pub refusal: Option<io::Error>,
}
