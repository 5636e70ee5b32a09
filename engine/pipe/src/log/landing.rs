//! Receiving bytes straight into a log: memory behind what is written, which becomes messages without
//! a copy.
//!
//! Landed bytes are the writer's own until they are [taken](LogWriter::take_landed) as messages. Nothing
//! else may be written while there are any: [lift](LogWriter::lift_landed) them out first.
#![allow(unsafe_code)]

use super::writer::LogWriter;
use crate::block::BLOCK;

impl LogWriter {
    /// Memory for at least `least` bytes more, behind those that have landed already. Tell with
    /// [`landed`](Self::land) how many were put there.
    ///
    /// # Panics
    /// If a frame is being written in pieces.
    pub fn landing(&mut self, least: usize) -> &mut [u8] {
        assert!(self.missing.is_none(), "a frame is being written in pieces");
        if self.room() - self.landed < least {
            let block = self.current().block.clone();
            let len = std::mem::take(&mut self.landed);
            // SAFETY: within the segment's stretch.
            let from = unsafe { self.data.add(self.bytes) };
            self.grow(BLOCK.max(len + least));
            // SAFETY: as in `landed`; the segment may be gone now, but its block is kept by `block`.
            self.set_down(unsafe { std::slice::from_raw_parts(from, len) });
            drop(block);
        }
        let (at, len) = (self.bytes + self.landed, self.room() - self.landed);
        self.current().writing(at, len);
        // SAFETY: within the segment's stretch, behind every mark, so nobody else looks at it; blocks
        // are zeroed when they are made, so it is initialised.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(at), len) }
    }

    /// Counts `bytes` more as landed.
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn land(&mut self, bytes: usize) {
        assert!(bytes <= self.room() - self.landed, "no more than there is room for");
        self.landed += bytes;
    }

    /// What has landed and was not taken.
    pub fn landed(&self) -> &[u8] {
        // SAFETY: as in `landing`.
        unsafe { std::slice::from_raw_parts(self.data.add(self.bytes), self.landed) }
    }

    /// Takes the first `bytes` of what has landed: whole frames, of which `messages` end a message, and
    /// the last `tail` bytes belong to one that goes on. As [`write_span`](Self::write_span).
    ///
    /// # Panics
    /// If so many have not landed, or there cannot be so many messages in them.
    pub fn take_landed(&mut self, bytes: usize, messages: u32, tail: usize) {
        assert!(bytes <= self.landed, "no more than has landed");
        self.landed -= bytes;
        self.extend_open(bytes);
        self.frames_done(messages, tail, bytes);
    }

    /// Takes out what has landed and was not taken.
    pub fn lift_landed(&mut self) -> Vec<u8> {
        let bytes = self.landed().to_vec();
        self.landed = 0;
        bytes
    }

    fn set_down(&mut self, bytes: &[u8]) {
        self.current().writing(self.bytes, bytes.len());
        assert!(bytes.len() <= self.room(), "the caller has made room");
        // SAFETY: as in `copy_in`.
        unsafe {
            let to = self.data.add(self.bytes);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.landed = bytes.len();
    }
}
