//! What a session gives a backend to send in one go: stretches of memory, in order.

use bytes::Bytes;
use ringmq_pipe::Piece;
use std::collections::VecDeque;
use std::io::IoSlice;

/// One stretch of a [`Batch`]. It keeps its memory alive by itself, so a batch that the kernel still
/// reads can outlive the session that made it.
pub enum Part {
    /// A stretch of a frame log.
    Piece(Piece),
    /// Octets made for the wire: greetings, commands, frames in an older framing.
    Bytes {
        /// The octets.
        bytes: Bytes,
        /// Messages that end with them, to be credited when they are sent.
        messages: u32,
    },
}

impl Part {
    /// The octets to send.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Piece(piece) => piece.bytes(),
            Self::Bytes { bytes, .. } => bytes,
        }
    }

    /// Messages to credit once these octets are sent.
    pub fn messages(&self) -> u32 {
        match self {
            Self::Piece(piece) => piece.messages,
            Self::Bytes { messages, .. } => *messages,
        }
    }
}

/// Parts to send, and how far the first of them is sent already.
#[derive(Default)]
pub struct Batch {
    parts: VecDeque<Part>,
    sent: usize,
}

impl Batch {
    /// Makes room for `parts` more. A connection that says little keeps what it took for one part.
    pub(crate) fn expect(&mut self, parts: usize) {
        if self.parts.capacity() == 0 {
            self.parts.reserve_exact(parts);
        }
    }

    /// Adds a part at the end.
    pub fn push(&mut self, part: Part) {
        if !part.bytes().is_empty() || part.messages() > 0 {
            self.parts.push_back(part);
        }
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The stretches that are left, `most` of them at the most.
    pub fn slices(&self, most: usize) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.sent;
        self.parts.iter().take(most).map(move |part| &part.bytes()[std::mem::take(&mut skip)..])
    }

    /// As [`slices`](Self::slices), in the form of a vectored write.
    pub fn io_slices(&self, most: usize) -> impl Iterator<Item = IoSlice<'_>> {
        self.slices(most).map(IoSlice::new)
    }

    /// Notes that `octets` more are sent; returns how many messages that completed.
    pub fn advance(&mut self, octets: usize) -> u32 {
        self.sent += octets;
        let mut messages = 0;
        while let Some(part) = self.parts.front() {
            let len = part.bytes().len();
            if self.sent < len {
                break;
            }
            self.sent -= len;
            messages += part.messages();
            self.parts.pop_front();
        }
        messages
    }
}
