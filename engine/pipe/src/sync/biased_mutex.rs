//! A lock that costs next to nothing to the one thread that nearly always takes it.
//!
//! A socket may be shared between threads, and hardly ever is. An ordinary lock makes every message
//! pay two atomic operations for the others that do not come. This one is biased: its owner takes
//! it with two plain stores and a few loads. Another thread first takes the bias away, which costs
//! it an ordinary lock and a [`heavy`](crate::sync::asymmetric_fence::heavy) barrier, and a thread
//! that keeps coming alone becomes the owner in its turn.
//!
//! Each thread that becomes the owner has a flag of its own, `held[flag]`, which nobody else ever writes: a
//! thread that lost the bias may notice only much later, and what it then does to its flag must not tell
//! anything about the owner that came after it. So only so many threads can; for others it is an ordinary
//! lock. One that wanders between a few, as a task does between the threads of its runtime, is biased to one
//! after the other, each of which has to come alone for longer than the one before.
//!
//! A thread that takes the bias away while the owner is inside looks again and again whether that has
//! left, asleep in between: the owner may need the very processor that would be spun on, and be of lower
//! priority. To be told instead would cost the owner a barrier more each time that it leaves.
//!
//! Invariants: the data is touched only by the owner while its flag is set and `owner` names it, or by
//! whoever has the ordinary lock while `owner` names nobody and the last owner's flag is not set. Only
//! the holder of the ordinary lock changes `owner`. A flag that is set holds the number of its thread, as
//! `holder` does while the ordinary lock is held: so a thread that is inside already finds itself.
#![allow(unsafe_code)]

use crate::sync::foreign::Section;
use crate::sync::{
    AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, UnsafeCell, asymmetric_fence, thread_number,
};
use crossbeam_utils::CachePadded;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::TryLockError;
use std::time::{Duration, Instant};

/// Nobody owns the bias. Not zero: that is what a thread without a number has for one.
const NOBODY: u64 = u64::MAX;
/// A flag that is not set, or an ordinary lock that is not held: no thread has this number.
const OUT: u64 = 0;
/// In models no thread comes twice, and each look at who is inside would be one more order to try.
const MODEL: bool = cfg!(loom);
/// Threads that can become the owner in the life of a lock: enough for a socket that is made in one thread,
/// handed to another now and then, and closed in a third, and for the threads of a runtime.
const FLAGS: usize = if cfg!(loom) { 2 } else { 16 };
/// How often a thread must take the lock without another in between, to become its owner: the first time,
/// and at the most. It doubles each time, until the barrier that ends an ownership costs little for each of
/// them.
const FAITHFUL: u32 = if cfg!(loom) { 1 } else { 32 };
const FAITHFUL_LATE: u32 = if cfg!(loom) { 1 } else { 2048 };

/// A lock that costs next to nothing to the one thread that nearly always takes it; other threads
/// that come pay for that with a system call each time the ownership ends.
pub struct BiasedMutex<T> {
    /// The thread with the bias, times `FLAGS`, plus which flag it has.
    owner: AtomicU64,
    /// Set while the owner is inside, or until it finds that it is the owner no more.
    held: [AtomicU64; FLAGS],
    slow: CachePadded<Mutex<()>>,
    /// Who has the ordinary lock.
    holder: AtomicU64,
    /// The threads that have flags; who took the ordinary lock last, how often in a row, and how often it has
    /// to. They belong to the holder of the ordinary lock.
    flags: [AtomicU64; FLAGS],
    last: AtomicU64,
    row: AtomicU32,
    faithful: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands the data to one thread at a time.
unsafe impl<T: Send> Sync for BiasedMutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for BiasedMutex<T> {}

/// The calling thread has the lock already: what it is about to do would wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reentered;

impl<T> BiasedMutex<T> {
    /// A lock without an owner.
    pub fn new(data: T) -> Self {
        asymmetric_fence::init();
        Self {
            owner: AtomicU64::new(NOBODY),
            held: std::array::from_fn(|_| AtomicU64::new(OUT)),
            slow: CachePadded::new(Mutex::new(())),
            holder: AtomicU64::new(OUT),
            flags: std::array::from_fn(|_| AtomicU64::new(NOBODY)),
            last: AtomicU64::new(NOBODY),
            row: AtomicU32::new(0),
            faithful: AtomicU32::new(FAITHFUL),
            data: UnsafeCell::new(data),
        }
    }

    /// Waits until the data is free and takes it.
    ///
    /// # Errors
    /// [`Reentered`] if the calling thread has it already.
    #[inline(always)]
    pub fn lock(&self) -> Result<BiasedMutexGuard<'_, T>, Reentered> {
        match self.enter_as_owner() {
            Some(inside) => Ok(self.guard(Right::Owner(inside))),
            None => self.lock_slow(thread_number::number()),
        }
    }

    /// Takes the data if the lock is biased to the calling thread, which costs least; else `None`, and
    /// then [`lock`](Self::lock) is to be asked.
    #[inline(always)]
    pub fn lock_as_owner(&self) -> Option<OwnerGuard<'_, T>> {
        let inside = self.enter_as_owner()?;
        Some(OwnerGuard { inside, _section: Section::enter() })
    }

    fn guard<'a>(&'a self, right: Right<'a, T>) -> BiasedMutexGuard<'a, T> {
        BiasedMutexGuard { lock: self, _right: right, _section: Section::enter() }
    }

    /// Sets the calling thread's flag, if the bias is its and it is not inside.
    #[inline(always)]
    fn enter_as_owner(&self) -> Option<Inside<'_, T>> {
        let owner = self.owner.load(Ordering::Relaxed);
        let me = thread_number::known_number();
        if owner / FLAGS as u64 != me {
            return None;
        }
        let held = self.flag_of(owner);
        if held.load(Ordering::Relaxed) != OUT {
            return None;
        }
        held.store(me, Ordering::Relaxed);
        let inside = Inside { lock: self, held };
        // Pairs with the heavy barrier in `take_bias`: either we see here that the bias is gone,
        // or the one who takes it sees `held`.
        asymmetric_fence::light();
        if self.owner.load(Ordering::Relaxed) == owner { Some(inside) } else { None }
    }

    #[cold]
    fn lock_slow(&self, me: u64) -> Result<BiasedMutexGuard<'_, T>, Reentered> {
        if self.is_inside(me) {
            return Err(Reentered);
        }
        let guard = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        self.note_holder(me);
        let turn = Turn { lock: self, me, _guard: guard };
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != NOBODY {
            self.take_bias(self.flag_of(owner));
        }
        Ok(self.guard(Right::Ordinary(turn)))
    }

    /// As [`lock`](Self::lock), until a time: `None` if somebody else has the data by then.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    #[cfg(not(loom))]
    pub fn lock_until(&self, until: Instant) -> Result<Option<BiasedMutexGuard<'_, T>>, Reentered> {
        if let Some(inside) = self.enter_as_owner() {
            return Ok(Some(self.guard(Right::Owner(inside))));
        }
        let me = thread_number::number();
        if self.is_inside(me) {
            return Err(Reentered);
        }
        let mut pause = Pause::default();
        let guard = loop {
            match self.slow.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
                Err(TryLockError::WouldBlock) => pause.wait(),
            }
        };
        self.note_holder(me);
        let turn = Turn { lock: self, me, _guard: guard };
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != NOBODY {
            let held = self.flag_of(owner);
            if !self.take_bias_until(held, Some(until)) {
                // The owner that is inside goes on as if nobody had come: only the holder of the ordinary
                // lock, which is this thread, changes `owner`, and whoever asks meanwhile waits for that.
                self.owner.store(owner, Ordering::Relaxed);
                return Ok(None);
            }
        }
        Ok(Some(self.guard(Right::Ordinary(turn))))
    }

    /// The flag that is named in `owner`.
    #[inline(always)]
    fn flag_of(&self, owner: u64) -> &AtomicU64 {
        &self.held[(owner % FLAGS as u64) as usize]
    }

    /// Whether the calling thread has the data already, in either way.
    fn is_inside(&self, me: u64) -> bool {
        // Relaxed: only what this thread itself has stored can name it.
        let is_me = |who: &AtomicU64| who.load(Ordering::Relaxed) == me;
        !MODEL && (is_me(&self.holder) || self.held.iter().any(is_me))
    }

    fn note_holder(&self, who: u64) {
        if !MODEL {
            // Relaxed: see `is_inside`.
            self.holder.store(who, Ordering::Relaxed);
        }
    }

    /// Ends the ownership of the thread whose flag is `held`, and waits until it is outside.
    fn take_bias(&self, held: &AtomicU64) {
        self.take_bias_until(held, None);
    }

    /// As [`take_bias`](Self::take_bias); `false` if it is inside at a time.
    fn take_bias_until(&self, held: &AtomicU64, until: Option<Instant>) -> bool {
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.row.store(0, Ordering::Relaxed);
        asymmetric_fence::heavy();
        // Acquire: pairs with the Release when the owner leaves; what it did is seen here.
        let mut pause = Pause::default();
        while held.load(Ordering::Acquire) != OUT {
            if until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
            pause.wait();
        }
        true
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
        let faithful = self.faithful.load(Ordering::Relaxed);
        if row < faithful {
            return;
        }
        self.row.store(0, Ordering::Relaxed);
        let is_free_or_mine = |flag: &AtomicU64| {
            let thread = flag.load(Ordering::Relaxed);
            thread == me || thread == NOBODY
        };
        if let Some(flag) = self.flags.iter().position(is_free_or_mine) {
            self.flags[flag].store(me, Ordering::Relaxed);
            self.faithful.store((2 * faithful).min(FAITHFUL_LATE), Ordering::Relaxed);
            // Relaxed: only this thread acts on its own name.
            self.owner.store(me * FLAGS as u64 + flag as u64, Ordering::Relaxed);
        }
    }
}

/// The pauses of one who looks again and again.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    /// Looks before the first sleep: an owner that runs is outside sooner than any sleep is over.
    const LOOKS: u32 = 64;
    /// The shortest and the longest sleep: at first not much longer than it takes to fall asleep, and in
    /// the end as long as costs next to nothing.
    const SHORTEST: Duration = Duration::from_micros(10);
    const LONGEST: Duration = Duration::from_micros(200);

    fn wait(&mut self) {
        self.0 = self.0.saturating_add(1);
        if cfg!(loom) || self.0 < Self::LOOKS {
            return spin();
        }
        let doubled = Self::SHORTEST * (1 << (self.0 - Self::LOOKS).min(8));
        std::thread::sleep(doubled.min(Self::LONGEST));
    }
}

fn spin() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}

/// An owner that is inside: its flag is set.
struct Inside<'a, T> {
    lock: &'a BiasedMutex<T>,
    held: &'a AtomicU64,
}

impl<T> Drop for Inside<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take_bias`.
        self.held.store(OUT, Ordering::Release);
    }
}

/// The ordinary lock, and who took it.
struct Turn<'a, T> {
    lock: &'a BiasedMutex<T>,
    me: u64,
    _guard: MutexGuard<'a, ()>,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.lock.consider(self.me);
        self.lock.note_holder(OUT);
    }
}

/// What the holder of the data has.
enum Right<'a, T> {
    Owner(#[expect(dead_code, reason = "to be dropped")] Inside<'a, T>),
    Ordinary(#[expect(dead_code, reason = "to be dropped")] Turn<'a, T>),
}

/// The data, until it is dropped. Not to be sent to another thread. No foreign code runs meanwhile; see
/// [`Section`].
pub struct BiasedMutexGuard<'a, T> {
    lock: &'a BiasedMutex<T>,
    _right: Right<'a, T>,
    /// Behind the right, and so dropped after it.
    _section: Section,
}

impl<T> Deref for BiasedMutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for one of the two rights that the module's documentation names.
        self.lock.data.with_mut(|data| unsafe { &*data })
    }
}

impl<T> DerefMut for BiasedMutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

/// As [`BiasedMutexGuard`], of the thread that the lock is biased to.
pub struct OwnerGuard<'a, T> {
    inside: Inside<'a, T>,
    /// Behind that, and so dropped after it.
    _section: Section,
}

impl<T> Deref for OwnerGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for the first of the two rights that the module's documentation
        // names.
        self.inside.lock.data.with_mut(|data| unsafe { &*data })
    }
}

impl<T> DerefMut for OwnerGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.inside.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn threads_that_come_and_go_never_meet() {
        let counter = Arc::new(BiasedMutex::new(0u64));
        let threads: Vec<_> = (0..3u64)
            .map(|number| {
                let counter = counter.clone();
                std::thread::spawn(move || {
                    for round in 0..20_000u64 {
                        *counter.lock().expect("outside") += 1;
                        if round % (97 + number) == 0 {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(*counter.lock().expect("outside"), 60_000);
    }

    #[test]
    fn a_panic_inside_leaves_the_lock_usable() {
        let lock = BiasedMutex::new(0);
        for _ in 0..100 {
            *lock.lock().expect("outside") += 1;
        }
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        let taken =
            std::thread::scope(|scope| scope.spawn(|| *lock.lock().expect("outside")).join());
        assert_eq!(taken.expect("no panic"), 100);
    }

    #[test]
    fn who_waits_until_a_time_leaves_the_owner_as_it_was() {
        let lock = BiasedMutex::new(0);
        for _ in 0..FAITHFUL {
            *lock.lock().expect("outside") += 1;
        }
        let try_now = || {
            let taken = lock.lock_until(Instant::now()).expect("outside");
            taken.map(|mut counter| *counter += 1).is_some()
        };
        let elsewhere =
            || std::thread::scope(|scope| scope.spawn(try_now).join()).expect("no panic");
        let guard = lock.lock_as_owner().expect("its owner");
        assert!(!elsewhere());
        assert!(matches!(lock.lock_until(Instant::now()), Err(Reentered)));
        drop(guard);
        assert!(lock.lock_as_owner().is_some(), "still");
        assert!(elsewhere());
        assert!(lock.lock_as_owner().is_none());
        let guard = lock.lock().expect("outside");
        assert!(!elsewhere());
        drop(guard);
        assert!(try_now());
        assert_eq!(*lock.lock().expect("outside"), FAITHFUL as i32 + 2);
    }

    #[test]
    fn a_thread_that_is_inside_is_told_so() {
        let lock = BiasedMutex::new(0);
        let inside = |lock: &BiasedMutex<i32>| {
            let guard = lock.lock().expect("outside");
            assert!(matches!(lock.lock(), Err(Reentered)) && lock.lock_as_owner().is_none());
            drop(guard);
        };
        inside(&lock); // With the ordinary lock.
        for _ in 0..FAITHFUL {
            *lock.lock().expect("outside") += 1;
        }
        inside(&lock); // As its owner.
        let guard = lock.lock_as_owner().expect("its owner");
        assert!(matches!(lock.lock(), Err(Reentered)) && lock.lock_as_owner().is_none());
        drop(guard);
    }
}
