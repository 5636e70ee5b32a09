//! The two halves of a connection in traffic. Each is worked on by one thread at a time: by the I/O
//! thread, or by a thread of the application that has it on lease.

use super::carry::Source;
use super::inbound::{Inbound, Said};
use super::outbound::{GATHER, Outbound};
use crate::backend::{Descriptor, Ended, direct};
use crate::batch::Batch;
use ringmq_pipe::{Inlet, Outlet, Sleep};
use ringmq_zmtp::ProtocolError;
use std::io;
use std::time::{Duration, Instant};

/// How long messages of a burst may wait for more of them.
const BATCHING: Duration = Duration::from_micros(30);

/// The reading half: from the descriptor into the pipe.
pub(super) struct Reading {
    /// Here, so that it is closed with the session and not with the last who has borrowed a half.
    pub(super) descriptor: Descriptor,
    pub(super) inbound: Inbound,
    /// Where messages go; `None` when there is no room for this connection.
    pub(super) tx: Option<Outlet>,
    /// Why a borrower stopped reading.
    pub(super) over: Option<Over>,
}

/// Why no more is read.
pub(super) enum Over {
    Ended(Ended),
    Broken(ProtocolError),
}

impl Reading {
    /// Decodes what arrived, and what waited for credit.
    pub(super) fn take(
        &mut self,
        octets: &[u8],
        said: &mut Vec<Said>,
    ) -> Result<(), ProtocolError> {
        let result = self.inbound.take(octets, self.tx.as_mut(), said);
        // One publication for all that this read brought.
        if let Some(Outlet::Log(log)) = &mut self.tx {
            log.publish();
        }
        result
    }
}

/// The writing half: from the pipe to the descriptor.
pub(super) struct Writing {
    descriptor: Descriptor,
    pub(super) outbound: Outbound,
    pub(super) source: Option<Source>,
    /// What is left of the batch under way, if the kernel would not take it all from a borrower.
    pub(super) batch: Batch,
    /// Why a borrower could not send.
    pub(super) failed: Option<io::Error>,
    /// The pipe is filled faster than it pays to send each message: it stays awake, the I/O thread looks
    /// at it every few microseconds, and whoever fills it sends when it is full.
    pub(super) watched: bool,
    /// What was in it at the last look, whether that was more than before, and since when it waits.
    seen: usize,
    grown: bool,
    since: Option<Instant>,
}

/// What came of sending all there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// All of it went out.
    Dry,
    /// The kernel takes no more at the moment, or the connection has failed.
    Stuck,
}

impl Writing {
    pub(super) fn new(descriptor: Descriptor, outbound: Outbound, source: Option<Source>) -> Self {
        Self {
            descriptor,
            outbound,
            source,
            batch: Batch::default(),
            failed: None,

            watched: false,
            seen: 0,
            grown: false,
            since: None,
        }
    }

    /// Fills the batch from what there is to send.
    pub(super) fn next(&mut self) {
        self.outbound.batch_done();
        let rx = self.source.as_mut().map(|source| &mut source.rx);
        self.outbound.next(rx, &mut self.batch);
    }

    /// Notes that the kernel has taken `octets` more of `batch`, and credits the messages.
    pub(super) fn sent(&mut self, batch: &mut Batch, octets: usize) {
        let messages = batch.advance(octets);
        self.outbound.sent(octets, messages);
        if messages > 0
            && let Some(Source { rx: Inlet::Log(log), .. }) = &mut self.source
        {
            log.done(messages);
        }
    }

    /// Whether the socket has closed the pipe and everything it wrote is sent.
    pub(super) fn ended(&mut self) -> bool {
        self.source.as_mut().is_some_and(|source| source.rx.ended())
    }

    /// Goes to sleep when there is nothing to send; `false` if there is something.
    pub(super) fn fall_asleep(&mut self) -> bool {
        self.watched = false;
        self.source.as_mut().is_none_or(|source| source.rx.fall_asleep() == Sleep::Asleep)
    }

    /// Sends what there is, as far as the kernel takes it.
    pub(super) fn flush(&mut self) -> Flush {
        loop {
            while !self.batch.is_empty() {
                match direct::send(&self.descriptor, &self.batch) {
                    Ok(octets) => {
                        let mut batch = std::mem::take(&mut self.batch);
                        self.sent(&mut batch, octets);
                        self.batch = batch;
                    }
                    Err(error) => {
                        let full = error.kind() == io::ErrorKind::WouldBlock;
                        self.failed = (!full).then_some(error);
                        return Flush::Stuck;
                    }
                }
            }
            self.next();
            if self.batch.is_empty() {
                return Flush::Dry;
            }
        }
    }

    /// As [`flush`](Self::flush), on the thread that has just written to the pipe. In the end the pipe is
    /// asleep, unless it is [watched](Self::watched).
    pub(super) fn flush_written(&mut self) -> Flush {
        loop {
            if self.flush() == Flush::Stuck {
                return Flush::Stuck;
            }
            let Some(source) = &mut self.source else { return Flush::Stuck };
            if self.watched {
                return Flush::Dry;
            }
            if source.rx.doze_off() == Sleep::Asleep {
                return Flush::Dry;
            }
            if source.rx.ended() {
                return Flush::Stuck; // What follows is the session's.
            }
        }
    }

    /// Looks at how much there is in a pipe that a borrower is filling.
    pub(super) fn look(&mut self) -> usize {
        let pending = self.source.as_mut().map_or(0, |source| source.rx.pending());
        self.grown = pending > self.seen;
        self.seen = pending;
        pending
    }

    /// Whether what was seen at the last [look](Self::look) is to be sent: enough of it, waiting for long
    /// enough, or no more of it coming.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let due = !self.grown || self.seen >= GATHER || now.duration_since(since) >= BATCHING;
        if due {
            self.seen = 0;
            self.since = None;
        }
        due
    }
}
