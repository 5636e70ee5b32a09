//! A queue of commands from many threads to one.
//!
//! Commands are rare next to messages: a pipe attached, a log readable again. The owner asks
//! [`Mailbox::pending`] before every operation, which is one relaxed load of a line that hardly ever
//! changes.

#[cfg(doc)]
use super::waiters::Waiters;
use crate::sync::{AtomicBool, Ordering, Queue};
use crossbeam_utils::CachePadded;

/// Commands for one receiver.
pub struct Mailbox<T> {
    queue: Queue<T>,
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
        Self { queue: Queue::new(), pending: CachePadded::new(AtomicBool::new(false)) }
    }

    /// Leaves a command; `true` when the receiver has to be woken, because it may have looked before.
    #[must_use]
    pub fn post(&self, command: T) -> bool {
        self.queue.push(command);
        // AcqRel: pairs with the swap in `begin`: either that comes later and sees the command, or
        // this one finds the flag cleared and sets it again.
        !self.pending.swap(true, Ordering::AcqRel)
    }

    /// Whether there may be commands.
    #[inline(always)]
    pub fn pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// As [`pending`](Self::pending), for one who has [registered](Waiters::add) as a waiter and is
    /// about to sleep: what [`Waiters::wake`] has not woken it for, it sees here.
    pub fn pending_for_waiter(&self) -> bool {
        // Relaxed: the fence in `Waiters::add` came before.
        self.pending.load(Ordering::Relaxed)
    }

    /// Declares that everything posted so far is about to be [taken](Self::take).
    pub fn begin(&self) {
        // AcqRel: pairs with the swap in `post`.
        self.pending.swap(false, Ordering::AcqRel);
    }

    /// Takes one command. Call [`begin`](Self::begin) first, then this until it gives `None`.
    pub fn take(&self) -> Option<T> {
        self.queue.pop()
    }
}
