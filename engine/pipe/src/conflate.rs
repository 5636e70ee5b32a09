//! A pipe direction that keeps only the latest message (ZeroMQ's CONFLATE).
//!
//! One slot under a lock: the writer replaces what is in it, the reader takes it. There is no
//! high-water mark to reach. A message of several frames takes its place as a whole, once it is
//! complete. A command is no message: whoever keeps only the latest of what a peer says has no use for
//! any, and it must not take the place of one.

use crate::log::{Sleep, WriteError};
use crate::message::Message;
use crate::message::opaque::Ids;
use crate::message::properties::KnownPeer;
use crate::sync::notify::{InlineReader, Notify, WakeSlot};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock};

/// A message. Most have one frame, and no memory of their own for others.
struct Whole {
    first: Message,
    rest: Vec<Message>,
}

/// What is behind the lock.
#[derive(Default)]
struct Latest {
    message: Option<Whole>,
    /// How many were written, and how many of those when one was last taken.
    written: u64,
    taken: u64,
    /// The writer wants to be told when the message is taken.
    awaited: bool,
}

pub(crate) struct ConflatedSlot {
    slot: Mutex<Latest>,
    writer_gone: AtomicBool,
    reader_gone: AtomicBool,
    replaced: AtomicU64,
    wake_reader: WakeSlot,
    wake_writer: WakeSlot,
}

#[cfg(not(loom))]
impl ConflatedSlot {
    /// Whether there is a message that nobody has taken.
    pub(crate) fn is_full(&self) -> bool {
        lock(&self.slot).message.is_some()
    }
}

/// Makes a direction that keeps the latest message only.
///
/// # Examples
/// ```
/// use ringmq_pipe::{Message, conflated};
/// let (mut writer, mut reader) = conflated();
/// writer.write(&mut Message::from("old")).expect("reader is there");
/// writer.write(&mut Message::from("new")).expect("reader is there");
/// assert_eq!(reader.read().expect("the latest"), *b"new");
/// assert!(reader.read().is_none());
/// assert_eq!(writer.replaced(), 1);
/// ```
pub fn conflated() -> (ConflatedWriter, ConflatedReader) {
    let shared = Arc::new(ConflatedSlot {
        slot: Mutex::default(),
        writer_gone: AtomicBool::new(false),
        reader_gone: AtomicBool::new(false),
        replaced: AtomicU64::new(0),
        wake_reader: WakeSlot::new(),
        wake_writer: WakeSlot::new(),
    });
    (
        ConflatedWriter { shared: shared.clone(), open: Vec::new(), peer: None },
        ConflatedReader { shared, rest: Vec::new().into_iter(), began: true },
    )
}

/// The writing end of [`conflated`].
pub struct ConflatedWriter {
    shared: Arc<ConflatedSlot>,
    /// The frames so far of a message that goes on.
    open: Vec<Message>,
    /// Who sends what is written.
    peer: Option<KnownPeer>,
}

impl ConflatedWriter {
    #[cfg(not(loom))]
    pub(crate) fn shared(&self) -> &Arc<ConflatedSlot> {
        &self.shared
    }

    /// Says who sends what is written from now on; a message that is not complete is taken back.
    pub fn set_peer(&mut self, peer: Option<KnownPeer>) {
        self.rollback();
        self.peer = peer;
    }

    /// Writes one frame and leaves it empty. A frame whose `more()` is false ends the message, which
    /// takes the place of whatever was not read yet. A command goes nowhere.
    ///
    /// # Errors
    /// [`WriteError::Closed`] when the reader is gone.
    pub fn write(&mut self, message: &mut Message) -> Result<(), WriteError> {
        if self.closed() {
            return Err(WriteError::Closed);
        }
        let mut frame = std::mem::take(message).into_frame();
        if frame.is_command() {
            return Ok(());
        }
        frame.set_ids(Ids::from_peer(self.peer.as_ref()));
        if frame.more() {
            self.open.push(frame);
            return Ok(());
        }
        let whole = self.complete(frame);
        let mut slot = lock(&self.shared.slot);
        slot.written += 1;
        let old = slot.message.replace(whole);
        drop(slot);
        if old.is_some() {
            self.shared.replaced.fetch_add(1, Ordering::Relaxed);
        } else {
            self.shared.wake_reader.readable();
        }
        Ok(())
    }

    /// The message that ends with this frame.
    fn complete(&mut self, last: Message) -> Whole {
        if self.open.is_empty() {
            return Whole { first: last, rest: Vec::new() };
        }
        let mut rest = std::mem::take(&mut self.open);
        rest.push(last);
        let first = rest.remove(0);
        Whole { first, rest }
    }

    /// Says who is told that a message was taken.
    pub(crate) fn install(&self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_writer.install(notify, key);
    }

    /// How many messages were written so far, those included that others took the place of.
    pub(crate) fn written(&self) -> u64 {
        lock(&self.shared.slot).written
    }

    /// Whether a message waits to be taken that is none of those after number `until`; the writer's notifier
    /// is told when that changes.
    pub(crate) fn is_awaited(&self, until: u64) -> bool {
        let mut slot = lock(&self.shared.slot);
        slot.awaited = slot.taken < until && slot.message.is_some();
        slot.awaited && !self.closed()
    }

    /// Takes back the frames of a message that will not be completed.
    pub fn rollback(&mut self) {
        self.open = Vec::new();
    }

    /// Whether the reader is gone.
    pub fn closed(&self) -> bool {
        self.shared.reader_gone.load(Ordering::Acquire)
    }

    /// Messages that a later one took the place of.
    pub fn replaced(&self) -> u64 {
        self.shared.replaced.load(Ordering::Relaxed)
    }
}

impl Drop for ConflatedWriter {
    fn drop(&mut self) {
        self.shared.wake_writer.clear();
        self.shared.writer_gone.store(true, Ordering::Release);
        self.shared.wake_reader.readable();
    }
}

/// The reading end of [`conflated`].
pub struct ConflatedReader {
    shared: Arc<ConflatedSlot>,
    /// What is left of the message of which a frame was read already.
    rest: std::vec::IntoIter<Message>,
    began: bool,
}

impl ConflatedReader {
    /// Says who is told when there is something to read. Look once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_reader.install(notify, key);
    }

    /// Says who reads on the thread that writes. Look once afterwards.
    pub fn install_inline(&mut self, reader: std::sync::Arc<dyn InlineReader>, key: usize) {
        self.shared.wake_reader.install_inline(reader, key);
    }

    /// Takes one frame: the next one of the message that was begun, or else the first one of the
    /// latest message, all of which is then this reader's.
    pub fn read(&mut self) -> Option<Message> {
        if let Some(frame) = self.rest.next() {
            self.began = false;
            return Some(frame);
        }
        let mut slot = lock(&self.shared.slot);
        let Whole { first, rest } = slot.message.take()?;
        slot.taken = slot.written;
        let awaited = std::mem::take(&mut slot.awaited);
        drop(slot);
        if awaited {
            self.shared.wake_writer.writable();
        }
        self.rest = rest.into_iter();
        self.began = true;
        Some(first)
    }

    /// Whether the frame taken last was the first of its message.
    pub fn began(&self) -> bool {
        self.began
    }

    /// Whether there is a frame to read.
    pub fn ready(&self) -> bool {
        self.rest.len() > 0 || lock(&self.shared.slot).message.is_some()
    }

    /// The notifier is told of every message that finds the slot empty: sleeping takes no more than
    /// a look.
    pub fn check(&self) -> Sleep {
        if self.ready() || self.shared.writer_gone.load(Ordering::Acquire) {
            Sleep::Ready
        } else {
            Sleep::Asleep
        }
    }

    /// Whether the writer is gone. There may be a message left.
    pub fn is_deserted(&self) -> bool {
        self.shared.writer_gone.load(Ordering::Acquire)
    }

    /// Whether the writer is gone and nothing is left.
    pub fn ended(&self) -> bool {
        self.is_deserted() && !self.ready()
    }
}

impl Drop for ConflatedReader {
    fn drop(&mut self) {
        self.shared.wake_reader.clear();
        self.shared.reader_gone.store(true, Ordering::Release);
    }
}
