//! What each thread has of its own, side by side: its number, and how many sections it is in. A lock looks
//! at both each time, and so finds one place only.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Own {
    /// Zero until the thread is asked for it.
    number: Cell<u64>,
    sections: Cell<u32>,
}

#[cfg(not(loom))]
thread_local! {
    static OWN: Own = const { Own::new() };
}

// Models run all their threads on one of the system's.
#[cfg(loom)]
loom::thread_local! {
    static OWN: Own = Own::new();
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Own {
    const fn new() -> Self {
        Self { number: Cell::new(0), sections: Cell::new(NOTHING) }
    }
}

/// Set in [`sections`] while nothing waits for their end: so the one comparison at the end of a section,
/// with zero, finds that it is the outermost one and that there is something to run.
pub(crate) const NOTHING: u32 = 1 << 31;

/// A number that no other thread has or had.
#[inline]
pub(crate) fn number() -> u64 {
    let number = known_number();
    if number == 0 { assign() } else { number }
}

/// The same, or zero if the thread has never been asked.
#[inline(always)]
pub(crate) fn known_number() -> u64 {
    if cfg!(loom) { number_in_model() } else { OWN.with(|own| own.number.get()) }
}

/// In models there is one step less, for fewer orders to try.
fn number_in_model() -> u64 {
    let number = OWN.with(|own| own.number.get());
    if number == 0 { assign() } else { number }
}

#[cold]
fn assign() -> u64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    OWN.with(|own| own.number.set(number));
    number
}

/// The sections of the calling thread; see [`Section`](crate::Section).
#[inline(always)]
pub(crate) fn sections<R>(look: impl FnOnce(&Cell<u32>) -> R) -> R {
    OWN.with(|own| look(&own.sections))
}
