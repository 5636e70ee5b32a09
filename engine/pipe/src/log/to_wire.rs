//! Reading a log as spans of memory that go to the kernel as they are.
#![allow(unsafe_code)]

use super::ATTACH;
use super::attached::Place;
use super::piece::{Memory, Piece};
use super::reader::LogReader;
use super::segment::Segment;
use crate::frame::{self, LONG_HEADER};
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
            if self.next_attached() < ATTACH {
                let (bytes, open) = self.take_short(most - total.min(most), pieces);
                total += bytes;
                if total >= most && !open {
                    return total;
                }
                continue;
            }
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
        let messages = self.pass(place);
        pieces.push(Piece { memory: Memory::Frames(slice), messages, open });
        span.len()
    }

    /// Moves past the frames before `place`, and returns how many messages end in them.
    fn pass(&mut self, place: Place) -> u32 {
        let before = self.taken.wrapping_sub(self.before);
        let messages = place.messages - before as u32;
        self.bytes = place.at;
        self.count_gathered(messages);
        messages
    }

    /// Bytes of the next attached body, whose frame is among what is known.
    fn next_attached(&self) -> usize {
        // SAFETY: its frame is before the mark.
        unsafe { self.current().attached.body_len(self.attached) }
    }

    /// Short bodies that are attached, since they are lent, with the frames before them, as one piece: a piece for
    /// each would cost more than the copy. This is the moment at which they are sent: they are given back.
    ///
    /// As many as there are in a row, but only as many messages as make `most` bytes. Returns how many bytes they are,
    /// and whether the last message is not complete.
    #[cold]
    fn take_short(&mut self, most: usize, pieces: &mut Vec<Piece>) -> (usize, bool) {
        let known = self.known.bytes() as usize;
        let (mut frames, mut messages, mut open) = (Vec::new(), 0, true);
        while let Some(place) = self.current().attached.within(self.attached, known)
            && (open || frames.len() < most)
            && self.next_attached() < ATTACH
        {
            // SAFETY: `rest` reaches further.
            let span = unsafe { &(&*self.rest())[..place.at - self.bytes] };
            let (before, header) = span.split_at(span.len() - LONG_HEADER);
            frames.extend_from_slice(before);
            let flags = frame::parse(header).expect("a body has a header before it").flags;
            messages += self.pass(place);
            let body = self.take_attached();
            // On the wire it has the header of its length.
            let mut header = [0; LONG_HEADER];
            let size = frame::write(&mut header, flags, body.len());
            frames.extend_from_slice(&header[..size]);
            frames.extend_from_slice(&body);
            open = body.more();
            self.count_gathered(u32::from(!open));
            messages += u32::from(!open);
        }
        let bytes = frames.len();
        pieces.push(Piece::of_frames(frames, messages, open));
        (bytes, open)
    }

    fn count_gathered(&mut self, messages: u32) {
        self.taken = self.taken.wrapping_add(u64::from(messages));
        self.settled = self.settled.wrapping_add(u64::from(messages));
    }
}
