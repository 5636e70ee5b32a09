//! Who to tell when the other end of a log has something: a slot that each end fills in for itself.

use crate::sync::{Mutex, lock};
use std::sync::Arc;

/// Receives the news of a log. Called from the thread at the other end: sets flags and wakes, and
/// that is all. It must be quick, must not block, and must not call back into the log.
pub trait Notify: Send + Sync {
    /// The log that the end named `key` reads has messages again, or was closed by its writer.
    fn readable(&self, key: usize);
    /// The log that the end named `key` writes has room again, or was closed by its reader.
    fn writable(&self, key: usize);

    /// How many messages the end named `key` has to read, if that can be told. Takes the lock of whoever
    /// reads, so it is for those who have no other.
    fn waiting(&self, _key: usize) -> Option<u64> {
        None
    }
}

/// Reads a log on the thread that writes it, between two of its messages.
///
/// The writer calls it with no lock of the log's held, and writes nothing as long as the call
/// lasts. So it may read the log, make system calls with what it reads, and take as long as that
/// takes: all of it is time of the thread that sends.
pub trait InlineReader: Send + Sync {
    /// As [`Notify::readable`]: not told by the writer between two messages, or nothing is to be
    /// read now.
    fn readable(&self, key: usize);

    /// The log slept, and was written to. A writer that is to `yield_when_full` would rather wait a
    /// moment than have much pile up.
    fn written(&self, key: usize, yield_when_full: bool);

    /// The writer has no room for its next message, or has written as much as is worth a read.
    fn full(&self, key: usize, yield_when_full: bool);
}

#[derive(Clone)]
enum WakeTarget {
    Notify(Arc<dyn Notify>),
    Inline(Arc<dyn InlineReader>),
}

/// The notifier of one end, absent until that end has found its place.
///
/// An end that installs itself must look at its log once afterwards: news from before went nowhere.
/// A notifier may still be told once after its end was dropped, by a thread that had begun before.
///
/// Notifiers are told and dropped without the lock held: dropping one may drop the log's other end.
pub(crate) struct WakeSlot(Mutex<Option<(WakeTarget, usize)>>);

impl WakeSlot {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn install(&self, notify: Arc<dyn Notify>, key: usize) {
        self.replace(Some((WakeTarget::Notify(notify), key)));
    }

    pub(crate) fn install_inline(&self, reader: Arc<dyn InlineReader>, key: usize) {
        self.replace(Some((WakeTarget::Inline(reader), key)));
    }

    pub(crate) fn clear(&self) {
        self.replace(None);
    }

    fn replace(&self, target: Option<(WakeTarget, usize)>) {
        let old = std::mem::replace(&mut *lock(&self.0), target);
        drop(old);
    }

    pub(crate) fn readable(&self) {
        match self.target() {
            Some((WakeTarget::Notify(notify), key)) => notify.readable(key),
            Some((WakeTarget::Inline(reader), key)) => reader.readable(key),
            None => {}
        }
    }

    /// By the writer, between two messages: the reader slept and has something now.
    pub(crate) fn written(&self, yield_when_full: bool) {
        match self.target() {
            Some((WakeTarget::Notify(notify), key)) => notify.readable(key),
            Some((WakeTarget::Inline(reader), key)) => reader.written(key, yield_when_full),
            None => {}
        }
    }

    /// By the writer, between two messages: there is much to be read.
    pub(crate) fn full(&self, yield_when_full: bool) {
        if let Some((WakeTarget::Inline(reader), key)) = self.target() {
            reader.full(key, yield_when_full);
        }
    }

    pub(crate) fn writable(&self) {
        // A reader in line reads, and writes nothing.
        if let Some((WakeTarget::Notify(notify), key)) = self.target() {
            notify.writable(key);
        }
    }

    /// The notifier, unless it reads on the writer's thread.
    pub(crate) fn notify(&self) -> Option<(Arc<dyn Notify>, usize)> {
        match self.target()? {
            (WakeTarget::Notify(notify), key) => Some((notify, key)),
            (WakeTarget::Inline(_), _) => None,
        }
    }

    /// A copy, so that the notifier runs without the lock held.
    fn target(&self) -> Option<(WakeTarget, usize)> {
        lock(&self.0).clone()
    }
}
