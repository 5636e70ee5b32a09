//! Reading a log as spans of memory that go to the kernel as they are.
#![allow(unsafe_code)]

use super::piece::{Memory, Piece};
use super::reader::LogReader;
use super::segment::Segment;
use crate::message::slice::Slice;

impl LogReader {
    /// Takes spans of whole messages, about `most` bytes but at least one message, appends them to
    /// `pieces` and returns how many bytes they are. Credit them with [`done`](Self::done) when
    /// sent.
    pub fn gather(&mut self, most: usize, pieces: &mut Vec<Piece>) -> usize {
        let mut total = 0;
        let mut open = false;
        while total < most || open {
            if !self.ready() {
                break;
            }
            total += self.take_span(pieces);
            open = pieces.last().is_some_and(|piece| piece.open);
        }
        total
    }

    /// Takes all that was written before this call, whatever is written meanwhile; otherwise as
    /// [`gather`](Self::gather).
    pub fn gather_written(&mut self, pieces: &mut Vec<Piece>) {
        while self.refill(Segment::load_written) {
            self.take_span(pieces);
            if !self.known.is_sealed() {
                // The writer was in this segment when it was looked at, and nothing is behind it.
                return;
            }
        }
    }

    /// Counts `messages` of those [gathered](Self::gather) as done with, and credits the writer when
    /// enough have come together.
    pub fn done(&mut self, messages: u32) {
        let gathered = self.settled.wrapping_sub(self.credited);
        debug_assert!(u64::from(messages) <= gathered, "done with more than gathered");
        let done = u64::from(messages).min(gathered);
        self.settled = self.settled.wrapping_sub(done);
        self.credit();
    }

    /// What is left of the current segment as a piece, with the attached body as one more.
    fn take_span(&mut self, pieces: &mut Vec<Piece>) -> usize {
        let span = self.rest();
        let block = self.current().block.clone();
        // SAFETY: published bytes of this block: never written again while it is referred to.
        let slice = unsafe { Slice::new(span.cast(), span.len(), block) };
        let before = self.taken.wrapping_sub(self.before);
        let messages = self.known.messages() - before as u32;
        let open = self.known.is_sealed() && self.known.is_open();
        self.bytes = self.known.bytes() as usize;
        self.taken = self.taken.wrapping_add(u64::from(messages));
        self.settled = self.settled.wrapping_add(u64::from(messages));
        let Some(body) = self.attached() else {
            pieces.push(Piece { memory: Memory::Frames(slice), messages, open });
            return span.len();
        };
        // The message of the attached frame, if it ends here, is done with its body.
        let last = u32::from(!body.more());
        let body_len = body.len();
        pieces.push(Piece { memory: Memory::Frames(slice), messages: messages - last, open: true });
        pieces.push(Piece { memory: Memory::Body(body), messages: last, open });
        span.len() + body_len
    }
}
