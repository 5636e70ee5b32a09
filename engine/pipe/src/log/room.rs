//! Where a log's writer finds room for more: in blocks of its own, each larger than the one before.

use super::segment::{Segment, next_capacity};
use super::writer::LogWriter;
use crate::message::block::Block;

/// Least room worth a further segment in the same block.
const WORTH_SHARING: usize = if cfg!(loom) { 16 } else { 256 };

impl LogWriter {
    /// Makes a segment with room for `needed` bytes the current one.
    #[cold]
    pub(super) fn grow(&mut self, needed: usize) {
        let written = self.bytes;
        let next = self.own_segment(needed);
        let open = self.open;
        self.link(next, open);
        self.offer(written);
    }

    /// A segment that follows one in which nothing more may be written, because a body is attached
    /// or what comes is another peer's: in the same block while that has room.
    pub(super) fn following_segment(&self) -> *mut Segment {
        let left = self.room();
        let segment = self.current();
        if left >= WORTH_SHARING {
            return Segment::over(segment.block.clone(), segment.offset + self.bytes, left);
        }
        Segment::with_capacity(next_capacity(segment.block.capacity(), 0))
    }

    /// A segment of the log's own, when the current one has no room: on what is left of the block that it
    /// wrote to last, or on a new one.
    fn own_segment(&mut self, needed: usize) -> *mut Segment {
        if !self.current().is_borrowed() {
            return Segment::with_capacity(next_capacity(self.current().block.capacity(), needed));
        }
        let Some((block, from)) = self.rest.take() else {
            return Segment::with_capacity(next_capacity(0, needed));
        };
        let left = block.capacity() - from;
        if left >= needed.max(WORTH_SHARING) {
            return Segment::over(block, from, left);
        }
        Segment::with_capacity(next_capacity(block.capacity(), needed))
    }

    /// The current segment is about to be followed by one over bytes of `foreign`, a block of a
    /// shared encoder's: keeps what is left of the log's own block for later, unless that was not
    /// needed for as long as one block of the encoder's takes.
    pub(super) fn leave_own_block(&mut self, foreign: &Block) {
        let current = self.current();
        if !current.is_borrowed() {
            self.rest = Some((current.block.clone(), current.offset + self.bytes));
        } else if !current.block.is(foreign) {
            self.rest = None;
        }
    }
}
