//! A lock that costs next to nothing to the one thread that nearly always takes it.
//!
//! A socket may be shared between threads, and hardly ever is. An ordinary lock makes every message
//! pay two atomic operations for the others that do not come. This one is biased: its owner takes it
//! with two plain stores and a few loads. Another thread first takes the bias away, which costs it an
//! ordinary lock and a [`heavy`](crate::barrier::heavy) barrier, and a thread that keeps coming alone
//! becomes the owner in its turn.
//!
//! Invariants: the data is touched only by the owner while `held` is set and `owner` names it, or by
//! whoever has the ordinary lock while `owner` names nobody and `held` is not set. Only the holder of
//! the ordinary lock changes `owner`.
#![allow(unsafe_code)]

use crate::barrier;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// Nobody owns the bias.
const NOBODY: u64 = 0;
/// How often a thread must take the lock without another in between, to become its owner.
const FAITHFUL: u32 = 32;

/// See the [module's documentation](self).
pub struct Exclusive<T> {
    /// The thread with the bias.
    owner: AtomicU64,
    /// The owner is inside.
    held: AtomicBool,
    slow: CachePadded<Mutex<()>>,
    /// Who took the ordinary lock last, and how often in a row.
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
    #[inline(always)]
    pub(super) fn id() -> u64 {
        let id = ID.get();
        if id == 0 { assign() } else { id }
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
    use std::cell::Cell;

    loom::thread_local! {
        static ID: Cell<u64> = Cell::new(0);
    }

    /// Models name their threads themselves.
    pub(super) fn id() -> u64 {
        ID.with(Cell::get)
    }

    pub(super) fn set_id(id: u64) {
        ID.with(|cell| cell.set(id));
    }
}

/// Names the calling thread of a model, with a number above zero.
#[cfg(loom)]
pub fn name_model_thread(id: u64) {
    thread::set_id(id);
}

impl<T> Exclusive<T> {
    /// A lock without an owner.
    pub fn new(data: T) -> Self {
        barrier::init();
        Self {
            owner: AtomicU64::new(NOBODY),
            held: AtomicBool::new(false),
            slow: CachePadded::new(Mutex::new(())),
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
        let me = thread::id();
        if self.owner.load(Ordering::Relaxed) == me {
            assert!(!self.held.load(Ordering::Relaxed), "a lock was taken twice by one thread");
            self.held.store(true, Ordering::Relaxed);
            // Pairs with the heavy barrier in `take_bias`: either we see here that the bias is gone,
            // or the one who takes it sees `held`.
            barrier::light();
            if self.owner.load(Ordering::Relaxed) == me {
                return ExclusiveGuard { lock: self, slow: None, data: PhantomData };
            }
            self.held.store(false, Ordering::Release);
        }
        self.lock_slow(me)
    }

    #[cold]
    fn lock_slow(&self, me: u64) -> ExclusiveGuard<'_, T> {
        let guard = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if self.owner.load(Ordering::Relaxed) != NOBODY {
            self.take_bias();
        }
        ExclusiveGuard { lock: self, slow: Some((guard, me)), data: PhantomData }
    }

    fn take_bias(&self) {
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.row.store(0, Ordering::Relaxed);
        barrier::heavy();
        // Acquire: pairs with the Release when the owner leaves; what it did is seen here.
        while self.held.load(Ordering::Acquire) {
            crate::sync::yield_now();
        }
    }

    /// Makes the holder of the ordinary lock the owner if it has come alone for a while.
    fn consider(&self, me: u64) {
        let row = if self.last.load(Ordering::Relaxed) == me {
            self.row.load(Ordering::Relaxed) + 1
        } else {
            self.last.store(me, Ordering::Relaxed);
            0
        };
        self.row.store(row, Ordering::Relaxed);
        if row >= FAITHFUL {
            self.row.store(0, Ordering::Relaxed);
            // Relaxed: only this thread acts on its own name.
            self.owner.store(me, Ordering::Relaxed);
        }
    }
}

/// The data, until it is dropped. Not to be sent to another thread.
pub struct ExclusiveGuard<'a, T> {
    lock: &'a Exclusive<T>,
    /// The ordinary lock and who took it; `None` for the owner. (Its guard also keeps this one from
    /// being sent.)
    slow: Option<(MutexGuard<'a, ()>, u64)>,
    /// Shared between threads only if the data may be.
    data: PhantomData<&'a mut T>,
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
        match &self.slow {
            // Release: pairs with the Acquire in `take_bias`.
            None => self.lock.held.store(false, Ordering::Release),
            Some((_, me)) => self.lock.consider(*me),
        }
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
