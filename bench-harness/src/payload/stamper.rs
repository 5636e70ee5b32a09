//! The sender's side: bodies with their numbers in them.

use super::{HEAD, tail, template};

/// Writes the number of a message into its body, in place.
#[inline]
fn stamp(body: &mut [u8], seq: u64) {
    match body.split_first_chunk_mut::<HEAD>() {
        Some((head, rest)) => {
            *head = seq.to_le_bytes();
            if let Some(last) = rest.last_mut() {
                *last = tail(seq);
            }
        }
        None => {
            let size = body.len();
            body.copy_from_slice(&seq.to_le_bytes()[..size]);
        }
    }
}

/// Makes the messages of one sender.
///
/// Small bodies are numbered a while before they are handed out. A processor that is asked to copy
/// bytes right after some of them were stored waits for the store to reach its cache, and that wait
/// would cost more than the message itself.
pub struct Stamper {
    /// [`Self::ahead`] bodies: message `n` lies in slot `n % ahead`, already numbered.
    bodies: Vec<u8>,
    size: usize,
    ahead: u64,
    /// How many messages there were.
    seq: u64,
    /// The number of the first one, and the distance from one to the next: 0 where one body is sent
    /// again and again.
    first: u64,
    step: u64,
}

/// Bodies that are numbered in advance, at most; a power of two, so that finding one costs nothing.
const MOST_AHEAD: usize = 32;
/// Bytes of bodies that are numbered in advance, at most: a small part of the first-level cache.
const BYTES_AHEAD: usize = 4 << 10;

impl Stamper {
    /// A sender of messages of `size` bytes, beginning with number 0.
    pub fn new(size: usize) -> Self {
        Self::numbered(size, 0, 1)
    }

    /// One of `strands` senders to one receiver: number `strand` of them.
    pub fn of_strand(size: usize, strand: u64, strands: u64) -> Self {
        Self::numbered(size, strand, strands)
    }

    /// A sender of one body, again and again.
    pub fn of_one_body(size: usize) -> Self {
        Self::numbered(size, 0, 0)
    }

    fn numbered(size: usize, first: u64, step: u64) -> Self {
        let fit = (BYTES_AHEAD / size.max(1)).clamp(1, MOST_AHEAD);
        let ahead = 1 << fit.ilog2();
        let mut bodies = template(size).repeat(ahead);
        for (seq, body) in bodies.chunks_exact_mut(size.max(1)).enumerate() {
            stamp(body, first + seq as u64 * step);
        }
        Self { bodies, size, ahead: ahead as u64, seq: 0, first, step }
    }

    /// Whether one body is sent again and again.
    pub(crate) fn has_one_body(&self) -> bool {
        self.step == 0
    }

    /// Number of bytes in every message.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The first slot as it is now: the body, where there is but one.
    pub(crate) fn first_body(&self) -> &[u8] {
        &self.bodies[..self.size]
    }

    /// The next message, valid until the one after it.
    #[inline]
    pub fn next_body(&mut self) -> &[u8] {
        let seq = self.advance();
        self.slot(seq)
    }

    /// Turns `body`, a message of this sender that nobody needs any more, into the next one.
    #[inline]
    pub(crate) fn renew(&mut self, body: &mut [u8]) {
        debug_assert_eq!(body.len(), self.size, "a body of this sender");
        let seq = self.advance();
        stamp(body, self.number(seq));
    }

    /// Takes the next number, and gives the slot of the message before it to a later one.
    #[inline]
    fn advance(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        if let Some(before) = seq.checked_sub(1)
            && self.step != 0
        {
            let later = self.number(before + self.ahead);
            stamp(self.slot(before), later);
        }
        seq
    }

    #[inline]
    fn number(&self, seq: u64) -> u64 {
        self.first + seq * self.step
    }

    #[inline]
    fn slot(&mut self, seq: u64) -> &mut [u8] {
        let at = (seq & (self.ahead - 1)) as usize * self.size;
        &mut self.bodies[at..at + self.size]
    }
}
