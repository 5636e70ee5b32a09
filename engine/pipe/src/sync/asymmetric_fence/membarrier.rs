//! The asymmetric pair on Linux, over `membarrier(2)`.
//!
//! The kernel is asked once whether it has the command, and then never refuses it for a reason of its own
//! but want of memory, for which there is another command. What may come at any time is a filter of system
//! calls, which a program puts on itself. From the first refusal on both barriers are ordinary fences. What
//! is left to worry about is a [`light`] one from before that, on another processor at this moment: its
//! store may be held back in the processor's store buffer still, with its load done already.
//!
//! Nobody but the kernel can put a barrier into a thread that runs: two who store first and load then
//! need a full one each, whatever plain loads and stores they add (that is a theorem, about all algorithms
//! and not about this one). So this is not solved by a protocol; it rests on what a processor promises, that
//! a store becomes visible in finite time, and on the system, which interrupts every processor that runs
//! ordinary threads at least a hundred times a second, and an interrupt empties the store buffer. A change
//! therefore lasts two such periods, once in a process, and whoever needs a heavy barrier meanwhile waits
//! for its end. (Ending the process is what else one could do. A filter that a program has put on itself is
//! no reason for that.)
#![allow(unsafe_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};
use std::time::Duration;

/// `MEMBARRIER_CMD_GLOBAL` of linux/membarrier.h: needs neither memory nor a registration, and
/// milliseconds; not to be had where processors do without a timer.
const GLOBAL: i32 = 1;
/// `MEMBARRIER_CMD_PRIVATE_EXPEDITED`.
const PRIVATE_EXPEDITED: i32 = 1 << 3;
/// `MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED`.
const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;
/// Two periods of the slowest timer that Linux is built with (100 Hz).
const CHANGE: Duration = Duration::from_millis(20);

/// What the pair asks of the system.
trait System {
    /// Whether a command of `membarrier(2)` was carried out.
    fn membarrier(&self, command: i32) -> bool;
    /// Waits until no processor holds back a store from before.
    fn wait_for_stores(&self);
}

struct Linux;

impl System for Linux {
    fn membarrier(&self, command: i32) -> bool {
        // SAFETY: membarrier takes three integers, touches no memory of ours, and only fails by
        // returning -1.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    fn wait_for_stores(&self) {
        std::thread::sleep(CHANGE);
    }
}

/// The state of the pair.
struct Pair<S> {
    system: S,
    /// Light barriers are free. Goes to true once and back to false once, at most.
    free: AtomicBool,
    /// Has been true.
    was_free: AtomicBool,
    init: Once,
    /// The change back.
    change: Once,
}

static PAIR: Pair<Linux> = Pair::new(Linux);

impl<S: System> Pair<S> {
    const fn new(system: S) -> Self {
        Self {
            system,
            free: AtomicBool::new(false),
            was_free: AtomicBool::new(false),
            init: Once::new(),
            change: Once::new(),
        }
    }

    fn init(&self) {
        self.init.call_once(|| {
            // Tried too: a filter may let the one pass and not the other.
            if self.system.membarrier(REGISTER_PRIVATE_EXPEDITED)
                && self.system.membarrier(PRIVATE_EXPEDITED)
            {
                self.was_free.store(true, Ordering::SeqCst);
                self.free.store(true, Ordering::SeqCst);
            }
        });
    }

    #[inline(always)]
    fn light(&self) {
        // Relaxed: one that still finds `true` after the change has begun is what the change waits for.
        if self.free.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    fn heavy(&self) {
        fence(Ordering::SeqCst);
        // Relaxed: set before any log existed.
        if !self.was_free.load(Ordering::Relaxed) {
            return;
        }
        // Relaxed: who finds `true` late asks the kernel, and is answered as everybody is.
        if self.free.load(Ordering::Relaxed) && self.everywhere() {
            return;
        }
        // Whoever comes in the midst of it waits here for its end.
        self.change.call_once(|| {
            self.free.store(false, Ordering::SeqCst);
            self.system.wait_for_stores();
        });
        fence(Ordering::SeqCst);
    }

    /// A full barrier in every thread of the process, if the kernel does it.
    fn everywhere(&self) -> bool {
        self.system.membarrier(PRIVATE_EXPEDITED) || self.everywhere_else()
    }

    /// The same in other ways: the kernel may be short of memory, or have forgotten the registration, as
    /// when a process is restored from an image on disk.
    #[cold]
    fn everywhere_else(&self) -> bool {
        self.system.membarrier(GLOBAL)
            || self.system.membarrier(REGISTER_PRIVATE_EXPEDITED)
                && self.system.membarrier(PRIVATE_EXPEDITED)
    }
}

pub(crate) fn init() {
    PAIR.init();
}

#[inline(always)]
pub(crate) fn light() {
    PAIR.light();
}

pub(crate) fn heavy() {
    PAIR.heavy();
}

#[cfg(test)]
mod tests;
