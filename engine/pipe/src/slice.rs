//! A counted slice of a block.
#![allow(unsafe_code)]

use crate::block::BlockRef;
use std::mem::ManuallyDrop;
use std::ops::Deref;

/// A run of octets of a block that nobody writes any more.
#[derive(Clone)]
pub(crate) struct Slice {
    data: *const u8,
    len: usize,
    /// Keeps `data` alive.
    block: ManuallyDrop<BlockRef>,
}

// SAFETY: immutable memory kept alive by an atomic count.
unsafe impl Send for Slice {}
// SAFETY: as above.
unsafe impl Sync for Slice {}

impl Slice {
    /// # Safety
    /// `data..data + len` lies in `block`, is initialised, and is never written again while the
    /// block is referred to.
    pub(crate) unsafe fn new(data: *const u8, len: usize, block: BlockRef) -> Self {
        Self { data, len, block: ManuallyDrop::new(block) }
    }

    /// Drops the first `octets` octets.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn advance(&mut self, octets: usize) {
        let rest = &self[octets..];
        (self.data, self.len) = (rest.as_ptr(), rest.len());
    }
}

impl Drop for Slice {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken once, here.
        unsafe { ManuallyDrop::take(&mut self.block) }.drop_later();
    }
}

impl Deref for Slice {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: promised to `new`, and the block is held.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
