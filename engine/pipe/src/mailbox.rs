//! A queue of commands from many threads to one, and the wakers of whoever waits for them.
//!
//! Commands are rare next to messages: a pipe attached, a log readable again. The owner asks
//! [`Mailbox::pending`] before every operation, which is one relaxed load of a line that hardly ever
//! changes.

use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use std::task::Waker;

/// Commands for one receiver.
pub struct Mailbox<T> {
    queue: SegQueue<T>,
    pending: CachePadded<AtomicBool>,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Mailbox<T> {
    /// An empty mailbox.
    pub fn new() -> Self {
        Self {
            queue: SegQueue::new(),
            pending: CachePadded::new(AtomicBool::new(false)),
        }
    }

    /// Leaves a command; `true` when the receiver has to be woken, because it may have looked before.
    #[must_use]
    pub fn post(&self, command: T) -> bool {
        self.queue.push(command);
        // SeqCst: in one order with the receiver's registration as a waiter (`Waiters`) and with the
        // swap in `drain`: a command is seen by the drain that cleared the flag, or sets it again.
        !self.pending.swap(true, Ordering::SeqCst)
    }

    /// Whether there may be commands.
    #[inline(always)]
    pub fn pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// As [`pending`](Self::pending), ordered after the caller's registration as a waiter.
    pub fn pending_for_waiter(&self) -> bool {
        self.pending.load(Ordering::SeqCst)
    }

    /// Declares that everything posted so far is about to be [taken](Self::take).
    pub fn begin(&self) {
        self.pending.swap(false, Ordering::SeqCst);
    }

    /// Takes one command. Call [`begin`](Self::begin) first, then this until it gives `None`.
    pub fn take(&self) -> Option<T> {
        self.queue.pop()
    }
}

/// Threads and tasks that wait for something that has no descriptor.
///
/// Protocol: a waiter registers, then looks at the condition once more, then sleeps. Whoever makes the
/// condition true calls [`wake`](Self::wake) afterwards. Both sides use SeqCst operations, so that one
/// of the two sees the other.
#[derive(Default)]
pub struct Waiters {
    count: AtomicUsize,
    wakers: Mutex<Vec<(u64, Waker)>>,
    next: std::sync::atomic::AtomicU64,
}

impl Waiters {
    /// No waiters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a waiter; it stays until it is [removed](Self::remove) with the key returned.
    pub fn add(&self, waker: Waker) -> u64 {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.wakers).push((key, waker));
        self.count.fetch_add(1, Ordering::SeqCst);
        key
    }

    /// Replaces the waker of a waiter.
    pub fn update(&self, key: u64, waker: &Waker) {
        if let Some((_, old)) = lock(&self.wakers).iter_mut().find(|(k, _)| *k == key) {
            old.clone_from(waker);
        }
    }

    /// Removes a waiter.
    pub fn remove(&self, key: u64) {
        let mut wakers = lock(&self.wakers);
        if let Some(at) = wakers.iter().position(|(k, _)| *k == key) {
            wakers.swap_remove(at);
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Wakes everyone who waits: they look at the condition again.
    #[inline]
    pub fn wake(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        // Copies, so that no waker runs under the lock: it may do anything.
        let wakers: Vec<Waker> = lock(&self.wakers).iter().map(|(_, w)| w.clone()).collect();
        for waker in wakers {
            waker.wake();
        }
    }
}
