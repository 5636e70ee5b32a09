//! Reference-counted blocks of raw memory: what segments of a log and sliced messages live in.
//!
//! A block is one allocation: a header and `capacity` bytes behind it. Two kinds of holders keep
//! it: [`Block`] is held where the block is at work (by the segments of logs, by an encoder, on the
//! way to the kernel) and [`BlockRef`] by messages, for as long as a user likes. Who may read or
//! write which part of the memory is the log's business. Blocks of the standard size go through a
//! bounded pool, because they are made and dropped all the time.
//!
//! What always holds: all holders of the first kind have one reference together, which the last of them
//! gives up. From then on the block is *kept*: a user's messages alone hold it, perhaps all of it and
//! perhaps a small part. [`scarce`] tells when so much is kept that bodies are to be copied out.
#![allow(unsafe_code)]

mod later;
mod pool;

use crate::sync::{AtomicUsize, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize as Counter;

pub(crate) use pool::trim;

/// Bytes of a full-sized block: the batch size at which a system call's cost stops to matter (64
/// KiB was the optimum of the send and receive measurements on TCP and on Unix sockets), less the
/// header. A packet on Linux's loopback takes 65,483 bytes: what is in one block fits, and does not
/// make a second one for the rest.
pub const BLOCK: usize = 64 * 1024 - HEADER;
/// Full-sized blocks in use above which no block begins to be sliced: 64 MiB of the process.
const PINNED: usize = 1024;
/// Bytes of kept blocks up to which bodies are sliced in any case: 32 full-sized blocks of the
/// process.
const KEPT_FREELY: usize = 2 * 1024 * 1024;
/// Beyond that a body is sliced as long as the kept blocks have less than so many times its bytes.
/// The larger a body, the more a copy costs, and the less of a block is wasted on it: 1,000 kept
/// messages, one of each block, never pin more than three times what they hold, if they have 1 KiB
/// or more.
const KEPT_SHARE: usize = 2 * 1024;

/// Start of the data behind the header: a cache line later, so that data and count do not share one.
const HEADER: usize = 64;
const _: () = assert!(std::mem::size_of::<BlockHeader>() <= HEADER);
/// What an allocator gives anyway. With more it cannot take memory that is zero already, and touches all
/// of it at once; count and data have a cache line between them as it is.
const ALIGN: usize = 16;
/// More references than this end the process, as with the standard library's: a program that forgets
/// clones of a message over and over would get the count, of 32 bits on some systems, around to zero and
/// the memory freed under its other messages. What is beyond is room for threads that pass the check at
/// the same time.
const MOST_REFERENCES: usize = isize::MAX as usize;

struct BlockHeader {
    /// References of messages, and one for all that `uses` counts.
    refs: AtomicUsize,
    /// Where the block is at work.
    uses: AtomicUsize,
    capacity: usize,
}

/// Full-sized blocks that exist outside the pool.
static LIVE: Counter = Counter::new(0);
/// Bytes of blocks that only messages hold.
static KEPT: Counter = Counter::new(0);

/// Whether so much is kept that a body of `len` bytes should be copied rather than sliced, so that
/// a program that keeps small messages does not keep 64 KiB for each.
#[inline(always)]
pub(crate) fn scarce(len: usize) -> bool {
    KEPT.load(Ordering::Relaxed) > KEPT_FREELY.max(len * KEPT_SHARE)
}

/// Whether so many blocks are in use that none should be pinned by a first message.
pub(crate) fn crowded() -> bool {
    LIVE.load(Ordering::Relaxed) > PINNED
}

fn layout(capacity: usize) -> Layout {
    // A capacity that overflows here could never be allocated: the allocator's answer to both is
    // the same abort, so treat it as one.
    Layout::from_size_align(HEADER.saturating_add(capacity), ALIGN)
        .unwrap_or_else(|_| handle_alloc_error(Layout::new::<BlockHeader>()))
}

/// Adds to a count of references.
#[inline]
fn add(count: &AtomicUsize, more: usize) {
    // Relaxed: a new reference is made from an existing one; nothing is published by it.
    if count.fetch_add(more, Ordering::Relaxed) > MOST_REFERENCES {
        std::process::abort();
    }
}

/// A block where it is at work.
pub(crate) struct Block(NonNull<BlockHeader>);

/// A message's reference to a block.
pub(crate) struct BlockRef(NonNull<BlockHeader>);

// SAFETY: the counts are atomic; the data is only reached through raw pointers whose users argue for
// themselves.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}
// SAFETY: as above.
unsafe impl Send for BlockRef {}
// SAFETY: as above.
unsafe impl Sync for BlockRef {}

impl Block {
    /// A block of `capacity` bytes. Its memory holds anything, but is initialised.
    pub(crate) fn new(capacity: usize) -> Self {
        let header = if capacity == BLOCK { pool::take() } else { None };
        let header = header.unwrap_or_else(|| {
            let layout = layout(capacity);
            // SAFETY: the layout has a non-zero size.
            let memory = unsafe { alloc_zeroed(layout) }.cast::<BlockHeader>();
            NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
        });
        let (refs, uses) = (AtomicUsize::new(1), AtomicUsize::new(1));
        // SAFETY: freshly allocated or taken from the pool: nobody else has the pointer.
        unsafe { header.write(BlockHeader { refs, uses, capacity }) };
        if capacity == BLOCK {
            LIVE.fetch_add(1, Ordering::Relaxed);
        }
        Self(header)
    }

    #[inline(always)]
    fn header(&self) -> &BlockHeader {
        // SAFETY: the block is in use, so the header is alive and was written by `new`.
        unsafe { self.0.as_ref() }
    }

    /// Bytes behind [`data`](Self::data).
    pub(crate) fn capacity(&self) -> usize {
        self.header().capacity
    }

    /// Start of the block's memory.
    pub(crate) fn data(&self) -> *mut u8 {
        // SAFETY: the allocation has HEADER bytes before the data.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEADER) }
    }

    /// Whether both are the same block.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// A reference for a message.
    pub(crate) fn refer(&self) -> BlockRef {
        self.stock(1);
        BlockRef(self.0)
    }

    /// Adds `count` references at once, to be handed out by [`stocked`](Self::stocked).
    pub(crate) fn stock(&self, count: usize) {
        add(&self.header().refs, count);
    }

    /// One of the references added by [`stock`](Self::stock).
    ///
    /// # Safety
    /// Each stocked reference may be taken or [returned](Self::return_stock) once only.
    pub(crate) unsafe fn stocked(&self) -> BlockRef {
        BlockRef(self.0)
    }

    /// Gives `count` unused stocked references back.
    pub(crate) fn return_stock(&self, count: usize) {
        // Release: pairs with the Acquire of whoever drops the last reference. The block is in use,
        // so this can never be the last.
        self.header().refs.fetch_sub(count, Ordering::Release);
    }

    /// The block is at work nowhere any more.
    #[cold]
    fn last_use(&self) {
        // Acquire: what was done to the memory in the other uses happens before their reference goes.
        // A load and not a fence, because ThreadSanitizer does not know fences.
        self.header().uses.load(Ordering::Acquire);
        // Messages that this thread has dropped do not keep the block.
        later::flush(self.0);
        // Relaxed: from one it cannot rise any more, as there is no message to clone.
        let kept = self.header().refs.load(Ordering::Relaxed) > 1;
        if kept {
            KEPT.fetch_add(self.capacity(), Ordering::Relaxed);
        }
        // SAFETY: the reference of all uses, given up by the last of them.
        unsafe { drop_refs(self.0, 1, kept) };
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        add(&self.header().uses, 1);
        Self(self.0)
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        // Release: what this use did to the memory happens before it is reused; pairs with the Acquire
        // in `last_use`, in whichever thread is that.
        if self.header().uses.fetch_sub(1, Ordering::Release) == 1 {
            self.last_use();
        }
    }
}

impl Clone for BlockRef {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: a reference is held, so the header is alive.
        add(&unsafe { self.0.as_ref() }.refs, 1);
        Self(self.0)
    }
}

impl Drop for BlockRef {
    /// Drops this reference together with others of the same thread to the same block: an atomic
    /// operation for each costs as much as all the rest of a small receive. The block may live until
    /// the thread drops a reference to another one, or takes this one out of use, or ends.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this reference is dropped once, here.
        unsafe { later::drop(self.0) };
    }
}

/// Drops `count` references to a block at once; `kept` if it is counted as such once it is not in use.
///
/// # Safety
/// There are so many, they are the caller's, and it uses them no more.
unsafe fn drop_refs(header: NonNull<BlockHeader>, count: usize, kept: bool) {
    // SAFETY: references are held until the next operation, by which they are given up.
    let refs = unsafe { &header.as_ref().refs };
    // Release: what these holders did to the memory happens before it is reused; pairs with the
    // Acquire in `free`, in whichever thread is that.
    if refs.fetch_sub(count, Ordering::Release) == count {
        // SAFETY: those were the last.
        unsafe { free(header, kept) };
    }
}

/// Frees a block, or puts it into the pool.
///
/// # Safety
/// Nobody refers to it.
#[cold]
unsafe fn free(header: NonNull<BlockHeader>, kept: bool) {
    // Acquire: what every other holder did to the memory happens before. A load for the reason given
    // in `last_use`.
    // SAFETY: nobody else can reach the header, and it is not dropped yet.
    let capacity = unsafe {
        header.as_ref().refs.load(Ordering::Acquire);
        header.as_ref().capacity
    };
    // SAFETY: as above.
    unsafe { header.drop_in_place() };
    if kept {
        KEPT.fetch_sub(capacity, Ordering::Relaxed);
    }
    if capacity != BLOCK {
        // SAFETY: allocated in `new` with this very layout.
        return unsafe { dealloc(header.as_ptr().cast(), layout(capacity)) };
    }
    let last = LIVE.fetch_sub(1, Ordering::Relaxed) == 1;
    // SAFETY: a full-sized block that nobody refers to.
    unsafe { pool::give(header) };
    if last {
        trim();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
