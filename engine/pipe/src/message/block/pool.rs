//! Full-sized blocks that nobody refers to, kept for reuse.
#![allow(unsafe_code)]

use super::{BLOCK, BlockHeader, HEADER, layout};
use std::alloc::dealloc;
use std::ptr::NonNull;

pub(crate) use imp::trim;
pub(super) use imp::{give, take};

/// Frees a block for good.
///
/// # Safety
/// It is a full-sized one, and nobody refers to it.
unsafe fn release(header: NonNull<BlockHeader>) {
    let memory = header.as_ptr().cast::<u8>();
    // SAFETY: promised by the caller.
    unsafe { give_back(memory, HEADER + BLOCK) };
    // SAFETY: allocated in `Block::new` with this very layout.
    unsafe { dealloc(memory, layout(BLOCK)) };
}

/// Tells the system that what is in some memory is of no use any more. Allocators keep what is freed in
/// the midst of other things, and so do not give back what a long queue took.
///
/// # Safety
/// The memory is the caller's, and what is in it is not looked at any more.
#[cfg(all(target_os = "linux", not(miri)))]
unsafe fn give_back(memory: *mut u8, len: usize) {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // A power of two wherever it is known.
    let Some(page) = usize::try_from(page).ok().filter(|page| page.is_power_of_two()) else {
        return;
    };
    let skipped = memory.align_offset(page);
    let whole = len.saturating_sub(skipped) / page * page;
    if whole > 0 {
        // SAFETY: whole pages within what the caller has; it does not matter what is in them. They read
        // as zero from now on, and are still allocated. If they are locked they stay as they are.
        unsafe { libc::madvise(memory.add(skipped).cast(), whole, libc::MADV_DONTNEED) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
unsafe fn give_back(_: *mut u8, _: usize) {}

#[cfg(not(any(loom, miri)))]
mod imp {
    use super::super::LIVE;
    use super::{BlockHeader, NonNull, release};
    use crate::sync::{Ordering, lock};
    use std::sync::Mutex;

    /// Full-sized blocks kept for reuse: 16 MiB of the process. At the usual high-water marks a stream of
    /// messages of 8 KiB fills nearly as many.
    const POOLED: usize = 256;
    /// So many stay when the pool is [trimmed](trim) and hardly any are in use: 1 MiB of the process.
    const SPARE: usize = 16;

    struct Free(NonNull<BlockHeader>);
    // SAFETY: memory that nobody refers to; it belongs to whoever pops it.
    unsafe impl Send for Free {}

    impl Drop for Free {
        fn drop(&mut self) {
            // SAFETY: as above; full-sized, as all in the pool.
            unsafe { release(self.0) };
        }
    }

    /// The last one given is the first one taken: it is still in the processor's caches, where one that
    /// has waited behind all the others is not. A lock once a block is cheap beside that.
    static POOL: Mutex<Vec<Free>> = Mutex::new(Vec::new());

    pub(in super::super) fn take() -> Option<NonNull<BlockHeader>> {
        let free = std::mem::ManuallyDrop::new(lock(&POOL).pop()?);
        Some(free.0)
    }

    /// # Safety
    /// The block is a full-sized one, and nobody refers to it.
    pub(in super::super) unsafe fn give(header: NonNull<BlockHeader>) {
        let free = Free(header);
        let mut pool = lock(&POOL);
        if pool.len() < POOLED {
            return pool.push(free);
        }
        drop(pool);
        drop(free);
    }

    /// Somebody has left who may have had much in use: keeps no more blocks for reuse than are in use
    /// now. (Not whenever one is freed: a stream needs all it ever had again and again.)
    pub(crate) fn trim() {
        let in_use = LIVE.load(Ordering::Relaxed);
        let mut pool = lock(&POOL);
        let stay = in_use.max(SPARE).min(pool.len());
        // The first ones have waited longest.
        let too_many = pool.len() - stay;
        let unused: Vec<Free> = pool.drain(..too_many).collect();
        drop(pool);
        drop(unused);
    }
}

/// Models and Miri see every allocation and its end.
#[cfg(any(loom, miri))]
mod imp {
    use super::{BlockHeader, NonNull, release};

    pub(in super::super) fn take() -> Option<NonNull<BlockHeader>> {
        None
    }

    /// # Safety
    /// The block is a full-sized one, and nobody refers to it.
    pub(in super::super) unsafe fn give(header: NonNull<BlockHeader>) {
        // SAFETY: promised by the caller.
        unsafe { release(header) };
    }

    pub(crate) fn trim() {}
}
