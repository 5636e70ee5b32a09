//! Receiving bytes straight into a log: memory behind what is written, which becomes messages
//! without a copy.
//!
//! What was received is the writer's own until it is [committed](LogWriter::commit_received) as
//! messages. Nothing else may be written while there is any of it:
//! [take](LogWriter::take_uncommitted) it out first.
#![allow(unsafe_code)]

use super::writer::LogWriter;
use crate::message::block::BLOCK;

impl LogWriter {
    /// Memory for at least `least` bytes more, behind those that were received already. Tell
    /// [`advance`](Self::advance) how many were put there.
    ///
    /// # Panics
    /// If a frame is being written in pieces.
    pub fn spare_mut(&mut self, least: usize) -> &mut [u8] {
        assert!(self.missing.is_none(), "a frame is being written in pieces");
        if self.room() - self.uncommitted < least {
            let block = self.current().block.clone();
            let len = std::mem::take(&mut self.uncommitted);
            // SAFETY: within the segment's stretch.
            let from = unsafe { self.data.add(self.bytes) };
            self.grow(BLOCK.max(len + least));
            // SAFETY: as in `restore`; the segment may be gone now, but its block is kept by
            // `block`.
            self.restore(unsafe { std::slice::from_raw_parts(from, len) });
            drop(block);
        }
        let (at, len) = (self.bytes + self.uncommitted, self.room() - self.uncommitted);
        self.current().writing(at, len);
        // SAFETY: within the segment's stretch, behind every mark, so nobody else looks at it; blocks
        // are zeroed when they are made, so it is initialised.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(at), len) }
    }

    /// Counts `bytes` more as received.
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.room() - self.uncommitted, "no more than there is room for");
        self.uncommitted += bytes;
    }

    /// What was received and not committed.
    pub fn uncommitted(&self) -> &[u8] {
        // SAFETY: as in `spare_mut`.
        unsafe { std::slice::from_raw_parts(self.data.add(self.bytes), self.uncommitted) }
    }

    /// Commits the first `bytes` of what was received: whole frames, of which `messages` end a
    /// message, and the last `tail` bytes belong to one that goes on. As
    /// [`write_span`](Self::write_span).
    ///
    /// # Panics
    /// If so many were not received, or there cannot be so many messages in them.
    pub fn commit_received(&mut self, bytes: usize, messages: u32, tail: usize) {
        assert!(bytes <= self.uncommitted, "no more than was received");
        self.uncommitted -= bytes;
        self.extend_open(bytes);
        self.frames_done(messages, tail, bytes);
    }

    /// Takes out what was received and not committed.
    pub fn take_uncommitted(&mut self) -> Vec<u8> {
        let bytes = self.uncommitted().to_vec();
        self.uncommitted = 0;
        bytes
    }

    fn restore(&mut self, bytes: &[u8]) {
        self.current().writing(self.bytes, bytes.len());
        assert!(bytes.len() <= self.room(), "the caller has made room");
        // SAFETY: as in `copy_in`.
        unsafe {
            let to = self.data.add(self.bytes);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.uncommitted = bytes.len();
    }
}
