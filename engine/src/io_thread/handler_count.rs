//! How many handlers there are on all I/O threads of an engine, and a way to wait until there are none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct HandlerCount {
    count: Mutex<usize>,
    empty: Condvar,
}

impl HandlerCount {
    fn change(&self, by: isize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_add_signed(by);
        if *count == 0 {
            self.empty.notify_all();
        }
    }

    pub(crate) fn wait_empty(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count > 0 {
            count = self.empty.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
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
