//! How many handlers there are on all I/O threads of an engine, and a way to wait until there are none.

use ringmq_pipe::Waiters;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct HandlerCount {
    count: Mutex<usize>,
    empty: Condvar,
    /// Tasks that wait for that.
    pub(crate) waiters: Waiters,
}

impl HandlerCount {
    fn change(&self, by: isize) {
        let mut count = self.lock();
        *count = count.saturating_add_signed(by);
        let empty = *count == 0;
        drop(count);
        if empty {
            self.empty.notify_all();
            self.waiters.wake();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self.lock() == 0
    }

    /// Waits until there are none, or until a time (`None`: for ever); whether there are none.
    pub(crate) fn wait_empty(&self, until: Option<Instant>) -> bool {
        let mut count = self.lock();
        while *count > 0 {
            let Some(until) = until else {
                count = self.empty.wait(count).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.empty.wait_timeout(count, left);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handlers of one thread.
pub(crate) struct ThreadLoad {
    /// Handlers on all threads.
    all: Arc<HandlerCount>,
    /// How many of them are here.
    load: AtomicUsize,
}

impl ThreadLoad {
    pub(crate) fn new(all: Arc<HandlerCount>) -> Self {
        Self { all, load: AtomicUsize::new(0) }
    }

    /// How many handlers there are.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }
}

/// A handler's entry in the register. It goes where the handler goes and ends with it, however that
/// comes about: removed, thrown away with its thread, or never put in its place.
pub(crate) struct HandlerGuard(Arc<ThreadLoad>);

impl HandlerGuard {
    /// Counts a handler of a thread.
    pub(crate) fn new(load: &Arc<ThreadLoad>) -> Self {
        load.all.change(1);
        load.load.fetch_add(1, Ordering::Relaxed);
        Self(load.clone())
    }
}

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
        self.0.all.change(-1);
    }
}
