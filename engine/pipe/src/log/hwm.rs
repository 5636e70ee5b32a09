//! The writer's side of the high-water mark: how many messages it may write, and what it does when
//! it may write none.

use super::shared::{ASLEEP, GONE};
use super::writer::{LogWriter, WriteError};
use crate::sync::notify::Notify;
use crate::sync::{Ordering, fence};

impl LogWriter {
    /// Whether the next message would be taken.
    ///
    /// # Errors
    /// [`WriteError::Full`] arms the notifier.
    #[inline]
    pub fn ready(&mut self) -> Result<(), WriteError> {
        if self.shared.reader.load(Ordering::Relaxed) == GONE {
            return Err(WriteError::Closed);
        }
        if self.open || self.written.wrapping_sub(self.credited) < self.shared.hwm() {
            return Ok(());
        }
        self.out_of_credit()
    }

    /// Whether the reader is gone for good. Arms nothing.
    pub fn is_deserted(&self) -> bool {
        // Acquire: pairs with the swap in the reader's drop.
        self.shared.reader.load(Ordering::Acquire) == GONE
    }

    /// How many whole messages would be taken now, for one who writes them without asking for each;
    /// the message in progress counts as one. Zero arms the notifier, unless the reader is gone.
    pub fn credit(&mut self) -> u64 {
        // Acquire: as in `has_credit`.
        self.credited = self.shared.credited.load(Ordering::Acquire);
        if self.ready().is_err() {
            return 0;
        }
        let outstanding = self.written.wrapping_sub(self.credited);
        let credit = self.shared.hwm().saturating_sub(outstanding);
        credit.max(u64::from(self.open))
    }

    /// Messages written and not yet credited: an upper bound of what is in the log.
    pub fn depth(&self) -> u64 {
        // Relaxed: a figure to look at.
        self.written.wrapping_sub(self.shared.credited.load(Ordering::Relaxed))
    }

    /// How many of the messages up to number `until` of those [written](Self::written) the reader is not
    /// done with. If there are some, the notifier is told when it is done with more, however few.
    pub fn unsent(&mut self, until: u64) -> u64 {
        if self.missing_until(until) == 0 {
            return 0;
        }
        self.shared.credit_each();
        self.await_next_credit(until)
    }

    /// As [`unsent`](Self::unsent), for one who is in no hurry: the notifier is told when the reader has credited
    /// some in its usual steps, or has drained the log.
    pub fn left(&mut self, until: u64) -> u64 {
        if self.missing_until(until) == 0 { 0 } else { self.await_next_credit(until) }
    }

    fn await_next_credit(&mut self, until: u64) -> u64 {
        self.publish();
        self.shared.writer.store(ASLEEP, Ordering::Relaxed);
        // As in `out_of_credit`: either the reader's credit sees ASLEEP, or we see the credit.
        fence(Ordering::SeqCst);
        match self.shared.reader.load(Ordering::Relaxed) {
            GONE => 0,
            _ => self.missing_until(until),
        }
    }

    /// Nobody wants to be told of each message any more: after [`unsent`](Self::unsent).
    pub fn stop_watching(&mut self) {
        self.shared.credit_in_steps();
    }

    /// Messages the reader is done with, as far as it has said; wraps.
    pub fn credited(&mut self) -> u64 {
        // Acquire: as in `has_credit`.
        self.credited = self.shared.credited.load(Ordering::Acquire);
        self.credited
    }

    /// Has the reader say what it is done with after so many messages at the latest, or after half the
    /// high-water mark if that is fewer: for one who counts their bytes. It costs the reader a barrier each time.
    /// A changed mark undoes it.
    pub fn set_credit_step(&self, messages: u64) {
        self.shared.set_step(u32::try_from(messages).unwrap_or(u32::MAX));
    }

    /// As [`credited`](Self::credited), for one who writes nothing until that is more: the notifier is told of the
    /// next credit, which comes after so many messages at the latest, and when the log is drained. `None` if the
    /// reader is gone.
    pub fn await_credit(&mut self, messages: u64) -> Option<u64> {
        self.publish();
        self.set_credit_step(messages);
        self.shared.set_impatient(true);
        self.shared.writer.store(ASLEEP, Ordering::Relaxed);
        // As in `out_of_credit`: either the reader's credit sees ASLEEP, or we see the credit.
        fence(Ordering::SeqCst);
        let is_gone = self.shared.reader.load(Ordering::Relaxed) == GONE;
        (!is_gone).then(|| self.credited())
    }

    /// Writes again: after [`await_credit`](Self::await_credit).
    pub fn stop_awaiting(&mut self) {
        self.shared.set_impatient(false);
    }

    /// Has the reader credit what it is done with, though it may have nothing else to do.
    pub fn ask_for_credit(&self) {
        self.shared.wake_reader.readable();
    }

    fn missing_until(&mut self, until: u64) -> u64 {
        // Acquire: as in `has_credit`.
        self.credited = self.shared.credited.load(Ordering::Acquire);
        let left = until.wrapping_sub(self.credited);
        // Negative where later ones were credited too.
        if left > u64::MAX / 2 { 0 } else { left }
    }

    /// Who is told when there is something to read, and under which key.
    pub fn reader(&self) -> Option<(std::sync::Arc<dyn Notify>, usize)> {
        self.shared.wake_reader.notify()
    }

    /// Messages written since the log was made; wraps.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The high-water mark in messages; 0 is no limit.
    pub fn hwm(&self) -> u32 {
        self.shared.hwm.load(Ordering::Relaxed)
    }

    /// Changes the high-water mark for what is written from now on; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        self.shared.set_hwm(hwm);
    }

    /// Whether there is a credit left, after a look at what the reader has given.
    fn has_credit(&mut self) -> bool {
        // Acquire: pairs with the Release of the reader's credit; nothing else depends on it.
        self.credited = self.shared.credited.load(Ordering::Acquire);
        self.written.wrapping_sub(self.credited) < self.shared.hwm()
    }

    /// Looks for credits; arms the notifier when there are none.
    #[cold]
    fn out_of_credit(&mut self) -> Result<(), WriteError> {
        if self.has_credit() {
            return Ok(());
        }
        self.publish();
        self.shared.wake_reader.full(false);
        if self.has_credit() {
            return Ok(());
        }
        // It may be asleep already, for those who wait until all is sent.
        let before = self.shared.writer.swap(ASLEEP, Ordering::Relaxed);
        // Pairs with the fence in `LogState::rouse_writer`: either that sees ASLEEP, or we see the
        // credit, the raised mark or the reader's departure.
        fence(Ordering::SeqCst);
        if self.has_credit() {
            self.shared.writer.store(before, Ordering::Relaxed);
            return Ok(());
        }
        match self.shared.reader.load(Ordering::Relaxed) {
            GONE => Err(WriteError::Closed),
            _ => Err(WriteError::Full),
        }
    }
}
