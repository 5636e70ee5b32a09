//! A pipe direction that keeps only the latest message (ZeroMQ's CONFLATE).
//!
//! One slot under a lock: the writer replaces what is in it, the reader takes it. There is no
//! high-water mark to reach. Only single-frame messages: each frame replaces the one before.

use crate::log::{Refused, Sleep};
use crate::message::Message;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::wake::{Notify, WakeSlot};

struct Shared {
    slot: Mutex<Option<Message>>,
    writer_gone: AtomicBool,
    reader_gone: AtomicBool,
    replaced: AtomicU64,
    wake_reader: WakeSlot,
}

/// Makes a direction that keeps the latest message only.
///
/// # Examples
/// ```
/// use ringmq_pipe::{Message, latest};
/// let (mut writer, mut reader) = latest();
/// writer.write(&mut Message::from("old")).expect("reader is there");
/// writer.write(&mut Message::from("new")).expect("reader is there");
/// assert_eq!(reader.read().expect("the latest"), *b"new");
/// assert!(reader.read().is_none());
/// assert_eq!(writer.replaced(), 1);
/// ```
pub fn latest() -> (LatestWriter, LatestReader) {
    let shared = Arc::new(Shared {
        slot: Mutex::new(None),
        writer_gone: AtomicBool::new(false),
        reader_gone: AtomicBool::new(false),
        replaced: AtomicU64::new(0),
        wake_reader: WakeSlot::new(),
    });
    (LatestWriter(shared.clone()), LatestReader(shared))
}

/// The writing end of [`latest`].
pub struct LatestWriter(Arc<Shared>);

impl LatestWriter {
    /// Puts `message` in place of whatever was not read yet, and leaves it empty.
    ///
    /// # Errors
    /// [`Refused::Closed`] when the reader is gone.
    pub fn write(&mut self, message: &mut Message) -> Result<(), Refused> {
        if self.closed() {
            return Err(Refused::Closed);
        }
        let mut latest = std::mem::take(message);
        latest.set_more(false);
        let old = lock(&self.0.slot).replace(latest);
        if old.is_some() {
            self.0.replaced.fetch_add(1, Ordering::Relaxed);
        } else {
            self.0.wake_reader.readable();
        }
        Ok(())
    }

    /// Whether the reader is gone.
    pub fn closed(&self) -> bool {
        self.0.reader_gone.load(Ordering::Acquire)
    }

    /// Messages that a later one took the place of.
    pub fn replaced(&self) -> u64 {
        self.0.replaced.load(Ordering::Relaxed)
    }
}

impl Drop for LatestWriter {
    fn drop(&mut self) {
        self.0.writer_gone.store(true, Ordering::Release);
        self.0.wake_reader.readable();
    }
}

/// The reading end of [`latest`].
pub struct LatestReader(Arc<Shared>);

impl LatestReader {
    /// Says who is told when there is something to read. Look once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.0.wake_reader.install(notify, key);
    }

    /// Takes the latest message.
    pub fn read(&mut self) -> Option<Message> {
        lock(&self.0.slot).take()
    }

    /// Whether there is a message.
    pub fn ready(&self) -> bool {
        lock(&self.0.slot).is_some()
    }

    /// The notifier is told of every message that finds the slot empty: sleeping takes no more than
    /// a look.
    pub fn check(&self) -> Sleep {
        if self.ready() || self.0.writer_gone.load(Ordering::Acquire) {
            Sleep::Ready
        } else {
            Sleep::Asleep
        }
    }

    /// Whether the writer is gone. There may be a message left.
    pub fn is_closed(&self) -> bool {
        self.0.writer_gone.load(Ordering::Acquire)
    }

    /// Whether the writer is gone and nothing is left.
    pub fn ended(&self) -> bool {
        self.0.writer_gone.load(Ordering::Acquire) && !self.ready()
    }
}

impl Drop for LatestReader {
    fn drop(&mut self) {
        self.0.wake_reader.clear();
        self.0.reader_gone.store(true, Ordering::Release);
    }
}
