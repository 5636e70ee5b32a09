//! The pipe: two directions, each a frame log or a conflated slot, with an end for each side.

use crate::conflate::{ConflatedReader, ConflatedWriter, conflated};
use crate::log::{LogReader, LogWriter, SharedFrame, Sleep, WriteError, log};
use crate::message::Message;
use crate::message::properties::KnownPeer;
use crate::pipe_state::PipeState;
use crate::sync::Arc;
use crate::sync::notify::{InlineReader, Notify};

/// The writing half of a pipe's end.
pub enum PipeWriter {
    /// Every message, up to the high-water mark.
    Log(LogWriter),
    /// Only the latest message.
    Conflated(ConflatedWriter),
}

/// The reading half of a pipe's end.
pub enum PipeReader {
    /// Every message, up to the high-water mark.
    Log(LogReader),
    /// Only the latest message.
    Conflated(ConflatedReader),
}

/// How one direction of a pipe is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// A high-water mark in messages; 0 is no limit.
    Messages(u32),
    /// Only the latest message is kept.
    Conflated,
}

/// One end of a pipe.
pub struct PipeEnd<D = ()> {
    /// What this end writes.
    pub tx: PipeWriter,
    /// What this end reads.
    pub rx: PipeReader,
    /// What both ends see.
    pub state: Arc<PipeState<D>>,
}

/// Makes a pipe. `there` is the capacity for what the first end writes, `back` for what the second
/// writes.
pub fn pipe<D>(there: Capacity, back: Capacity) -> (PipeEnd<D>, PipeEnd<D>) {
    let (near_tx, far_rx) = direction(there);
    let (far_tx, near_rx) = direction(back);
    let state = Arc::new(PipeState::default());
    (
        PipeEnd { tx: near_tx, rx: near_rx, state: state.clone() },
        PipeEnd { tx: far_tx, rx: far_rx, state },
    )
}

fn direction(capacity: Capacity) -> (PipeWriter, PipeReader) {
    match capacity {
        Capacity::Messages(hwm) => {
            let (writer, reader) = log(hwm);
            (PipeWriter::Log(writer), PipeReader::Log(reader))
        }
        Capacity::Conflated => {
            let (writer, reader) = conflated();
            (PipeWriter::Conflated(writer), PipeReader::Conflated(reader))
        }
    }
}

impl<D> PipeEnd<D> {
    /// Says who is told about both directions, under which key. Look at both once afterwards.
    pub fn install(&mut self, notify: &std::sync::Arc<dyn Notify>, key: usize) {
        self.tx.install(notify, key);
        self.rx.install(notify, key);
    }
}

impl PipeWriter {
    /// The log, unless only the latest message is kept.
    #[inline(always)]
    pub fn as_log(&self) -> Option<&LogWriter> {
        match self {
            Self::Log(log) => Some(log),
            Self::Conflated(_) => None,
        }
    }

    /// As [`as_log`](Self::as_log), to write to it.
    #[inline(always)]
    pub fn as_log_mut(&mut self) -> Option<&mut LogWriter> {
        match self {
            Self::Log(log) => Some(log),
            Self::Conflated(_) => None,
        }
    }

    /// How many whole messages would be taken now; see [`LogWriter::credit`]. No limit where only
    /// the latest one is kept.
    pub fn credit(&mut self) -> u64 {
        self.as_log_mut().map_or(u64::MAX, LogWriter::credit)
    }

    /// Writes a frame that was encoded for several; see [`LogWriter::write_shared`].
    ///
    /// # Errors
    /// As there.
    pub fn write_shared(&mut self, frame: &SharedFrame<'_>) -> Result<(), WriteError> {
        match self {
            Self::Log(log) => log.write_shared(frame),
            Self::Conflated(_) => self.write_body(frame.flags(), frame.body()),
        }
    }

    /// Says who is told when there is room. Look once afterwards.
    pub fn install(&mut self, notify: &std::sync::Arc<dyn Notify>, key: usize) {
        match self {
            Self::Log(log) => log.install(notify.clone(), key),
            // Never full: nobody waits for room.
            Self::Conflated(slot) => slot.install(notify.clone(), key),
        }
    }

    /// Writes one frame; see [`LogWriter::write`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write(&mut self, message: &mut Message) -> Result<(), WriteError> {
        match self {
            Self::Log(log) => log.write(message),
            Self::Conflated(slot) => slot.write(message),
        }
    }

    /// Writes one frame whose body is only borrowed; see [`LogWriter::write_body`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_body(&mut self, flags: u8, body: &[u8]) -> Result<(), WriteError> {
        match self {
            Self::Log(log) => log.write_body(flags, body),
            Self::Conflated(slot) => {
                let mut message = Message::copy_from(body);
                message.set_flags(flags);
                slot.write(&mut message)
            }
        }
    }

    /// Whether the next message would be taken; see [`LogWriter::ready`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn ready(&mut self) -> Result<(), WriteError> {
        match self {
            Self::Log(log) => log.ready(),
            Self::Conflated(slot) if slot.closed() => Err(WriteError::Closed),
            Self::Conflated(_) => Ok(()),
        }
    }

    /// Writes one frame whatever the high-water mark says.
    pub fn write_uncounted(&mut self, flags: u8, mut message: Message) {
        match self {
            Self::Log(log) => log.write_uncounted(flags, message),
            Self::Conflated(slot) => {
                message.set_flags(flags);
                // A reader that is gone needs no message.
                let _ = slot.write(&mut message);
            }
        }
    }

    /// Says who sends what is written from now on; a message that is not complete is taken back.
    pub fn set_peer(&mut self, peer: Option<KnownPeer>) {
        match self {
            Self::Log(log) => log.set_peer(peer),
            Self::Conflated(slot) => slot.set_peer(peer),
        }
    }

    /// Takes back the frames of a message that will not be completed.
    pub fn rollback(&mut self) {
        match self {
            Self::Log(log) => log.rollback(),
            Self::Conflated(slot) => slot.rollback(),
        }
    }

    /// Says whether to wait a moment rather than have much pile up; see
    /// [`LogWriter::set_yield_when_full`].
    pub fn set_yield_when_full(&mut self, yields: bool) {
        if let Self::Log(log) = self {
            log.set_yield_when_full(yields);
        }
    }

    /// See [`LogWriter::set_reader_in_process`].
    pub fn set_reader_in_process(&mut self) {
        if let Self::Log(log) = self {
            log.set_reader_in_process();
        }
    }

    /// Messages written and not yet credited.
    pub fn depth(&self) -> u64 {
        match self {
            Self::Log(log) => log.depth(),
            Self::Conflated(_) => 0,
        }
    }

    /// A number for all messages written so far, to ask for with [`unsent`](Self::unsent).
    pub fn flush_mark(&self) -> u64 {
        match self {
            Self::Log(log) => log.written(),
            Self::Conflated(slot) => slot.written(),
        }
    }

    /// How many of the messages up to a [mark](Self::flush_mark) the reader is not done with; see
    /// [`LogWriter::unsent`]. A reader is done with the latest one when it has taken it.
    pub fn unsent(&mut self, until: u64) -> u64 {
        match self {
            Self::Log(log) => log.unsent(until),
            Self::Conflated(slot) => u64::from(slot.is_awaited(until)),
        }
    }

    /// As [`unsent`](Self::unsent), for one who is in no hurry; see [`LogWriter::left`].
    pub fn left(&mut self, until: u64) -> u64 {
        match self {
            Self::Log(log) => log.left(until),
            Self::Conflated(slot) => u64::from(slot.is_awaited(until)),
        }
    }

    /// Nobody asks any more; see [`LogWriter::stop_watching`].
    pub fn stop_watching(&mut self) {
        if let Self::Log(log) = self {
            log.stop_watching();
        }
    }

    /// Has the reader say what it is done with; see [`LogWriter::ask_for_credit`].
    pub fn ask_for_credit(&self) {
        if let Self::Log(log) = self {
            log.ask_for_credit();
        }
    }

    /// Who is told when there is something to read, and under which key: whoever has the other end, which may
    /// [know more](Notify::waiting) of what is in there. `None` where nobody has found a place for it, or the
    /// other end is read on the thread that writes.
    pub fn reader(&self) -> Option<(std::sync::Arc<dyn Notify>, usize)> {
        match self {
            Self::Log(log) => log.reader(),
            Self::Conflated(_) => None,
        }
    }

    /// Messages written so far; see [`LogWriter::written`]. Of a slot nobody counts them.
    pub fn written(&self) -> u64 {
        match self {
            Self::Log(log) => log.written(),
            Self::Conflated(_) => 0,
        }
    }

    /// Changes the high-water mark; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        if let Self::Log(log) = self {
            log.set_hwm(hwm);
        }
    }

    /// The high-water mark; 0 is no limit.
    pub fn hwm(&self) -> u32 {
        match self {
            Self::Log(log) => log.hwm(),
            Self::Conflated(_) => 0,
        }
    }

    /// Whether the reader is gone.
    pub fn is_deserted(&self) -> bool {
        match self {
            Self::Log(log) => log.is_deserted(),
            Self::Conflated(slot) => slot.closed(),
        }
    }
}

impl PipeReader {
    /// The log, unless only the latest message is kept.
    #[inline(always)]
    pub fn as_log_mut(&mut self) -> Option<&mut LogReader> {
        match self {
            Self::Log(log) => Some(log),
            Self::Conflated(_) => None,
        }
    }

    /// The slot, if only the latest message is kept.
    pub fn as_conflated_mut(&mut self) -> Option<&mut ConflatedReader> {
        match self {
            Self::Log(_) => None,
            Self::Conflated(slot) => Some(slot),
        }
    }

    /// First half of falling asleep, for many pipes at once; see [`LogReader::doze`].
    pub fn doze(&mut self) {
        if let Self::Log(log) = self {
            log.doze();
        }
    }

    /// Last half, after [`settle`](crate::settle); see [`LogReader::check`].
    pub fn check(&mut self) -> Sleep {
        match self {
            Self::Log(log) => log.check(),
            // A slot has no barrier to share.
            Self::Conflated(slot) => slot.check(),
        }
    }

    /// Says who is told when there is something to read. Look once afterwards.
    pub fn install(&mut self, notify: &std::sync::Arc<dyn Notify>, key: usize) {
        match self {
            Self::Log(log) => log.install(notify.clone(), key),
            Self::Conflated(slot) => slot.install(notify.clone(), key),
        }
    }

    /// Says who reads on the thread that writes, in the place of whom [`install`](Self::install)
    /// has named. Look once afterwards.
    pub fn install_inline(&mut self, reader: std::sync::Arc<dyn InlineReader>, key: usize) {
        match self {
            Self::Log(log) => log.install_inline(reader, key),
            Self::Conflated(slot) => slot.install_inline(reader, key),
        }
    }

    /// Takes one frame.
    #[inline]
    pub fn read(&mut self) -> Option<Message> {
        match self {
            Self::Log(log) => log.read(),
            Self::Conflated(slot) => slot.read(),
        }
    }

    /// Says whether to wait a moment for much rather than take little; see
    /// [`LogReader::set_batch_reads`].
    pub fn set_batch_reads(&mut self, batches: bool) {
        if let Self::Log(log) = self {
            log.set_batch_reads(batches);
        }
    }

    /// As [`read`](Self::read), into a message that is there already; `false` if there is no frame.
    #[inline]
    pub fn read_into(&mut self, into: &mut Message) -> bool {
        match self {
            Self::Log(log) => log.read_into(into),
            Self::Conflated(slot) => slot.read().map(|message| *into = message).is_some(),
        }
    }

    /// Whether the frame taken last was the first of its message.
    #[inline]
    pub fn began(&self) -> bool {
        match self {
            Self::Log(log) => log.began(),
            Self::Conflated(slot) => slot.began(),
        }
    }

    /// Whether there is a frame to read.
    #[inline]
    pub fn ready(&mut self) -> bool {
        match self {
            Self::Log(log) => log.ready(),
            Self::Conflated(slot) => slot.ready(),
        }
    }

    /// Whether there is a frame to read, for one who asks over and over; see [`LogReader::poll`].
    #[inline]
    pub fn poll(&mut self) -> bool {
        match self {
            Self::Log(log) => log.poll(),
            Self::Conflated(slot) => slot.ready(),
        }
    }

    /// Goes to sleep unless there is something to read; see [`LogReader::fall_asleep`].
    pub fn fall_asleep(&mut self) -> Sleep {
        match self {
            Self::Log(log) => log.fall_asleep(),
            Self::Conflated(slot) => slot.check(),
        }
    }

    /// As [`fall_asleep`](Self::fall_asleep), on the writing thread; see [`LogReader::doze_off`].
    pub fn doze_off(&mut self) -> Sleep {
        match self {
            Self::Log(log) => log.doze_off(),
            Self::Conflated(slot) => slot.check(),
        }
    }

    /// How many bytes there are to read, up to `enough`; see [`LogReader::pending`]. Of a conflated one only
    /// whether there are any.
    pub fn pending(&mut self, enough: usize) -> usize {
        match self {
            Self::Log(log) => log.pending(enough),
            Self::Conflated(slot) => usize::from(slot.ready()),
        }
    }

    /// Whether the writer is gone. There may be something left to read.
    pub fn is_deserted(&self) -> bool {
        match self {
            Self::Log(log) => log.is_deserted(),
            Self::Conflated(slot) => slot.is_deserted(),
        }
    }

    /// Messages taken so far; see [`LogReader::taken`]. Of a slot nobody counts them.
    pub fn taken(&self) -> u64 {
        match self {
            Self::Log(log) => log.taken(),
            Self::Conflated(_) => 0,
        }
    }

    /// What [`taken`](Self::taken) will be once all is taken that is there now; see [`LogReader::end`].
    pub fn end(&self) -> u64 {
        match self {
            Self::Log(log) => log.end(),
            Self::Conflated(_) => 0,
        }
    }

    /// How many messages there are to be taken; see [`LogReader::waiting`].
    pub fn waiting(&self) -> u64 {
        match self {
            Self::Log(log) => log.waiting(),
            Self::Conflated(slot) => u64::from(slot.ready()),
        }
    }

    /// Whether the writer is gone and everything has been read.
    pub fn ended(&mut self) -> bool {
        match self {
            Self::Log(log) => log.ended(),
            Self::Conflated(slot) => slot.ended(),
        }
    }

    /// The high-water mark; 0 is no limit.
    pub fn hwm(&self) -> u32 {
        match self {
            Self::Log(log) => log.hwm(),
            Self::Conflated(_) => 0,
        }
    }

    /// Changes the high-water mark; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        if let Self::Log(log) = self {
            log.set_hwm(hwm);
        }
    }
}
