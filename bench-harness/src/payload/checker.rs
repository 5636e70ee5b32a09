//! The receiver's side: is it the message that should have come?

use std::fmt;
use std::hint::black_box;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{HEAD, tail, template};

/// How often the whole body is compared; 64 keeps the comparison of a 64 KiB body below 1 % of what
/// it costs to bring it here.
const FULL_CHECK_EVERY: u64 = 64;
/// Bytes of a cache line.
const LINE: usize = 64;

/// How much of each body its receiver reads, beyond what is checked.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// No more than that.
    #[default]
    Ends,
    /// One byte of each cache line.
    Lines,
    /// Every byte.
    Bytes,
}

/// Which number the next message has.
enum Expected {
    /// The next one.
    Next,
    /// The next one of its strand, whichever strand that is; the next of each.
    OfStrand(Vec<u64>),
    /// None but 0.
    Zero,
    /// This one, or one after it: what is left out got lost.
    From(u64),
}

/// Checks the messages at the other end.
pub struct Checker {
    template: Vec<u8>,
    seq: u64,
    expected: Expected,
    look: Look,
}

impl Checker {
    /// A receiver that expects messages of `size` bytes, beginning with number 0.
    pub fn new(size: usize) -> Self {
        Self { template: template(size), seq: 0, expected: Expected::Next, look: Look::Ends }
    }

    /// A receiver of what `strands` senders send, of messages that have room for their number.
    pub fn of_strands(size: usize, strands: u64) -> Self {
        Self { expected: Expected::OfStrand((0..strands).collect()), ..Self::new(size) }
    }

    /// A receiver of one body, again and again.
    pub fn of_one_body(size: usize) -> Self {
        Self { expected: Expected::Zero, ..Self::new(size) }
    }

    /// A receiver of what comes of messages that get lost on the way.
    pub(crate) fn of_what_comes(size: usize) -> Self {
        Self { expected: Expected::From(0), ..Self::new(size) }
    }

    /// The same, that looks at bodies so.
    pub fn looking(self, look: Look) -> Self {
        Self { look, ..self }
    }

    /// Number of bytes in every message.
    pub(crate) fn size(&self) -> usize {
        self.template.len()
    }

    /// Number of messages that have arrived intact.
    pub(crate) fn seen(&self) -> u64 {
        self.seq
    }

    /// The number after that of the last one.
    pub(crate) fn next(&self) -> u64 {
        if let Expected::From(next) = self.expected { next } else { self.seq }
    }

    /// Accepts `body` as the next message, or says what is wrong with it.
    #[inline]
    pub fn check(&mut self, body: &[u8]) -> Result<(), Mismatch> {
        let expected = match &self.expected {
            Expected::Next => self.seq,
            _ => self.number_of(body),
        };
        if body.len() != self.template.len() || !ends_match(body, expected) {
            return Err(self.explain(body, expected));
        }
        if self.seq.is_multiple_of(FULL_CHECK_EVERY) && middle(body) != middle(&self.template) {
            return Err(self.explain(body, expected));
        }
        if self.look != Look::Ends {
            look_at(body, self.look);
        }
        self.seq += 1;
        Ok(())
    }

    /// The number that a message should have which says which one it is.
    fn number_of(&mut self, body: &[u8]) -> u64 {
        let found = body.first_chunk::<HEAD>().map_or(0, |head| u64::from_le_bytes(*head));
        match &mut self.expected {
            Expected::Next | Expected::Zero => 0,
            Expected::OfStrand(next) => {
                let strands = next.len() as u64;
                let next = &mut next[(found % strands) as usize];
                *next += strands;
                *next - strands
            }
            Expected::From(next) => {
                let number = found.max(*next);
                *next = number.saturating_add(1);
                number
            }
        }
    }

    #[cold]
    fn explain(&self, body: &[u8], expected: u64) -> Mismatch {
        let found = body.first_chunk::<HEAD>().map(|head| u64::from_le_bytes(*head));
        let wrong_at = middle(body)
            .iter()
            .zip(middle(&self.template))
            .position(|(is, should)| is != should)
            .map(|at| at + HEAD);
        Mismatch { expected, size: self.size(), got: body.len(), found, wrong_at }
    }
}

/// Reads a body as `look` says.
fn look_at(body: &[u8], look: Look) {
    let add = |sum: u64, byte: &u8| sum.wrapping_add(u64::from(*byte));
    let sum = match look {
        Look::Ends => 0,
        Look::Lines => body.iter().step_by(LINE).fold(0, add),
        Look::Bytes => body.iter().fold(0, add),
    };
    // Nobody needs the sum, and nobody may notice.
    black_box(sum);
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
