//! Rings of provided buffers: memory that the kernel picks from when bytes arrive. All connections
//! share one; a datagram socket has its own.
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

/// A group of buffers, which has a ring of its own.
#[derive(Clone, Copy)]
pub(super) struct BufferGroup {
    /// By which requests name it.
    pub(super) id: u16,
    /// How many buffers there are: a power of two.
    pub(super) count: u16,
    /// Bytes of each.
    pub(super) size: usize,
    /// Bytes at the beginning of each that are zeroed at first, because the kernel leaves gaps in
    /// them.
    pub(super) zeroed: usize,
}

/// What all connections receive into: 4 MiB, touched only as far as they are used.
pub(super) const STREAMS: BufferGroup =
    BufferGroup { id: 0, count: 64, size: RECEIVE_BUFFER, zeroed: 0 };
/// The ring of entries must start on a page; 64 KiB is the largest page there is.
const PAGE: usize = 64 * 1024;

pub(super) struct BufferRing {
    group: BufferGroup,
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    tail: u16,
    /// How many are with the kernel, or in completions that are not reaped yet.
    available: u16,
    leaked: bool,
}

fn layouts(group: BufferGroup) -> (Layout, Layout) {
    let entries = size_of::<BufRingEntry>() * usize::from(group.count);
    let memory = group.size * usize::from(group.count);
    // No buffer is longer than 64 KiB and some: both sizes are far from overflowing, the alignment
    // is a power of two.
    let layout = |size| Layout::from_size_align(size, PAGE).expect("a small layout");
    (layout(entries), layout(memory))
}

/// Memory, or the end of the process: as for any other allocation.
fn checked(memory: *mut u8, layout: Layout) -> NonNull<u8> {
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

impl BufferRing {
    pub(super) fn new(ring: &Ring, group: BufferGroup) -> io::Result<Self> {
        let (entries, memory) = layouts(group);
        let mut this = Self {
            group,
            // SAFETY: the layout is not of size zero.
            entries: checked(unsafe { alloc_zeroed(entries) }, entries).cast(),
            // Not zeroed, which would touch all of it: only what the kernel has filled is ever read.
            // SAFETY: the layout is not of size zero.
            memory: checked(unsafe { alloc(memory) }, memory),
            tail: 0,
            available: 0,
            leaked: false,
        };
        for index in (0..group.count).filter(|_| group.zeroed > 0) {
            // SAFETY: the beginning of a buffer that nobody has yet.
            unsafe { this.start(index).write_bytes(0, group.zeroed.min(group.size)) };
        }
        ring.register_buffers(this.entries.as_ptr() as u64, group.count, group.id)?;
        (0..group.count).for_each(|index| this.give(index));
        Ok(this)
    }

    fn start(&self, index: u16) -> *mut u8 {
        // SAFETY: the index is below the count: it came from the kernel, which knows only those.
        unsafe { self.memory.as_ptr().add(usize::from(index) * self.group.size) }
    }

    /// Hands a buffer to the kernel.
    pub(super) fn give(&mut self, index: u16) {
        debug_assert!(index < self.group.count);
        let slot = usize::from(self.tail & (self.group.count - 1));
        // SAFETY: the slot lies in the ring; the kernel does not read it before the tail moves.
        let entry = unsafe { &mut *self.entries.as_ptr().add(slot) };
        entry.set_addr(self.start(index) as u64);
        entry.set_len(self.group.size as u32);
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
        debug_assert!(buffer.index < self.group.count && buffer.len <= self.group.size);
        // SAFETY: a completed receive filled these bytes, and the buffer is not back in the ring.
        unsafe { std::slice::from_raw_parts(self.start(buffer.index), buffer.len) }
    }

    pub(super) fn id(&self) -> u16 {
        self.group.id
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
        let (entries, memory) = layouts(self.group);
        // SAFETY: allocated in `new` with these layouts. The kernel has let go of it: `Uring`
        // declares its ring before this field, so that the ring is closed, and takes a group back
        // that it drops before.
        unsafe {
            dealloc(self.entries.as_ptr().cast(), entries);
            dealloc(self.memory.as_ptr(), memory);
        }
    }
}
