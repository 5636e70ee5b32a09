//! The two halves of a connection in traffic. Each is worked on by one thread at a time: by the I/O
//! thread, or by a thread of the application that has it on lease.

use super::carry::Source;
use super::inbound::{Inbound, Landed, Said};
use super::outbound::{GATHER, Outbound};
use crate::backend::{Descriptor, Ended, RECEIVE_BUFFER, direct};
use crate::batch::Batch;
use ringmq_pipe::{Inlet, Outlet, Sleep};
use ringmq_zmtp::ProtocolError;
use std::io;
use std::time::{Duration, Instant};

/// How long a patient writer waits for a peer that reads.
pub(super) const PATIENCE: Duration = Duration::from_micros(200);

/// A read that brings so much is part of a stream.
const BULK: usize = 32 * 1024;
/// Reads that are copied after one has brought what does not stay in a log.
const COPIES: u8 = 64;
/// Least room in a log that is worth a read.
const LANDING: usize = 16 * 1024;
/// Bytes received with the end of a large body and after it: enough for the header of the next one,
/// little of whose body is then copied.
const AFTER_LARGE: usize = 4 * 1024;

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
    /// The last read brought much at once, so that the next one is worth a block of the log.
    bulk: bool,
    /// Bytes that are missing of a frame whose beginning is in the log.
    lacking: usize,
    /// Reads for which that is not to be tried: they bring what does not stay in a log.
    copies: u8,
}

/// Why no more is read.
pub(super) enum Over {
    Ended(Ended),
    Broken(ProtocolError),
}

impl Reading {
    pub(super) fn new(descriptor: Descriptor, inbound: Inbound, tx: Option<Outlet>) -> Self {
        Self { descriptor, inbound, tx, over: None, bulk: false, lacking: 0, copies: 0 }
    }

    /// Whether bytes are here for which the pipe had no room.
    pub(super) fn is_blocked(&self) -> bool {
        let landed = match &self.tx {
            Some(Outlet::Log(log)) => !log.landed().is_empty(),
            _ => false,
        };
        self.inbound.is_blocked() || landed && self.lacking == 0
    }

    /// Decodes what arrived, and what waited for credit.
    pub(super) fn take(&mut self, bytes: &[u8], said: &mut Vec<Said>) -> Result<(), ProtocolError> {
        self.lacking = 0;
        let result = self.inbound.take(bytes, self.tx.as_mut(), said);
        // One publication for all that this read brought.
        if let Some(Outlet::Log(log)) = &mut self.tx {
            log.publish();
        }
        result
    }

    /// Moves what the descriptor has into the pipe, without blocking; `buffer` is for what does not go
    /// there directly.
    pub(super) fn receive(&mut self, buffer: &mut [u8], said: &mut Vec<Said>) -> Result<(), Over> {
        if self.is_blocked() {
            // What is here already goes first, and alone until the pipe has room for it.
            return self.take(&[], said).map_err(Over::Broken);
        }
        if self.inbound.large_body().is_some() {
            return self.receive_large(buffer, said);
        }
        if self.lacking > 0 || self.bulk && self.inbound.can_land() {
            return self.receive_into_log(said);
        }
        let most = if self.inbound.is_large() { AFTER_LARGE } else { buffer.len() };
        let bytes = some(direct::receive(&self.descriptor, &mut buffer[..most]))?;
        self.copies = self.copies.saturating_sub(1);
        let is_log = matches!(self.tx, Some(Outlet::Log(_)));
        self.bulk = bytes >= BULK && self.copies == 0 && is_log;
        self.take(&buffer[..bytes], said).map_err(Over::Broken)
    }

    /// Receives a large body where it belongs, and the beginning of what follows into `buffer`.
    fn receive_large(&mut self, buffer: &mut [u8], said: &mut Vec<Said>) -> Result<(), Over> {
        let Some((body, most)) = self.inbound.large_body() else { return Ok(()) };
        let rest = &mut buffer[..AFTER_LARGE];
        let (large, more) = direct::receive_body(&self.descriptor, body, most, rest)
            .map_err(|error| Over::Ended(Ended::Failed(error)))?;
        if large == 0 {
            return Err(Over::Ended(Ended::Eof));
        }
        self.inbound.large_body_received(large, self.tx.as_mut());
        self.take(&buffer[..more], said).map_err(Over::Broken)
    }

    /// Receives into the memory of the log, where the bytes stay.
    fn receive_into_log(&mut self, said: &mut Vec<Said>) -> Result<(), Over> {
        // Nothing but a log has memory to receive into: see `receive`.
        let Some(Outlet::Log(log)) = &mut self.tx else { return Ok(()) };
        let bytes = {
            let memory = log.landing(self.lacking.max(LANDING));
            let most = memory.len().min(RECEIVE_BUFFER);
            some(direct::receive(&self.descriptor, &mut memory[..most]))?
        };
        log.land(bytes);
        self.bulk = bytes >= BULK;
        self.lacking = 0;
        match self.inbound.take_landed(log) {
            Landed::All => {}
            // There may be a PING among it, which needs no credit.
            Landed::Blocked => return self.take(&[], said).map_err(Over::Broken),
            Landed::Partial(lacking) => self.lacking = lacking,
            Landed::Other => {
                self.copies = COPIES;
                return self.take(&[], said).map_err(Over::Broken);
            }
        }
        if let Some(Outlet::Log(log)) = &mut self.tx {
            log.publish();
        }
        Ok(())
    }
}

/// The bytes of a receive; none of them are the end.
fn some(result: io::Result<usize>) -> Result<usize, Over> {
    match result {
        Ok(0) => Err(Over::Ended(Ended::Eof)),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(Over::Ended(Ended::Failed(error))),
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
    /// The peer did not read when it was waited for: that is the I/O thread's now.
    stalled: bool,
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
            stalled: false,
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

    /// Notes that the kernel has taken `bytes` more of `batch`, and credits the messages.
    pub(super) fn sent(&mut self, batch: &mut Batch, bytes: usize) {
        let messages = batch.advance(bytes);
        self.outbound.sent(bytes, messages);
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
        self.stalled = false;
        if self.outbound.rest() {
            self.batch = Batch::default();
        }
        self.source.as_mut().is_none_or(|source| source.rx.fall_asleep() == Sleep::Asleep)
    }

    /// Sends what there is, as far as the kernel takes it.
    pub(super) fn flush(&mut self) -> Flush {
        loop {
            while !self.batch.is_empty() {
                match direct::send(&self.descriptor, &self.batch) {
                    Ok(bytes) => {
                        let mut batch = std::mem::take(&mut self.batch);
                        self.sent(&mut batch, bytes);
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

    /// As [`flush_written`](Self::flush_written). One who is patient tries for a while if the kernel takes
    /// no more: a peer that reads makes room sooner than the I/O thread is awake. One such wait in vain
    /// is the last until the peer has read.
    pub(super) fn flush_patiently(&mut self, patient: bool) -> Flush {
        let mut since = None;
        loop {
            let flush = self.flush_written();
            if flush == Flush::Dry || !patient || self.stalled || self.failed.is_some() {
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

    /// Whether there is as much to send as is worth a system call of its own.
    pub(super) fn has_much(&mut self) -> bool {
        self.source.as_mut().is_some_and(|source| source.rx.pending() >= GATHER / 2)
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
