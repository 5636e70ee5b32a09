//! What both ends of a log share: who sleeps, who is gone, and the credits.
#![allow(unsafe_code)]

use super::segment::{Chain, Segment};
use crate::message::block;
use crate::sync::notify::WakeSlot;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

/// The other side is at work and will look by itself.
pub(super) const AWAKE: u8 = 0;
/// The other side waits to be told.
pub(super) const ASLEEP: u8 = 1;
/// The other side has dropped its end.
pub(super) const GONE: u8 = 2;

/// Without a cache line for each: they change once a batch or less, and there are two of these for each
/// connection.
pub(crate) struct LogState {
    /// The reader's state. The writer looks at it after every message, the reader changes it only
    /// when it goes to sleep or away: the line is shared in both caches nearly always.
    pub(super) reader: AtomicU8,
    /// The writer's state: asleep when it was refused for want of credit.
    pub(super) writer: AtomicU8,
    /// Messages the reader is done with, in [steps](Self::step); wraps.
    pub(crate) credited: AtomicU64,
    /// High-water mark in messages; 0 is no limit. May change while the log is in use.
    pub(super) hwm: AtomicU32,
    /// Messages that are credited before a writer is told that was refused; follows the mark.
    lwm: AtomicU32,
    /// Messages the reader collects before it credits them: as many, or fewer where those are much.
    step: AtomicU32,
    /// The writer is told of each credit.
    impatient: AtomicBool,
    /// The writer closed the log on purpose: after the last message there is an end.
    pub(super) ended: AtomicBool,
    /// The first segment, until the reader has taken it; then the reader's current one, stored when
    /// the reader goes away, for the last end to free from.
    pub(super) chain: AtomicPtr<Segment>,
    pub(super) wake_reader: WakeSlot,
    pub(super) wake_writer: WakeSlot,
}

// SAFETY: the raw segment pointers are reached by the writer only behind its own position and by the
// reader only up to the marks; everything else is atomic or locked.
unsafe impl Send for LogState {}
// SAFETY: as above.
unsafe impl Sync for LogState {}

/// The low-water mark: half of the high one, rounded up. An unlimited log credits now and then all the
/// same, so that its depth can be told.
fn lwm(hwm: u32) -> u32 {
    /// How seldom an unlimited log credits.
    const UNLIMITED: u32 = 1024;
    if hwm == 0 { UNLIMITED } else { hwm.div_ceil(2) }
}

impl LogState {
    pub(super) fn new(hwm: u32) -> Self {
        Self {
            // Nobody has installed a notifier yet: both ends start awake and look for themselves.
            reader: AtomicU8::new(AWAKE),
            writer: AtomicU8::new(AWAKE),
            credited: AtomicU64::new(0),
            hwm: AtomicU32::new(hwm),
            lwm: AtomicU32::new(lwm(hwm)),
            step: AtomicU32::new(lwm(hwm)),
            impatient: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            chain: AtomicPtr::new(Segment::with_capacity(super::segment::FIRST)),
            wake_reader: WakeSlot::new(),
            wake_writer: WakeSlot::new(),
        }
    }

    /// Messages that may be written without a credit.
    #[inline(always)]
    pub(super) fn hwm(&self) -> u64 {
        match self.hwm.load(Ordering::Relaxed) {
            0 => u64::MAX,
            hwm => u64::from(hwm),
        }
    }

    /// Messages the reader collects before it credits them.
    #[inline(always)]
    pub(super) fn step(&self) -> u64 {
        u64::from(self.step.load(Ordering::Relaxed))
    }

    /// Has the reader credit after so many messages, or after half the mark if that is fewer. A changed mark
    /// undoes it.
    pub(super) fn set_step(&self, messages: u32) {
        let step = messages.clamp(1, self.lwm.load(Ordering::Relaxed));
        // The reader looks at it for each message: its cache line is left alone where nothing changes.
        if self.step.load(Ordering::Relaxed) != step {
            self.step.store(step, Ordering::Relaxed);
        }
    }

    /// Whether the writer is told of each credit, rather than when half the mark is credited.
    pub(super) fn set_impatient(&self, impatient: bool) {
        // Relaxed: ordered by the fence after which the writer goes to sleep.
        self.impatient.store(impatient, Ordering::Relaxed);
    }

    /// Messages are told of after so many, and credited as well.
    fn set_lwm(&self, lwm: u32) {
        self.lwm.store(lwm, Ordering::Relaxed);
        self.step.store(lwm, Ordering::Relaxed);
    }

    /// From now on each message is credited by itself, or again in steps of the low-water mark.
    pub(crate) fn credit_each(&self) {
        // Relaxed: a figure is told sooner or later.
        self.set_lwm(1);
    }

    /// Messages are credited in steps of the low-water mark, as long as nobody asks for each.
    pub(super) fn credit_in_steps(&self) {
        self.set_lwm(lwm(self.hwm.load(Ordering::Relaxed)));
    }

    /// Changes the high-water mark. Either end may wait for something that never comes under the new
    /// one: the writer for a credit of half the old mark, the reader's part of which is read already.
    /// So both look again: the reader, finding nothing to read, credits what the new mark asks for.
    pub(super) fn set_hwm(&self, hwm: u32) {
        self.hwm.store(hwm, Ordering::Relaxed);
        self.set_lwm(lwm(hwm));
        // The fence in there orders the new mark before both looks at who sleeps; it pairs with the
        // fence in `LogWriter::out_of_credit` and the one in `settle`.
        self.rouse_writer();
        self.rouse_reader();
    }

    /// Wakes the reader if it sleeps.
    pub(super) fn rouse_reader(&self) {
        if self.awaken_reader() {
            self.wake_reader.readable();
        }
    }

    /// As [`rouse_reader`](Self::rouse_reader), by the writer after it has written.
    pub(super) fn tell_written(&self, yield_when_full: bool) {
        if self.awaken_reader() {
            self.wake_reader.written(yield_when_full);
        }
    }

    /// Whether it is us who turns the reader's sleep into waking.
    fn awaken_reader(&self) -> bool {
        // AcqRel: exactly one of the wakers and the reader itself turns ASLEEP into AWAKE.
        self.reader.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Tells the reader of the end, also if it is awake: it may be waiting for something else, such as
    /// a slow peer, and must hear that nothing more will come.
    pub(super) fn tell_of_end(&self) {
        // As in `rouse_reader`; here the notice is due in either case.
        let _ = self.reader.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire);
        self.wake_reader.readable();
    }

    /// Wakes the writer if it was refused.
    pub(super) fn rouse_writer(&self) {
        // The credit (or the new mark, or the reader's departure) was stored before; this fence pairs
        // with the one in `LogWriter::out_of_credit`: either we see ASLEEP, or the writer sees that.
        fence(Ordering::SeqCst);
        self.rouse_sleeping_writer();
    }

    /// As [`rouse_writer`](Self::rouse_writer), by the reader when it has credited: once as many are as the writer
    /// wants to hear of, of which `untold` is the number. Whether it was told.
    pub(super) fn tell_credit(&self, untold: u64) -> bool {
        // As there; the writer asks to be told of each before it goes to sleep.
        fence(Ordering::SeqCst);
        let due = untold >= u64::from(self.lwm.load(Ordering::Relaxed))
            || self.impatient.load(Ordering::Relaxed);
        if due {
            self.rouse_sleeping_writer();
        }
        due
    }

    fn rouse_sleeping_writer(&self) {
        if self.writer.load(Ordering::Relaxed) != ASLEEP {
            return;
        }
        // AcqRel: exactly one waker.
        let woke = self
            .writer
            .compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if woke {
            self.wake_writer.writable();
        }
    }
}

impl Drop for LogState {
    fn drop(&mut self) {
        // Acquire: pairs with the Release of either end's drop. The count of references has seen to that
        // already, with a fence that ThreadSanitizer does not know: it would take the next use of the
        // segments' memory for a race.
        self.reader.load(Ordering::Acquire);
        self.ended.load(Ordering::Acquire);
        // SAFETY: both ends are gone (they hold counted references), so the chain is ours; what the reader
        // had moved past is not in it.
        drop(unsafe { Chain::new(self.chain.load(Ordering::Relaxed)) });
        // Much may have waited in it.
        block::trim();
    }
}
