//! Memory that a stream takes and gives back all the time, kept for reuse as that of blocks is.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Memory for values of a type, in which nothing is alive.
#[cfg(not(any(loom, miri)))]
pub(super) struct Pool<T>(std::sync::Mutex<Vec<Free<T>>>);

#[cfg(not(any(loom, miri)))]
struct Free<T>(Box<MaybeUninit<T>>);
// SAFETY: memory in which nothing is alive.
#[cfg(not(any(loom, miri)))]
unsafe impl<T> Send for Free<T> {}

#[cfg(not(any(loom, miri)))]
impl<T> Pool<T> {
    /// As many as there are blocks in their pool.
    const POOLED: usize = 256;

    pub(super) const fn new() -> Self {
        Self(std::sync::Mutex::new(Vec::new()))
    }

    /// The last one given is the first one taken, as with blocks.
    pub(super) fn take(&self) -> Box<MaybeUninit<T>> {
        let known = crate::sync::lock(&self.0).pop();
        known.map_or_else(Box::new_uninit, |free| free.0)
    }

    pub(super) fn give(&self, memory: Box<MaybeUninit<T>>) {
        let mut pool = crate::sync::lock(&self.0);
        // What there is no room for is freed.
        if pool.len() < Self::POOLED {
            pool.push(Free(memory));
        }
    }
}

/// Models and Miri see every allocation and its end.
#[cfg(any(loom, miri))]
pub(super) struct Pool<T>(std::marker::PhantomData<fn(T)>);

#[cfg(any(loom, miri))]
impl<T> Pool<T> {
    pub(super) const fn new() -> Self {
        Self(std::marker::PhantomData)
    }

    pub(super) fn take(&self) -> Box<MaybeUninit<T>> {
        Box::new_uninit()
    }

    pub(super) fn give(&self, memory: Box<MaybeUninit<T>>) {
        drop(memory);
    }
}
