//! What ends a poller's waits before anything is ready: a change of its set, and its waker.

use ringmq_pipe::Waiters;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// What ends waits before their time. There may be a wake-up too many, and never one too few: who wakes says
/// so first and then looks who is registered, who waits registers first and then looks what was said.
#[derive(Default)]
pub(super) struct PollSignal {
    /// One wait, the next if none is under way, is to end.
    woken: AtomicBool,
    /// Who waits.
    waiters: Waiters,
}

impl PollSignal {
    /// Has those who wait look whether the set is another one.
    pub(super) fn tell(&self) {
        self.waiters.wake();
    }

    /// Whether this wait is the one that is to end.
    pub(super) fn take(&self) -> bool {
        // AcqRel: pairs with the swap in `wake_by_ref`, so that what was done before a wake is seen after it.
        self.woken.load(Ordering::Relaxed) && self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for PollSignal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: pairs with the swap in `take`. Whoever finds it woken already has nothing to add: who has
        // woken it tells those who wait.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.tell();
        }
    }
}

/// A thread that waits, while changes and wake-ups are told to it.
pub(super) struct Told<'a> {
    signal: &'a PollSignal,
    key: u64,
}

impl<'a> Told<'a> {
    pub(super) fn of_thread(signal: &'a PollSignal, waker: Waker) -> Self {
        Self { signal, key: signal.waiters.add_thread(waker) }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.signal.waiters.remove(self.key);
    }
}
