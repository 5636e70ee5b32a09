//! The ring of provided buffers: memory that the kernel picks from when bytes arrive.
//!
//! Every buffer is either with the kernel (its entry lies between the kernel's head and our tail), in
//! an event on its way to a session, or about to be given back. The memory lives as long as the ring.
#![allow(unsafe_code)]

use super::ring::Ring;
use crate::backend::{Buffer, RECEIVE_BUFFER};
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The id of the one buffer group.
pub(super) const GROUP: u16 = 0;
/// Buffers in the ring: 4 MiB, touched only as far as they are used.
const BUFFERS: u16 = 64;
/// The ring of entries must start on a page; 64 KiB is the largest page there is.
const PAGE: usize = 64 * 1024;

pub(super) struct BufferRing {
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    tail: u16,
    /// How many are with the kernel, or in completions that are not reaped yet.
    available: u16,
    leaked: bool,
}

fn layouts() -> (Layout, Layout) {
    let entries = size_of::<BufRingEntry>() * usize::from(BUFFERS);
    let memory = RECEIVE_BUFFER * usize::from(BUFFERS);
    // Constants: both sizes are far from overflowing, the alignment is a power of two.
    let layout = |size| Layout::from_size_align(size, PAGE).expect("constant layout");
    (layout(entries), layout(memory))
}

/// Memory, or the end of the process: as for any other allocation.
fn checked(memory: *mut u8, layout: Layout) -> NonNull<u8> {
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

impl BufferRing {
    pub(super) fn new(ring: &Ring) -> io::Result<Self> {
        let (entries, memory) = layouts();
        let mut this = Self {
            // SAFETY: the layout is not of size zero.
            entries: checked(unsafe { alloc_zeroed(entries) }, entries).cast(),
            // Not zeroed, which would touch all of it: only what the kernel has filled is ever read.
            // SAFETY: the layout is not of size zero.
            memory: checked(unsafe { alloc(memory) }, memory),
            tail: 0,
            available: 0,
            leaked: false,
        };
        ring.register_buffers(this.entries.as_ptr() as u64, BUFFERS, GROUP)?;
        (0..BUFFERS).for_each(|index| this.give(index));
        Ok(this)
    }

    fn start(&self, index: u16) -> *mut u8 {
        // SAFETY: the index is below BUFFERS: it came from the kernel, which knows only those.
        unsafe { self.memory.as_ptr().add(usize::from(index) * RECEIVE_BUFFER) }
    }

    /// Hands a buffer to the kernel.
    pub(super) fn give(&mut self, index: u16) {
        debug_assert!(index < BUFFERS);
        let slot = usize::from(self.tail % BUFFERS);
        // SAFETY: the slot lies in the ring; the kernel does not read it before the tail moves.
        let entry = unsafe { &mut *self.entries.as_ptr().add(slot) };
        entry.set_addr(self.start(index) as u64);
        entry.set_len(RECEIVE_BUFFER as u32);
        entry.set_bid(index);
        self.tail = self.tail.wrapping_add(1);
        self.available += 1;
        // SAFETY: the tail is a u16 inside the first entry, used by us and the kernel as an atomic.
        let tail = unsafe { &*BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>() };
        // Release: the entry is written before the kernel sees the tail (its load is an acquire).
        tail.store(self.tail, Ordering::Release);
    }

    /// Notes that the kernel has used a buffer.
    pub(super) fn taken(&mut self) {
        self.available -= 1;
    }

    /// How many receives may find a buffer.
    pub(super) fn left(&self) -> usize {
        usize::from(self.available)
    }

    pub(super) fn bytes(&self, buffer: &Buffer) -> &[u8] {
        debug_assert!(buffer.index < BUFFERS && buffer.len <= RECEIVE_BUFFER);
        // SAFETY: a completed receive filled these bytes, and the buffer is not back in the ring.
        unsafe { std::slice::from_raw_parts(self.start(buffer.index), buffer.len) }
    }

    /// Never frees the memory: the kernel may still write to it.
    pub(super) fn leak(&mut self) {
        self.leaked = true;
    }

    /// Whether it is leaked. It is not any more: for who knows that nothing is going to be written to it.
    #[cfg(test)]
    pub(super) fn take_back(&mut self) -> bool {
        std::mem::take(&mut self.leaked)
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        if self.leaked {
            return;
        }
        let (entries, memory) = layouts();
        // SAFETY: allocated in `new` with these layouts. `Uring` declares its ring before this field,
        // so the ring is closed and has no requests left.
        unsafe {
            dealloc(self.entries.as_ptr().cast(), entries);
            dealloc(self.memory.as_ptr(), memory);
        }
    }
}
