//! The two halves of a connection in traffic. Each is worked on by one thread at a time: by the I/O
//! thread, or by a thread of the application that has it on lease.

use super::carry::Source;
use super::inbound::{Inbound, Said};
use super::outbound::Outbound;
use crate::backend::{Descriptor, Ended, direct};
use crate::batch::Batch;
use ringmq_pipe::{Inlet, Outlet, Sleep};
use ringmq_zmtp::ProtocolError;
use std::io;

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
    /// The pipe's log is asleep: its writer tells when there is more.
    pub(super) asleep: bool,
}

/// What came of a borrower's attempt to send all there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// All of it went out, and the pipe is asleep.
    Done,
    /// The rest is for the I/O thread.
    Stuck,
}

impl Writing {
    pub(super) fn new(descriptor: Descriptor, outbound: Outbound, source: Option<Source>) -> Self {
        Self { descriptor, outbound, source, batch: Batch::default(), failed: None, asleep: false }
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
        if !self.asleep
            && let Some(source) = &mut self.source
        {
            self.asleep = source.rx.fall_asleep() == Sleep::Asleep;
            return self.asleep;
        }
        true
    }

    /// Sends what there is, on the thread that has just written it to the pipe.
    pub(super) fn flush(&mut self) -> Flush {
        loop {
            self.next();
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
            self.outbound.batch_done();
            let Some(source) = &mut self.source else { return Flush::Stuck };
            match source.rx.doze_off() {
                Sleep::Asleep => {
                    self.asleep = true;
                    return Flush::Done;
                }
                // More than one batch, or the end.
                Sleep::Ready if source.rx.ended() => return Flush::Stuck,
                Sleep::Ready => {}
            }
        }
    }
}
