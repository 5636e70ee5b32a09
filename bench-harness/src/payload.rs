//! What is inside the messages: a sequence number, and bytes that can be checked for next to nothing.
//!
//! Message `n` begins with `n` as eight little-endian bytes and ends with one byte derived from it;
//! between them lies the same pattern in every message. Length, number and last byte are checked on
//! every message, the pattern on every `FULL_CHECK_EVERY`th. Shorter messages carry what fits of
//! the number, and an empty one only its length. The sender and the receiver count on their own, so
//! a message lost, repeated, torn or out of order is seen at once.

use std::fmt;

/// Bytes of sequence number at the front of a message.
const HEAD: usize = 8;

/// How often the whole body is compared; 64 keeps the comparison of a 64 KiB body below 1 % of what
/// it costs to bring it here.
const FULL_CHECK_EVERY: u64 = 64;

/// The body of message 0 with its number left out.
fn template(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i as u8).wrapping_mul(31).wrapping_add(7)).collect()
}

/// The last byte of message `seq`; never the pattern's own last byte for long.
fn tail(seq: u64) -> u8 {
    (seq as u8) ^ 0x5a
}

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
    /// The number of the next message.
    seq: u64,
}

/// Bodies that are numbered in advance, at most; a power of two, so that finding one costs nothing.
const MOST_AHEAD: usize = 32;
/// Bytes of bodies that are numbered in advance, at most: a small part of the first-level cache.
const BYTES_AHEAD: usize = 4 << 10;

impl Stamper {
    /// A sender of messages of `size` bytes, beginning with number 0.
    pub fn new(size: usize) -> Self {
        let fit = (BYTES_AHEAD / size.max(1)).clamp(1, MOST_AHEAD);
        let ahead = 1 << fit.ilog2();
        let mut bodies = template(size).repeat(ahead);
        for (seq, body) in bodies.chunks_exact_mut(size.max(1)).enumerate() {
            stamp(body, seq as u64);
        }
        Self { bodies, size, ahead: ahead as u64, seq: 0 }
    }

    /// Number of bytes in every message.
    pub(crate) fn size(&self) -> usize {
        self.size
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
        stamp(body, seq);
    }

    /// Takes the next number, and gives the slot of the message before it to a later one.
    #[inline]
    fn advance(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        if let Some(before) = seq.checked_sub(1) {
            let later = before + self.ahead;
            stamp(self.slot(before), later);
        }
        seq
    }

    #[inline]
    fn slot(&mut self, seq: u64) -> &mut [u8] {
        let at = (seq & (self.ahead - 1)) as usize * self.size;
        &mut self.bodies[at..at + self.size]
    }
}

/// Checks the messages at the other end.
pub struct Checker {
    template: Vec<u8>,
    seq: u64,
}

impl Checker {
    /// A receiver that expects messages of `size` bytes, beginning with number 0.
    pub fn new(size: usize) -> Self {
        Self { template: template(size), seq: 0 }
    }

    /// Number of bytes in every message.
    pub(crate) fn size(&self) -> usize {
        self.template.len()
    }

    /// Number of messages that have arrived intact.
    pub(crate) fn seen(&self) -> u64 {
        self.seq
    }

    /// Accepts `body` as the next message, or says what is wrong with it.
    #[inline]
    pub fn check(&mut self, body: &[u8]) -> Result<(), Mismatch> {
        if body.len() != self.template.len() || !ends_match(body, self.seq) {
            return Err(self.explain(body));
        }
        if self.seq.is_multiple_of(FULL_CHECK_EVERY) && middle(body) != middle(&self.template) {
            return Err(self.explain(body));
        }
        self.seq += 1;
        Ok(())
    }

    #[cold]
    fn explain(&self, body: &[u8]) -> Mismatch {
        let found = body.first_chunk::<HEAD>().map(|head| u64::from_le_bytes(*head));
        let wrong_at = middle(body)
            .iter()
            .zip(middle(&self.template))
            .position(|(is, should)| is != should)
            .map(|at| at + HEAD);
        Mismatch { expected: self.seq, size: self.size(), got: body.len(), found, wrong_at }
    }
}

/// Compares the number at the front and the byte at the end.
#[inline]
fn ends_match(body: &[u8], seq: u64) -> bool {
    match body.split_first_chunk::<HEAD>() {
        Some((head, rest)) => {
            u64::from_le_bytes(*head) == seq && rest.last().is_none_or(|&last| last == tail(seq))
        }
        None => body == &seq.to_le_bytes()[..body.len()],
    }
}

/// The part of a body that is the same in every message.
fn middle(body: &[u8]) -> &[u8] {
    body.get(HEAD..body.len().saturating_sub(1)).unwrap_or_default()
}

/// A message that is not the one that should have come.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    expected: u64,
    size: usize,
    got: usize,
    found: Option<u64>,
    wrong_at: Option<usize>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of {} bytes was expected, but ", self.expected, self.size)?;
        if self.got != self.size {
            return write!(f, "one of {} bytes arrived", self.got);
        }
        match (self.found, self.wrong_at) {
            (Some(found), _) if found != self.expected => {
                write!(f, "message {found} arrived: lost, repeated or out of order")
            }
            (_, Some(at)) => write!(f, "its byte {at} arrived changed"),
            _ => write!(f, "its first or last bytes arrived changed"),
        }
    }
}

impl std::error::Error for Mismatch {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_size_passes_its_own_check() {
        for size in [0, 1, 2, 7, 8, 9, 10, 16, 64, 1000] {
            let (mut stamper, mut checker) = (Stamper::new(size), Checker::new(size));
            for _ in 0..300 {
                checker.check(stamper.next_body()).unwrap();
            }
            assert_eq!(checker.seen(), 300);
        }
    }

    #[test]
    fn a_renewed_body_is_the_next_message() {
        let (mut stamper, mut checker) = (Stamper::new(32), Checker::new(32));
        let mut body = stamper.next_body().to_vec();
        checker.check(&body).unwrap();
        stamper.renew(&mut body);
        checker.check(&body).unwrap();
    }

    #[test]
    fn a_lost_message_is_seen_at_once() {
        for size in [1, 8, 64] {
            let (mut stamper, mut checker) = (Stamper::new(size), Checker::new(size));
            stamper.next_body();
            assert!(checker.check(stamper.next_body()).is_err(), "size {size}");
        }
        let (mut stamper, mut checker) = (Stamper::new(64), Checker::new(64));
        stamper.next_body();
        let error = checker.check(stamper.next_body()).unwrap_err().to_string();
        assert!(error.contains("message 0") && error.contains("message 1 arrived"), "{error}");
    }

    #[test]
    fn a_changed_byte_and_a_wrong_length_are_named() {
        let (mut stamper, mut checker) = (Stamper::new(64), Checker::new(64));
        let mut body = stamper.next_body().to_vec();
        body[20] ^= 1;
        assert!(checker.check(&body).unwrap_err().to_string().contains("byte 20"));
        assert!(checker.check(&body[..63]).unwrap_err().to_string().contains("63 bytes"));
        body[20] ^= 1;
        body[63] ^= 1;
        assert!(checker.check(&body).unwrap_err().to_string().contains("last"));
    }
}
