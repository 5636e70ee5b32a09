//! How many handlers there are on all I/O threads of an engine, and a way to wait until there are none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Population {
    count: Mutex<usize>,
    empty: Condvar,
}

impl Population {
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
pub(crate) struct District {
    /// Handlers on all threads.
    all: Arc<Population>,
    /// How many of them are here.
    load: AtomicUsize,
}

impl District {
    pub(crate) fn new(all: Arc<Population>) -> Self {
        Self { all, load: AtomicUsize::new(0) }
    }

    /// How many handlers there are.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }
}

/// A handler's entry in the register. It goes where the handler goes and ends with it, however that
/// comes about: removed, thrown away with its thread, or never put in its place.
pub(crate) struct Resident(Arc<District>);

impl Resident {
    /// Counts a handler of a thread.
    pub(crate) fn new(district: &Arc<District>) -> Self {
        district.all.change(1);
        district.load.fetch_add(1, Ordering::Relaxed);
        Self(district.clone())
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
        self.0.all.change(-1);
    }
}
