//! Who to tell when the other end of a log has something: a slot that each end fills in for itself.

use crate::sync::{Mutex, lock};
use std::sync::Arc;

/// Receives the news of a log. Called from the thread at the other end: must be quick, must not
/// block, must not call back into the log.
pub trait Notify: Send + Sync {
    /// The log that the end named `key` reads has messages again, or was closed by its writer.
    fn readable(&self, key: usize);
    /// The log that the end named `key` writes has room again, or was closed by its reader.
    fn writable(&self, key: usize);

    /// As [`readable`](Self::readable), told by the writing thread itself between two of its messages:
    /// as long as this runs, nothing more is written, and what there is may be read on the spot.
    /// A writer that is `yield_when_full` would rather wait a moment than have much pile up.
    fn written(&self, key: usize, _yield_when_full: bool) {
        self.readable(key);
    }

    /// The writing thread has no room for its next message, or has written as much as is worth a read:
    /// what there is may be read on the spot, as with [`written`](Self::written).
    fn full(&self, _key: usize, _yield_when_full: bool) {}
}

/// The notifier of one end, absent until that end has found its place.
///
/// An end that installs itself must look at its log once afterwards: news from before went nowhere.
/// A notifier may still be told once after its end was dropped, by a thread that had begun before.
///
/// Notifiers are told and dropped without the lock held: dropping one may drop the log's other end.
pub(crate) struct WakeSlot(Mutex<Option<(Arc<dyn Notify>, usize)>>);

impl WakeSlot {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn install(&self, notify: Arc<dyn Notify>, key: usize) {
        let old = lock(&self.0).replace((notify, key));
        drop(old);
    }

    pub(crate) fn clear(&self) {
        let old = lock(&self.0).take();
        drop(old);
    }

    pub(crate) fn readable(&self) {
        if let Some((notify, key)) = self.target() {
            notify.readable(key);
        }
    }

    pub(crate) fn written(&self, yield_when_full: bool) {
        if let Some((notify, key)) = self.target() {
            notify.written(key, yield_when_full);
        }
    }

    pub(crate) fn full(&self, yield_when_full: bool) {
        if let Some((notify, key)) = self.target() {
            notify.full(key, yield_when_full);
        }
    }

    pub(crate) fn writable(&self) {
        if let Some((notify, key)) = self.target() {
            notify.writable(key);
        }
    }

    /// A copy, so that the notifier runs without the lock held.
    fn target(&self) -> Option<(Arc<dyn Notify>, usize)> {
        lock(&self.0).clone()
    }
}
