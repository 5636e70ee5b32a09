//! A lock that costs next to nothing to the one thread that nearly always takes it.
//!
//! A socket may be shared between threads, and hardly ever is. An ordinary lock makes every message
//! pay two atomic operations for the others that do not come. This one is biased: its owner takes it
//! with two plain stores and a few loads. Another thread first takes the bias away, which costs it an
//! ordinary lock and a [`heavy`](crate::barrier::heavy) barrier, and a thread that keeps coming alone
//! becomes the owner in its turn.
//!
//! Each term of an owner has a flag of its own, `held[term]`, which nobody else ever writes: a thread
//! that lost the bias may notice only much later, and what it then does to its flag must not tell
//! anything about the owner that came after it. So there are only so many terms; a lock that has used
//! them up, because it wandered from thread to thread, is an ordinary one from then on.
//!
//! Invariants: the data is touched only by the owner while its flag is set and `owner` names it, or by
//! whoever has the ordinary lock while `owner` names nobody and the last owner's flag is not set. Only
//! the holder of the ordinary lock changes `owner`.
#![allow(unsafe_code)]

use crate::barrier;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// Nobody owns the bias. Not zero: that is what a thread without a number has for one.
const NOBODY: u64 = u64::MAX;
/// Terms of owners in the life of a lock: enough for a socket that is made in one thread, handed to
/// another now and then, and closed in a third.
const TERMS: u64 = if cfg!(loom) { 2 } else { 16 };
/// How often a thread must take the lock without another in between, to become its owner.
const FAITHFUL: u32 = if cfg!(loom) { 1 } else { 32 };

/// A lock that costs next to nothing to the one thread that nearly always takes it; other threads
/// that come pay for that with a system call each time the ownership ends.
pub struct Exclusive<T> {
    /// The thread with the bias, times `TERMS`, plus which term that is.
    owner: AtomicU64,
    /// The owner of a term is inside, or was until it found that its term is over.
    held: [AtomicBool; TERMS as usize],
    slow: CachePadded<Mutex<()>>,
    /// The next term; who took the ordinary lock last, and how often in a row. All three belong to
    /// the holder of the ordinary lock.
    term: AtomicU64,
    last: AtomicU64,
    row: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands the data to one thread at a time.
unsafe impl<T: Send> Sync for Exclusive<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Exclusive<T> {}

#[cfg(not(loom))]
mod thread {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);

    thread_local! {
        static ID: Cell<u64> = const { Cell::new(0) };
    }

    /// A number that no other thread has or had.
    #[inline]
    pub(super) fn id() -> u64 {
        let id = known_id();
        if id == 0 { assign() } else { id }
    }

    /// The same, or zero if the thread has never been asked.
    #[inline(always)]
    pub(super) fn known_id() -> u64 {
        ID.get()
    }

    #[cold]
    fn assign() -> u64 {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ID.set(id);
        id
    }
}

#[cfg(loom)]
mod thread {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);

    loom::thread_local! {
        static ID: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn id() -> u64 {
        ID.with(|id| *id)
    }

    pub(super) use id as known_id;
}

impl<T> Exclusive<T> {
    /// A lock without an owner.
    pub fn new(data: T) -> Self {
        barrier::init();
        Self {
            owner: AtomicU64::new(NOBODY),
            held: std::array::from_fn(|_| AtomicBool::new(false)),
            slow: CachePadded::new(Mutex::new(())),
            term: AtomicU64::new(0),
            last: AtomicU64::new(NOBODY),
            row: AtomicU32::new(0),
            data: UnsafeCell::new(data),
        }
    }

    /// Waits until the data is free and takes it.
    ///
    /// # Panics
    /// If the calling thread has it already.
    #[inline(always)]
    pub fn lock(&self) -> ExclusiveGuard<'_, T> {
        match self.enter_as_owner() {
            Some(held) => {
                ExclusiveGuard { lock: self, right: Right::Owner(held), data: PhantomData }
            }
            None => self.lock_slow(thread::id()),
        }
    }

    /// Takes the data if the lock is biased to the calling thread, which costs least; else `None`, and
    /// then [`lock`](Self::lock) is to be asked.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[inline(always)]
    pub fn lock_as_owner(&self) -> Option<OwnerGuard<'_, T>> {
        self.enter_as_owner().map(|held| OwnerGuard { lock: self, held, data: PhantomData })
    }

    /// Sets the flag of the calling thread's term, if the bias is its.
    #[inline(always)]
    fn enter_as_owner(&self) -> Option<&AtomicBool> {
        let owner = self.owner.load(Ordering::Relaxed);
        if owner / TERMS != thread::known_id() {
            return None;
        }
        let held = &self.held[(owner % TERMS) as usize];
        assert!(!held.load(Ordering::Relaxed), "a lock was taken twice by one thread");
        held.store(true, Ordering::Relaxed);
        // Pairs with the heavy barrier in `take_bias`: either we see here that the bias is gone,
        // or the one who takes it sees `held`.
        barrier::light();
        if self.owner.load(Ordering::Relaxed) == owner {
            return Some(held);
        }
        held.store(false, Ordering::Release);
        None
    }

    #[cold]
    fn lock_slow(&self, me: u64) -> ExclusiveGuard<'_, T> {
        let guard = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != NOBODY {
            self.take_bias(&self.held[(owner % TERMS) as usize]);
        }
        ExclusiveGuard { lock: self, right: Right::Ordinary(guard, me), data: PhantomData }
    }

    /// Ends the term of the owner whose flag is `held`, and waits until it is outside.
    fn take_bias(&self, held: &AtomicBool) {
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.row.store(0, Ordering::Relaxed);
        barrier::heavy();
        // Acquire: pairs with the Release when the owner leaves; what it did is seen here.
        while held.load(Ordering::Acquire) {
            crate::sync::yield_now();
        }
    }

    /// Makes the holder of the ordinary lock the owner if it has come alone for a while.
    fn consider(&self, me: u64) {
        let row = if self.last.load(Ordering::Relaxed) == me {
            self.row.load(Ordering::Relaxed).saturating_add(1)
        } else {
            self.last.store(me, Ordering::Relaxed);
            1
        };
        self.row.store(row, Ordering::Relaxed);
        let term = self.term.load(Ordering::Relaxed);
        if row >= FAITHFUL && term < TERMS {
            self.row.store(0, Ordering::Relaxed);
            self.term.store(term + 1, Ordering::Relaxed);
            // Relaxed: only this thread acts on its own name.
            self.owner.store(me * TERMS + term, Ordering::Relaxed);
        }
    }
}

/// The data, until it is dropped. Not to be sent to another thread.
pub struct ExclusiveGuard<'a, T> {
    lock: &'a Exclusive<T>,
    right: Right<'a>,
    /// Shared between threads only if the data may be.
    data: PhantomData<&'a mut T>,
}

/// What the holder of the data has. (The ordinary guard also keeps ours from being sent.)
enum Right<'a> {
    /// The bias: the flag of its term is set.
    Owner(&'a AtomicBool),
    /// The ordinary lock, and who took it.
    Ordinary(#[expect(dead_code, reason = "dropped last")] MutexGuard<'a, ()>, u64),
}

impl<T> Deref for ExclusiveGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for one of the two rights that the module's documentation names.
        self.lock.data.with_mut(|data| unsafe { &*data })
    }
}

impl<T> DerefMut for ExclusiveGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

impl<T> Drop for ExclusiveGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        match &self.right {
            // Release: pairs with the Acquire in `take_bias`.
            Right::Owner(held) => held.store(false, Ordering::Release),
            Right::Ordinary(_, me) => self.lock.consider(*me),
        }
    }
}

/// As [`ExclusiveGuard`], of the thread that the lock is biased to.
pub struct OwnerGuard<'a, T> {
    lock: &'a Exclusive<T>,
    /// The flag of the owner's term, which is set.
    held: &'a AtomicBool,
    /// Shared between threads only if the data may be; not to be sent to another.
    data: PhantomData<(&'a mut T, *const ())>,
}

impl<T> Deref for OwnerGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for the first of the two rights that the module's documentation
        // names.
        self.lock.data.with_mut(|data| unsafe { &*data })
    }
}

impl<T> DerefMut for OwnerGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

impl<T> Drop for OwnerGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take_bias`.
        self.held.store(false, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn threads_that_come_and_go_never_meet() {
        let counter = Arc::new(Exclusive::new(0u64));
        let threads: Vec<_> = (0..3u64)
            .map(|number| {
                let counter = counter.clone();
                std::thread::spawn(move || {
                    for round in 0..20_000u64 {
                        *counter.lock() += 1;
                        if round % (97 + number) == 0 {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(*counter.lock(), 60_000);
    }

    #[test]
    fn a_panic_inside_leaves_the_lock_usable() {
        let lock = Exclusive::new(0);
        for _ in 0..100 {
            *lock.lock() += 1;
        }
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        let taken = std::thread::scope(|scope| scope.spawn(|| *lock.lock()).join());
        assert_eq!(taken.expect("no panic"), 100);
    }
}
