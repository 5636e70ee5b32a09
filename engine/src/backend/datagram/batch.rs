//! What a backend is given to send on a datagram socket, and what became of it.

use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

/// A datagram to send. It keeps its memory alive by itself, as a [part](crate::BatchPart) of a
/// stream does.
#[derive(Clone, Debug)]
pub struct OutgoingDatagram {
    /// What is in it; possibly nothing.
    pub bytes: Bytes,
    /// Where it goes; `None` to where its socket is connected to.
    pub to: Option<SocketAddr>,
}

/// Datagrams to send, in order. Their borders are kept: each arrives whole or not at all.
#[derive(Debug, Default)]
pub struct DatagramBatch(VecDeque<OutgoingDatagram>);

impl DatagramBatch {
    /// Adds a datagram at the end.
    pub fn push(&mut self, datagram: OutgoingDatagram) {
        self.0.push_back(datagram);
    }

    /// How many are left to send.
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

    /// The first of them, `most` at the most.
    pub(super) fn front(&self, most: usize) -> &[OutgoingDatagram] {
        let (front, _) = self.0.as_slices();
        &front[..front.len().min(most)]
    }
}

/// What became of the first datagrams of a batch. That one was sent says nothing of its arrival.
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
