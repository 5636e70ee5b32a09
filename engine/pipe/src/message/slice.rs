//! A counted slice of a block.
#![allow(unsafe_code)]

use crate::message::block::{Block, BlockRef};
use std::ops::Deref;

/// A run of bytes of a block that nobody writes any more, held by `B`: a message's reference, or
/// the block itself where the bytes are on their way.
#[derive(Clone)]
pub(crate) struct Slice<B = BlockRef> {
    data: *const u8,
    len: usize,
    /// Keeps `data` alive.
    block: B,
}

// SAFETY: immutable memory kept alive by an atomic count.
unsafe impl<B: Send> Send for Slice<B> {}
// SAFETY: as above.
unsafe impl<B: Sync> Sync for Slice<B> {}

impl<B> Slice<B> {
    /// # Safety
    /// `data..data + len` lies in `block`, is initialised, and is never written again while the
    /// block is held.
    pub(crate) unsafe fn new(data: *const u8, len: usize, block: B) -> Self {
        Self { data, len, block }
    }

    /// Drops the first `bytes` bytes.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let rest = &self[bytes..];
        (self.data, self.len) = (rest.as_ptr(), rest.len());
    }

    /// Keeps the first `bytes` bytes.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn truncate(&mut self, bytes: usize) {
        self.len = self[..bytes].len();
    }

    /// The first of what was [cut off](Self::truncate).
    ///
    /// # Safety
    /// At least so many bytes were, of this one or what it is a clone of.
    pub(crate) unsafe fn behind(&self, bytes: usize) -> &[u8] {
        // SAFETY: promised to `new` for what the slice was, which went on behind it for so many bytes.
        unsafe { std::slice::from_raw_parts(self.data.add(self.len), bytes) }
    }
}

impl Slice<Block> {
    /// The same bytes for a message.
    pub(crate) fn refer(&self) -> Slice {
        Slice { data: self.data, len: self.len, block: self.block.refer() }
    }
}

impl<B> Deref for Slice<B> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: promised to `new`, and the block is held.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl<B> AsRef<[u8]> for Slice<B> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
