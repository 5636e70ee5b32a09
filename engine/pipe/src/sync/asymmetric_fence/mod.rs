//! An asymmetric pair of full barriers: [`light`] costs nothing, [`heavy`] a system call.
//!
//! The writer of a log must, after every message, see whether the reader has gone to sleep; the
//! reader, before it sleeps, must see every message. Each side stores and then loads what the other
//! stores, so both need a full barrier in between (Dekker's pattern). A barrier a message costs the
//! writer more than the message itself. Linux lets the rare side pay for both: `membarrier(2)` makes
//! every running thread of the process execute a full barrier, so that the frequent side only has to
//! keep the compiler from reordering. Where that is not to be had, both sides use an ordinary fence.
//!
//! Invariant: whatever [`light`] omits, every later [`heavy`] makes up for. [`init`] runs before the
//! first log exists, and the answer never changes from "asymmetric" back to "symmetric" but once, when
//! the kernel refuses what it has granted before (see `membarrier`).

#[cfg(all(target_os = "linux", not(loom), not(miri)))]
mod membarrier;
#[cfg(all(target_os = "linux", not(loom), not(miri)))]
use membarrier as imp;

#[cfg(not(all(target_os = "linux", not(loom), not(miri))))]
mod imp {
    use crate::sync::{Ordering, fence};

    pub(crate) fn init() {}

    #[inline(always)]
    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

pub(crate) use imp::{heavy, init, light};
