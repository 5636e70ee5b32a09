//! Reading a log as spans of memory that go to the kernel as they are.
#![allow(unsafe_code)]

use super::attached::Place;
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
            total += self.take_span(most - total.min(most), pieces);
            open = pieces.last().is_some_and(|piece| piece.open);
        }
        total
    }

    /// Takes all that was written before this call, whatever is written meanwhile; otherwise as
    /// [`gather`](Self::gather).
    pub fn gather_written(&mut self, pieces: &mut Vec<Piece>) {
        while self.refill(Segment::load_written) {
            self.take_span(usize::MAX, pieces);
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

    /// How many bytes there are to read, up to `enough`. Looks closely.
    pub fn pending(&mut self, enough: usize) -> usize {
        if !self.refill(Segment::load_written) {
            return 0;
        }
        let mut segment = self.current();
        let (mut mark, mut from, mut index) = (self.known, self.bytes, self.attached);
        let mut pending = 0;
        loop {
            let bytes = mark.bytes() as usize;
            pending += bytes - from;
            while pending < enough && segment.attached.within(index, bytes).is_some() {
                // SAFETY: its frame is before the mark.
                pending += unsafe { segment.attached.body_len(index) };
                index += 1;
            }
            if pending >= enough || !mark.is_sealed() {
                return pending.min(enough);
            }
            segment = self.following(segment);
            (mark, from, index) = (segment.load_written(), 0, 0);
        }
    }

    /// What is left of the current segment as pieces, frames and attached bodies in turn: as many as there
    /// are, but only as many messages as make `most` bytes.
    fn take_span(&mut self, most: usize, pieces: &mut Vec<Piece>) -> usize {
        let known = self.known.bytes() as usize;
        let mut total = 0;
        while let Some(place) = self.current().attached.within(self.attached, known) {
            total += self.take_frames(place, true, pieces);
            let body = self.take_attached();
            total += body.len();
            let (messages, open) = (u32::from(!body.more()), body.more());
            self.count_gathered(messages);
            pieces.push(Piece { memory: Memory::Body(body), messages, open });
            if total >= most && !open {
                return total;
            }
        }
        if self.bytes < known {
            let place = Place { at: known, messages: self.known.messages() };
            let open = self.known.is_sealed() && self.known.is_open();
            total += self.take_frames(place, open, pieces);
        }
        total
    }

    /// The frames before `place` as a piece.
    fn take_frames(&mut self, place: Place, open: bool, pieces: &mut Vec<Piece>) -> usize {
        // SAFETY: `rest` reaches further.
        let span: *const [u8] = unsafe { &raw const (&(*self.rest()))[..place.at - self.bytes] };
        let block = self.current().block.clone();
        // SAFETY: published bytes of this block: never written again while it is referred to.
        let slice = unsafe { Slice::new(span.cast(), span.len(), block) };
        let before = self.taken.wrapping_sub(self.before);
        let messages = place.messages - before as u32;
        self.bytes = place.at;
        self.count_gathered(messages);
        pieces.push(Piece { memory: Memory::Frames(slice), messages, open });
        span.len()
    }

    fn count_gathered(&mut self, messages: u32) {
        self.taken = self.taken.wrapping_add(u64::from(messages));
        self.settled = self.settled.wrapping_add(u64::from(messages));
    }
}
