//! The writing half of a connection in traffic: from the pipe to the stream. One thread at a time
//! works on it: the I/O thread, or a thread of the application that has it on lease.

use crate::backend::Stream;
use crate::batch::Batch;
use crate::session::detached_pipe::OutputSource;
use crate::session::outbound::{GATHER, Outbound};
use ringmq_pipe::Sleep;
use std::io;
use std::time::{Duration, Instant};

/// How long a writer that yields when the kernel takes no more waits for a peer that reads.
pub(crate) const PATIENCE: Duration = Duration::from_micros(200);
/// As much as is worth a system call of its own.
const MUCH: usize = GATHER / 2;
/// How long messages of a burst may wait for more of them.
const BATCHING: Duration = Duration::from_micros(30);

/// The writing half: from the pipe to the stream.
pub(crate) struct WriteHalf {
    stream: Stream,
    pub(crate) outbound: Outbound,
    pub(crate) source: Option<OutputSource>,
    /// What is left of the batch under way, if the kernel would not take it all from a borrower.
    pub(crate) batch: Batch,
    /// Why a borrower could not send.
    pub(crate) failed: Option<io::Error>,
    /// The pipe is filled faster than it pays to send each message: it stays awake, the I/O thread
    /// looks at it every few microseconds, and whoever fills it sends when it is full.
    pub(crate) watched: bool,
    /// The peer did not read when it was waited for: that is the I/O thread's now.
    stalled: bool,
    /// What was in it at the last look, whether that was more than before, and since when it waits.
    seen: usize,
    grown: bool,
    since: Option<Instant>,
    /// Who fills the pipe has sent much of it since the last look.
    pub(crate) helped: bool,
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // A pipe that nobody has asked back counts what was taken out of it as lost.
        drop(self.give_back());
    }
}

/// What came of sending all there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// All of it went out.
    Drained,
    /// The kernel takes no more at the moment, or the connection has failed.
    Blocked,
}

/// What came of finishing a burst.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The next message tells of itself, or the I/O thread has the rest.
    Done,
    /// Something went out, there is no more, and the I/O thread is looking at the pipe.
    Watched,
    /// As of [`Flush`].
    Blocked,
}

impl WriteHalf {
    pub(crate) fn new(stream: Stream, outbound: Outbound, source: Option<OutputSource>) -> Self {
        Self {
            stream,
            outbound,
            source,
            batch: Batch::default(),
            failed: None,
            watched: false,
            stalled: false,
            seen: 0,
            grown: false,
            since: None,
            helped: false,
        }
    }

    /// Fills the batch from what there is to send.
    pub(crate) fn next(&mut self) {
        self.outbound.batch_done();
        let rx = self.source.as_mut().map(|source| &mut source.rx);
        self.outbound.next(rx, &mut self.batch);
    }

    /// Notes that the kernel has taken `bytes` more of `batch`, and credits the messages.
    pub(crate) fn sent(&mut self, batch: &mut Batch, bytes: usize) {
        let messages = batch.advance(bytes);
        self.outbound.sent(bytes, messages);
        if messages > 0
            && let Some(log) = self.source.as_mut().and_then(|source| source.rx.as_log_mut())
        {
            log.done(messages);
        }
    }

    /// Gives the pipe back, with what of it the kernel is not known to have taken.
    pub(crate) fn give_back(&mut self) -> Option<OutputSource> {
        let mut source = self.source.take()?;
        let (unsent, credit) = self.outbound.take_unsent();
        source.unsent = unsent;
        if let Some(log) = source.rx.as_log_mut() {
            log.done(credit);
        }
        Some(source)
    }

    /// Whether the socket has closed the pipe and everything it wrote is sent.
    pub(crate) fn ended(&mut self) -> bool {
        self.source.as_mut().is_some_and(|source| source.rx.ended())
    }

    /// Goes to sleep when there is nothing to send; `false` if there is something.
    pub(crate) fn fall_asleep(&mut self) -> bool {
        self.watched = false;
        self.stalled = false;
        self.helped = false;
        if self.outbound.rest() {
            self.batch = Batch::default();
        }
        self.source.as_mut().is_none_or(|source| source.rx.fall_asleep() == Sleep::Asleep)
    }

    /// Sends what there is, as far as the kernel takes it.
    pub(crate) fn flush(&mut self) -> Flush {
        loop {
            if self.send_batch() == Flush::Blocked {
                return Flush::Blocked;
            }
            self.next();
            if self.batch.is_empty() {
                return Flush::Drained;
            }
        }
    }

    /// Sends one batch of what was put off. Nobody writes to the pipe meanwhile.
    pub(crate) fn finish_burst(&mut self) -> Finish {
        let much = self.has_much();
        if self.batch.is_empty() {
            self.next();
        }
        let any = !self.batch.is_empty();
        if self.send_batch() == Flush::Blocked {
            return Finish::Blocked;
        }
        self.helped |= much;
        self.next();
        if !self.batch.is_empty() {
            return Finish::Done;
        }
        let Some(source) = &mut self.source else { return Finish::Blocked };
        if self.watched {
            return if any { Finish::Watched } else { Finish::Done };
        }
        if source.rx.doze_off() == Sleep::Asleep {
            self.helped = false;
            return Finish::Done;
        }
        // What follows the end of a pipe is the session's.
        if source.rx.ended() { Finish::Blocked } else { Finish::Done }
    }

    fn send_batch(&mut self) -> Flush {
        while !self.batch.is_empty() {
            match self.stream.send(&self.batch) {
                Ok(bytes) => {
                    let mut batch = std::mem::take(&mut self.batch);
                    self.sent(&mut batch, bytes);
                    self.batch = batch;
                }
                Err(error) => {
                    let full = error.kind() == io::ErrorKind::WouldBlock;
                    self.failed = (!full).then_some(error);
                    return Flush::Blocked;
                }
            }
        }
        Flush::Drained
    }

    /// As [`flush`](Self::flush), on the thread that has just written to the pipe. In the end the
    /// pipe is asleep, unless it is [watched](Self::watched).
    pub(crate) fn flush_written(&mut self) -> Flush {
        loop {
            if self.flush() == Flush::Blocked {
                return Flush::Blocked;
            }
            let Some(source) = &mut self.source else { return Flush::Blocked };
            if self.watched {
                return Flush::Drained;
            }
            if source.rx.doze_off() == Sleep::Asleep {
                self.helped = false;
                return Flush::Drained;
            }
            if source.rx.ended() {
                return Flush::Blocked; // What follows is the session's.
            }
        }
    }

    /// As [`flush_written`](Self::flush_written); with `yield_when_full` it tries for a while if
    /// the kernel takes no more: a peer that reads makes room sooner than the I/O thread is awake.
    /// One such wait in vain is the last until the peer has read.
    pub(crate) fn flush_patiently(&mut self, yield_when_full: bool) -> Flush {
        let mut since = None;
        loop {
            let flush = self.flush_written();
            if flush == Flush::Drained || !yield_when_full || self.stalled || self.failed.is_some()
            {
                return flush;
            }
            let now = Instant::now();
            if now.duration_since(*since.get_or_insert(now)) >= PATIENCE {
                self.stalled = true;
                return flush;
            }
            std::thread::yield_now();
        }
    }

    /// Whether there is [`MUCH`] to send.
    pub(crate) fn has_much(&mut self) -> bool {
        self.source.as_mut().is_some_and(|source| source.rx.pending(MUCH) >= MUCH)
    }

    /// Whether somebody fills the pipe so fast that it is better sent by the one who fills it.
    pub(crate) fn is_filled_fast(&mut self) -> bool {
        let log = self.source.as_mut().and_then(|source| source.rx.as_log_mut());
        let filled = log.is_some_and(|log| !log.is_writer_waiting() && log.pending(MUCH) >= MUCH);
        filled && self.failed.is_none()
    }

    /// The kernel takes more again: leaves the rest to who fills the pipe, as a [burst](Self::watched).
    pub(crate) fn leave_to_writer(&mut self) {
        self.stalled = false;
        self.watched = true;
    }

    /// Looks at how much there is in a pipe that a borrower is filling.
    pub(crate) fn look(&mut self) -> usize {
        let pending = self.source.as_mut().map_or(0, |source| source.rx.pending(GATHER));
        self.grown = pending > self.seen;
        self.seen = pending;
        pending
    }

    /// Whether who fills the pipe has sent much of it since this was asked last.
    pub(crate) fn was_helped(&mut self) -> bool {
        std::mem::take(&mut self.helped)
    }

    /// Whether what was seen at the last [look](Self::look) is to be sent: enough of it, waiting
    /// for long enough, or no more of it coming.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let due = !self.grown || now.duration_since(since) >= BATCHING;
        if due {
            self.seen = 0;
            self.since = None;
        }
        due
    }
}
