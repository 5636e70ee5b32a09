//! The wakers of those who wait for something that has no descriptor.

use super::foreign;
use crate::sync::{AtomicUsize, Mutex, Ordering, fence, lock};
use smallvec::SmallVec;
use std::task::Waker;

/// Threads and tasks that wait for something that has no descriptor.
///
/// Protocol: a waiter registers, then looks at the condition once more, then sleeps. Whoever makes the
/// condition true calls [`wake`](Self::wake) afterwards. Both have a full fence between their two
/// steps, so that one of the two sees the other, whatever the condition is made of.
///
/// No waker is woken or dropped under a lock, neither the one in here nor a [`Section`](crate::Section) of
/// the caller's: it may do anything, such as drop the future that is registered here.
#[derive(Default)]
pub struct Waiters {
    count: AtomicUsize,
    /// By key; and whether it only wakes a thread.
    wakers: Mutex<Vec<(u64, Waker, bool)>>,
    next: std::sync::atomic::AtomicU64,
}

impl Waiters {
    /// No waiters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a waiter; it stays until it is [removed](Self::remove) with the key returned.
    pub fn add(&self, waker: Waker) -> u64 {
        self.insert(waker, false)
    }

    /// As [`add`](Self::add), with a waker of the library's own, which only wakes a thread: so it is woken at
    /// once, and can go on beside what is still done in a section of the waking one.
    pub fn add_thread(&self, waker: Waker) -> u64 {
        self.insert(waker, true)
    }

    fn insert(&self, waker: Waker, only_thread: bool) -> u64 {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.wakers).push((key, waker, only_thread));
        self.count.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `wake`: either that sees this waiter, or what the waiter looks at
        // next shows what was made true before the wake.
        fence(Ordering::SeqCst);
        key
    }

    /// Replaces the waker of a waiter, unless that wakes the same task.
    pub fn update(&self, key: u64, waker: &Waker) {
        let is_same = |(k, old, _): &(u64, Waker, bool)| *k == key && old.will_wake(waker);
        if lock(&self.wakers).iter().any(is_same) {
            return;
        }
        let mut new = waker.clone();
        if let Some((_, old, _)) = lock(&self.wakers).iter_mut().find(|(k, ..)| *k == key) {
            std::mem::swap(old, &mut new);
        }
        foreign::drop_waker(new);
    }

    /// Removes a waiter.
    pub fn remove(&self, key: u64) {
        let mut wakers = lock(&self.wakers);
        let at = wakers.iter().position(|(k, ..)| *k == key);
        let gone = at.map(|at| wakers.swap_remove(at));
        drop(wakers);
        if let Some((_, waker, _)) = gone {
            // Relaxed: a count that is too high for a moment costs a look at the list.
            self.count.fetch_sub(1, Ordering::Relaxed);
            foreign::drop_waker(waker);
        }
    }

    /// Wakes everyone who waits: they look at the condition again.
    #[inline]
    pub fn wake(&self) {
        // Pairs with the fence in `add`.
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) > 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        // Hardly ever more than one or two.
        let wakers: SmallVec<[(Waker, bool); 4]> =
            lock(&self.wakers).iter().map(|(_, waker, only)| (waker.clone(), *only)).collect();
        for (waker, only_thread) in wakers {
            if only_thread { waker.wake() } else { foreign::wake(waker) }
        }
    }
}
