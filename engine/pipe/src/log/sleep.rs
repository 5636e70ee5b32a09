//! How the reading end of a log goes to sleep: it is told then, instead of looking.

use super::reader::LogReader;
use super::shared::{ASLEEP, AWAKE};
use crate::sync::{Ordering, asymmetric_fence};

/// What came of an attempt to go to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Asleep: the notifier is told when there is something.
    Asleep,
    /// There is something: stay awake.
    Ready,
}

impl LogReader {
    /// Goes to sleep unless there is something to read: the notifier is told of the next message, or
    /// of the end. One notice: then look, and go to sleep again.
    ///
    /// One that sleeps already sleeps on: whatever comes is told, or is being told at this moment. To take
    /// that notice back because something has come would leave those without it who rely on it since the
    /// sleep began.
    pub fn fall_asleep(&mut self) -> Sleep {
        if self.doze() {
            settle();
        }
        self.check()
    }

    /// First half of [`fall_asleep`](Self::fall_asleep), for many logs at once: call this for each,
    /// then [`settle`] once, then [`check`](Self::check) for each. `false` if this one sleeps already
    /// and needs none of that.
    pub fn doze(&mut self) -> bool {
        // Relaxed, as only this end puts itself to sleep: it sees ASLEEP too long at most, while its
        // waker is about to tell.
        if self.shared.reader.load(Ordering::Relaxed) != ASLEEP {
            // Relaxed: `settle` orders it before the looks of `check`.
            self.shared.reader.store(ASLEEP, Ordering::Relaxed);
            self.dozing = true;
        }
        self.dozing
    }

    /// Last half of [`fall_asleep`](Self::fall_asleep).
    pub fn check(&mut self) -> Sleep {
        if !std::mem::take(&mut self.dozing) {
            // It slept before, or was asked about already: nothing changes but by a waker, who tells. A
            // look credits what was done with meanwhile.
            // Acquire: pairs with the waker's AcqRel, so that the look sees what that has woken for.
            let asleep = self.shared.reader.load(Ordering::Acquire) == ASLEEP;
            self.ready();
            return if asleep { Sleep::Asleep } else { Sleep::Ready };
        }
        // Acquire: pairs with the Release in the writer's drop.
        let something = self.ready() || self.shared.ended.load(Ordering::Acquire);
        if !something {
            return Sleep::Asleep;
        }
        // AcqRel: a writer may be waking us at this moment; then its notice is one too many, which
        // is harmless.
        let _ =
            self.shared.reader.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire);
        Sleep::Ready
    }

    /// As [`fall_asleep`](Self::fall_asleep), on the thread that writes the log, between two of its
    /// messages ([`InlineReader::written`](crate::InlineReader::written)): needs no barrier, as
    /// nothing can be written meanwhile.
    pub fn doze_off(&mut self) -> Sleep {
        self.doze();
        self.check()
    }
}

/// Middle of [`LogReader::fall_asleep`], for many logs at once.
pub fn settle() {
    asymmetric_fence::heavy();
}
