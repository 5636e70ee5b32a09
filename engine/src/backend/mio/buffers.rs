//! Receive buffers of the portable backend: made when first needed, kept for reuse.

use crate::backend::{Buffer, RECEIVE_BUFFER};

/// Buffers out at a time: more connections than that wait for their turn.
const MOST: usize = 64;

pub(super) struct Buffers {
    /// Empty while handed out for filling, else [`RECEIVE_BUFFER`] bytes.
    all: Vec<Vec<u8>>,
    free: Vec<u16>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), free: Vec::new() }
    }

    /// A buffer to fill, if one is to be had before others are released.
    pub(super) fn take(&mut self) -> Option<u16> {
        if let Some(index) = self.free.pop() {
            return Some(index);
        }
        if self.all.len() == MOST {
            return None;
        }
        self.all.push(vec![0; RECEIVE_BUFFER]);
        Some((self.all.len() - 1) as u16)
    }

    pub(super) fn memory(&mut self, index: u16) -> &mut [u8] {
        &mut self.all[usize::from(index)]
    }

    pub(super) fn give(&mut self, index: u16) {
        self.free.push(index);
    }

    pub(super) fn bytes(&self, buffer: &Buffer) -> &[u8] {
        &self.all[usize::from(buffer.index)][..buffer.len]
    }

    pub(super) fn release(&mut self, buffer: Buffer) {
        self.give(buffer.index);
    }
}
