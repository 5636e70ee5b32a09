//! Reference-counted blocks of raw memory: what segments of a log and sliced messages live in.
//!
//! A block is one allocation: a header and `capacity` octets behind it. Whoever holds a [`BlockRef`]
//! keeps the memory; who may read or write which part of it is the log's business. Blocks of the
//! standard size go through a bounded pool, because they are made and dropped all the time.
#![allow(unsafe_code)]

use crate::sync::{AtomicUsize, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize as Counter;

/// Octets of a full-sized block: the batch size at which a system call's cost stops to matter
/// (64 KiB was the optimum of the send and receive measurements on TCP and on Unix sockets), less the
/// header. A packet on Linux's loopback takes 65,483 octets: what is in one block fits, and does not make
/// a second one for the rest.
pub const BLOCK: usize = 64 * 1024 - HEADER;
/// Full-sized blocks in use above which received bodies are copied out rather than sliced, so that
/// a program that keeps small messages does not keep 64 KiB for each: 64 MiB of the process.
const PINNED: usize = 1024;

/// Start of the data behind the header: a cache line later, so that data and count do not share one.
const HEADER: usize = 64;
const _: () = assert!(std::mem::size_of::<Header>() <= HEADER);
/// What an allocator gives anyway. With more it cannot take memory that is zero already, and touches all
/// of it at once; count and data have a cache line between them as it is.
const ALIGN: usize = 16;

struct Header {
    refs: AtomicUsize,
    capacity: usize,
}

/// Full-sized blocks that exist outside the pool.
static LIVE: Counter = Counter::new(0);

/// Whether so many blocks are alive that readers should copy instead of pinning more.
pub(crate) fn scarce() -> bool {
    LIVE.load(Ordering::Relaxed) > PINNED
}

/// One counted reference to a block.
pub struct BlockRef(NonNull<Header>);

// SAFETY: the count is atomic; the data is only reached through raw pointers whose users argue for
// themselves.
unsafe impl Send for BlockRef {}
// SAFETY: as above.
unsafe impl Sync for BlockRef {}

fn layout(capacity: usize) -> Layout {
    // A capacity that overflows here could never be allocated: the allocator's answer to both is
    // the same abort, so treat it as one.
    Layout::from_size_align(HEADER.saturating_add(capacity), ALIGN)
        .unwrap_or_else(|_| handle_alloc_error(Layout::new::<Header>()))
}

impl BlockRef {
    /// A block of at least `capacity` octets with one reference. Its memory holds anything, but is
    /// initialised.
    pub fn new(capacity: usize) -> Self {
        let header = if capacity == BLOCK { pool::take() } else { None };
        let header = header.unwrap_or_else(|| {
            let layout = layout(capacity);
            // SAFETY: the layout has a non-zero size.
            let memory = unsafe { alloc_zeroed(layout) }.cast::<Header>();
            NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
        });
        // SAFETY: freshly allocated or taken from the pool: nobody else has the pointer.
        unsafe { header.write(Header { refs: AtomicUsize::new(1), capacity }) };
        if capacity == BLOCK {
            LIVE.fetch_add(1, Ordering::Relaxed);
        }
        Self(header)
    }

    fn header(&self) -> &Header {
        // SAFETY: a reference is held, so the header is alive and was written by `new`.
        unsafe { self.0.as_ref() }
    }

    /// Octets behind [`data`](Self::data).
    pub fn capacity(&self) -> usize {
        self.header().capacity
    }

    /// Start of the block's memory.
    pub fn data(&self) -> *mut u8 {
        // SAFETY: the allocation has HEADER octets before the data.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEADER) }
    }

    /// Adds `count` references at once, to be handed out by [`stocked`](Self::stocked).
    pub(crate) fn stock(&self, count: usize) {
        // Relaxed: a new reference is made from an existing one; nothing is published by it.
        self.header().refs.fetch_add(count, Ordering::Relaxed);
    }

    /// One of the references added by [`stock`](Self::stock).
    ///
    /// # Safety
    /// Each stocked reference may be taken or [returned](Self::return_stock) once only.
    pub(crate) unsafe fn stocked(&self) -> Self {
        Self(self.0)
    }

    /// Gives `count` unused stocked references back.
    pub(crate) fn return_stock(&self, count: usize) {
        // Release: pairs with the Acquire of whoever drops the last reference. `self` holds
        // another reference, so this can never be the last.
        self.header().refs.fetch_sub(count, Ordering::Release);
    }
}

impl Clone for BlockRef {
    fn clone(&self) -> Self {
        self.stock(1);
        Self(self.0)
    }
}

impl Drop for BlockRef {
    #[inline]
    fn drop(&mut self) {
        // Release: what this holder did to the memory happens before it is reused; pairs with the
        // Acquire in `last`, in whichever thread is that.
        if self.header().refs.fetch_sub(1, Ordering::Release) == 1 {
            self.last();
        }
    }
}

impl BlockRef {
    /// Drops this reference together with others of the same thread to the same block: an atomic
    /// operation for each costs as much as all the rest of a small receive. The block may live until
    /// the thread drops a reference to another one, or ends.
    #[inline]
    pub(crate) fn drop_later(self) {
        later::drop(self);
    }

    /// Drops `count` references at once, of which `self` is one.
    #[cfg(not(any(loom, miri, tsan)))]
    fn drop_many(mut self, count: usize) {
        // As in `drop`.
        if self.header().refs.fetch_sub(count, Ordering::Release) == count {
            self.last();
        }
        std::mem::forget(self);
    }

    /// The last reference is being dropped.
    #[cold]
    fn last(&mut self) {
        // Acquire: what every other holder did to the memory happens before. A load and not a fence,
        // because ThreadSanitizer does not know fences.
        self.header().refs.load(Ordering::Acquire);
        let capacity = self.header().capacity;
        // SAFETY: the last reference: nobody else can reach the header any more.
        unsafe { self.0.drop_in_place() };
        if capacity == BLOCK {
            LIVE.fetch_sub(1, Ordering::Relaxed);
            if pool::give(self.0) {
                return;
            }
        }
        // SAFETY: allocated in `new` with this very layout.
        unsafe { dealloc(self.0.as_ptr().cast(), layout(capacity)) };
    }
}

/// References that a thread has dropped and that are still counted, all to one block.
#[cfg(not(any(loom, miri, tsan)))]
mod later {
    use super::{BlockRef, Header, NonNull};
    use std::cell::Cell;
    use std::mem::ManuallyDrop;
    use std::ptr::null_mut;

    struct Stash {
        /// Null while `count` is zero.
        block: Cell<*mut Header>,
        count: Cell<usize>,
    }

    thread_local! {
        static STASH: Stash = const { Stash { block: Cell::new(null_mut()), count: Cell::new(0) } };
    }

    #[inline]
    pub(super) fn drop(block: BlockRef) {
        let block = ManuallyDrop::new(block);
        let stashed = STASH.try_with(|stash| stash.add(block.0.as_ptr()));
        if stashed.is_err() {
            // The thread is ending, and its stash is gone.
            std::mem::drop(ManuallyDrop::into_inner(block));
        }
    }

    impl Stash {
        #[inline]
        fn add(&self, block: *mut Header) {
            if self.block.get() != block {
                self.flush();
                self.block.set(block);
            }
            self.count.set(self.count.get() + 1);
        }

        #[cold]
        fn flush(&self) {
            let count = self.count.replace(0);
            if let Some(block) = NonNull::new(self.block.replace(null_mut())) {
                // One of the `count` references that were stashed.
                BlockRef(block).drop_many(count);
            }
        }
    }

    impl Drop for Stash {
        fn drop(&mut self) {
            self.flush();
        }
    }
}

/// Models and Miri see every reference go at once; so does ThreadSanitizer, which otherwise could not
/// tell that one went with an `Arc` of the standard library, whose fence it does not know.
#[cfg(any(loom, miri, tsan))]
mod later {
    pub(super) fn drop(block: super::BlockRef) {
        std::mem::drop(block);
    }
}

#[cfg(not(any(loom, miri)))]
mod pool {
    use super::{Header, NonNull};
    use crate::sync::lock;
    use std::sync::Mutex;

    /// Full-sized blocks kept for reuse: 16 MiB of the process. At the usual high-water marks a stream of
    /// messages of 8 KiB fills nearly as many.
    const POOLED: usize = 256;

    struct Free(NonNull<Header>);
    // SAFETY: memory that nobody refers to; it belongs to whoever pops it.
    unsafe impl Send for Free {}

    /// The last one given is the first one taken: it is still in the processor's caches, where one that
    /// has waited behind all the others is not. A lock once a block is cheap beside that.
    static POOL: Mutex<Vec<Free>> = Mutex::new(Vec::new());

    pub(super) fn take() -> Option<NonNull<Header>> {
        Some(lock(&POOL).pop()?.0)
    }

    pub(super) fn give(header: NonNull<Header>) -> bool {
        let mut pool = lock(&POOL);
        let room = pool.len() < POOLED;
        if room {
            pool.push(Free(header));
        }
        room
    }
}

/// Models and Miri see every allocation and its end.
#[cfg(any(loom, miri))]
mod pool {
    use super::{Header, NonNull};

    pub(super) fn take() -> Option<NonNull<Header>> {
        None
    }

    pub(super) fn give(_: NonNull<Header>) -> bool {
        false
    }
}
