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
//! first log exists, and the answer never changes from "asymmetric" back to "symmetric".

#[cfg(all(target_os = "linux", not(loom), not(miri)))]
#[allow(unsafe_code)]
mod imp {
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

    /// `MEMBARRIER_CMD_PRIVATE_EXPEDITED` of linux/membarrier.h.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    /// `MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED` of linux/membarrier.h.
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    static ASYMMETRIC: AtomicBool = AtomicBool::new(false);
    static INIT: Once = Once::new();

    fn membarrier(command: libc::c_int) -> libc::c_long {
        // SAFETY: membarrier takes three integers, touches no memory of ours, and only fails by
        // returning -1.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    pub(crate) fn init() {
        INIT.call_once(|| {
            if membarrier(REGISTER_PRIVATE_EXPEDITED) == 0 {
                ASYMMETRIC.store(true, Ordering::SeqCst);
            }
        });
    }

    #[inline(always)]
    pub(crate) fn light() {
        if ASYMMETRIC.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
        if ASYMMETRIC.load(Ordering::Relaxed) && membarrier(PRIVATE_EXPEDITED) != 0 {
            // Only a filter installed after the registration gets here, once in a process. Light
            // barriers are real fences from now on; what a light one of before may still hold back
            // is in a store buffer, which drains within nanoseconds: give it a million.
            ASYMMETRIC.store(false, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            fence(Ordering::SeqCst);
        }
    }
}

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
