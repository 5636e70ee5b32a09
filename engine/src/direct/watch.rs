//! Tasks that wait for a connection to have something to read.
//!
//! A thread that waits holds the reading half all the while. A task must not: it may not be polled again for
//! long, or be polled by another thread. So it leaves the half lent and held by nobody, is told by the reactor
//! of its runtime, and takes the half when it is polled. That somebody waits, the session has to know: it
//! takes back what is left alone.

use super::Direct;
use crate::io_thread::handler::Notice;
use std::sync::atomic::{AtomicU32, Ordering};

/// The session relies on those who wait: the last of them is to tell.
const RELIED_ON: u32 = 1;
/// One who waits.
const ONE: u32 = 2;

/// Polls for which the I/O thread reads when tasks have not come for what there was: their runtime does not
/// turn, or is busy with other things.
const DISTRUST: u32 = 256;

/// Who waits without holding anything.
#[derive(Default)]
pub(super) struct Watchers {
    /// Their number, times [`ONE`], and [`RELIED_ON`].
    count: AtomicU32,
    /// Polls to come for which they are not to be relied on. A figure to go by: relaxed throughout.
    distrust: AtomicU32,
}

impl Direct {
    /// A task waits until [`unwatch`](Self::unwatch).
    pub fn watch(&self) {
        // Relaxed: a session that does not see it reads by itself.
        self.watchers.count.fetch_add(ONE, Ordering::Relaxed);
    }

    /// A task does not wait any more.
    pub fn unwatch(&self) {
        // AcqRel: pairs with that in `rely_on_watchers`, so that one of the two sees the other.
        let left = self.watchers.count.fetch_sub(ONE, Ordering::AcqRel) - ONE;
        if left == RELIED_ON {
            // Unless another one has come meanwhile, who tells then.
            let count = &self.watchers.count;
            let told = count.compare_exchange(RELIED_ON, 0, Ordering::AcqRel, Ordering::Relaxed);
            if told.is_ok() {
                self.io.tell(self.token, Notice::Writable);
            }
        }
    }

    /// Whether tasks may read this connection by themselves. To be asked at each poll of one that waits.
    pub fn trusts_tasks(&self) -> bool {
        let distrust = self.watchers.distrust.load(Ordering::Relaxed);
        if distrust > 0 {
            self.watchers.distrust.store(distrust - 1, Ordering::Relaxed);
        }
        distrust == 0
    }

    /// Whether somebody waits; if so, the session is told when nobody does any more.
    pub(crate) fn rely_on_watchers(&self) -> bool {
        let relied_on = |count| (count >= ONE).then_some(count | RELIED_ON);
        // AcqRel: see `unwatch`.
        let count = &self.watchers.count;
        count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, relied_on).is_ok()
    }

    /// Those who wait have not come for what there is.
    pub(crate) fn distrust_watchers(&self) {
        self.watchers.distrust.store(DISTRUST, Ordering::Relaxed);
    }
}
