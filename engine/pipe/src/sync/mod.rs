//! What threads share: the protocols, one a file, and what they are built from: std's atomics, or
//! loom's when a model is being checked.
//!
//! Beside the atomics there are stand-ins for what loom cannot look into: raw memory ([`Watched`]) and
//! foreign queues ([`Queue`]). Outside models both are free of charge.

pub(crate) mod asymmetric_fence;
pub(crate) mod biased_mutex;
pub(crate) mod foreign;
pub(crate) mod lease;
pub(crate) mod mailbox;
pub(crate) mod notify;
pub(crate) mod sign;
pub(crate) mod thread_number;
pub(crate) mod waiters;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence},
};
pub(crate) use std::sync::atomic::Ordering;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence},
};

/// `UnsafeCell` with loom's checked interface, free of charge otherwise.
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// A stretch of raw memory, byte by byte, of which loom should know who is reading and writing it.
#[cfg(loom)]
pub(crate) struct Watched(Vec<UnsafeCell<()>>);

#[cfg(loom)]
impl Watched {
    pub(crate) fn new(bytes: usize) -> Self {
        Self((0..bytes).map(|_| UnsafeCell::new(())).collect())
    }

    pub(crate) fn write(&self, at: usize, len: usize) {
        self.0[at..at + len].iter().for_each(|byte| byte.with_mut(|_| ()));
    }

    pub(crate) fn read(&self, at: usize, len: usize) {
        self.0[at..at + len].iter().for_each(|byte| byte.with(|_| ()));
    }
}

#[cfg(not(loom))]
pub(crate) struct Watched;

#[cfg(not(loom))]
impl Watched {
    pub(crate) fn new(_: usize) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn write(&self, _: usize, _: usize) {}

    #[inline(always)]
    pub(crate) fn read(&self, _: usize, _: usize) {}
}

#[cfg(not(loom))]
pub(crate) use crossbeam_queue::SegQueue as Queue;

/// An unbounded queue with the promises of `SegQueue` that loom can follow.
#[cfg(loom)]
pub(crate) struct Queue<T>(Mutex<std::collections::VecDeque<T>>);

#[cfg(loom)]
impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(std::collections::VecDeque::new()))
    }

    pub(crate) fn push(&self, value: T) {
        lock(&self.0).push_back(value);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        lock(&self.0).pop_front()
    }
}

/// As below, by trying: ThreadSanitizer sees that, and cannot look into the way of the standard library
/// with a lock that is contended for.
#[cfg(tsan)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> impl std::ops::DerefMut<Target = T> + '_ {
    use std::sync::TryLockError;
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
}

/// Locks a mutex whose data is valid whatever a panicking holder did to it.
#[cfg(not(tsan))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> impl std::ops::DerefMut<Target = T> + '_ {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
