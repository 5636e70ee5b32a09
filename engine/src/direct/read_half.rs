//! The reading half of a connection in traffic: from the stream into the pipe. One thread at a time
//! works on it: the I/O thread, or a thread of the application that has it on lease.

use crate::backend::{Ended, RECEIVE_BUFFER, Stream};
use crate::monitor::{DisconnectReason, PeerLimit};
use crate::session::inbound::{Committed, Inbound, PeerSign};
use crate::session::waiting_bytes::{Intake, WaitingBytes};
use ringmq_pipe::{LogWriter, PipeWriter};
use ringmq_zmtp::ProtocolError;
use std::io;

/// A read that brings so much is part of a stream.
const BULK: usize = 32 * 1024;
/// Messages of so many bytes and more are worth a block of the log however few of them come.
const COARSE: usize = 4 * 1024;
/// Reads that are copied after one has brought what does not stay in a log.
const COPIES: u8 = 64;
/// Least room in a log that is worth a read.
const SPARE: usize = 16 * 1024;
/// Bytes received with the end of a large body and after it: enough for the header of the next one,
/// little of whose body is then copied.
const AFTER_LARGE: usize = 4 * 1024;
const _: () = assert!(AFTER_LARGE <= RECEIVE_BUFFER, "it goes into such a buffer");

/// A body of which so much has come goes on in pieces, so that the peers which share the thread have their turns
/// between them: one that is longer may be endless.
const UNDIVIDED: usize = 1 << 20;
/// Bytes of such a piece: they take about as long as what a buffer brings of small messages.
const PIECE: usize = 256 * 1024;

/// The reading half: from the stream into the pipe.
pub(crate) struct ReadHalf {
    /// Here, so that it is closed with the session and not with the last who has borrowed a half.
    pub(crate) stream: Stream,
    pub(crate) inbound: Inbound,
    /// Where messages go; `None` when there is no room for this connection.
    pub(crate) tx: Option<PipeWriter>,
    /// What the application has not taken of them.
    waiting: WaitingBytes,
    /// Why a borrower stopped reading.
    pub(crate) over: Option<ReadEnd>,
    /// The last read brought much at once, so that the next one is worth a block of the log.
    bulk: bool,
    /// Bytes that are missing of a frame whose beginning is in the log.
    lacking: usize,
    /// Reads for which that is not to be tried: they bring what does not stay in a log.
    copies: u8,
    /// The last read brought less than it could have: there was no more.
    drained: bool,
}

/// Why no more is read.
pub(crate) enum ReadEnd {
    Ended(Ended),
    Broken(Misuse),
}

/// What a peer has done for which it has to go.
pub(crate) enum Misuse {
    Protocol(ProtocolError),
    Limit(PeerLimit),
}

impl From<Misuse> for DisconnectReason {
    fn from(misuse: Misuse) -> Self {
        match misuse {
            // No misuse at all.
            Misuse::Protocol(ProtocolError::WebSocketClosed) => Self::PeerClosed,
            Misuse::Protocol(error) => Self::Protocol(error),
            Misuse::Limit(limit) => Self::Refused(limit),
        }
    }
}

impl ReadHalf {
    pub(crate) fn new(
        stream: Stream,
        inbound: Inbound,
        tx: Option<PipeWriter>,
        waiting: WaitingBytes,
    ) -> Self {
        Self {
            stream,
            inbound,
            tx,
            waiting,
            over: None,
            bulk: false,
            lacking: 0,
            copies: 0,
            drained: false,
        }
    }

    /// Where messages went, and what is counted of that, when no more come.
    pub(crate) fn into_pipe(mut self) -> Option<(PipeWriter, WaitingBytes)> {
        self.waiting.end(intake(&self.inbound, self.tx.as_mut()));
        Some((self.tx?, self.waiting))
    }

    /// What messages are written to, if that keeps all of them.
    fn log(&mut self) -> Option<&mut LogWriter> {
        self.tx.as_mut().and_then(PipeWriter::as_log_mut)
    }

    /// Whether bytes are here for which the pipe had no room.
    pub(crate) fn is_blocked(&self) -> bool {
        let log = self.tx.as_ref().and_then(PipeWriter::as_log);
        let uncommitted = log.is_some_and(|log| !log.uncommitted().is_empty());
        self.waiting.is_held() || self.inbound.is_blocked() || uncommitted && self.lacking == 0
    }

    /// Whether what could come unasked is more than there may be room for.
    pub(crate) fn is_near_limit(&self) -> bool {
        self.waiting.is_near()
    }

    /// Whether bytes are here that were received and not decoded.
    pub(crate) fn has_backlog(&self) -> bool {
        let log = self.tx.as_ref().and_then(PipeWriter::as_log);
        self.inbound.is_blocked() || log.is_some_and(|log| !log.uncommitted().is_empty())
    }

    /// Whether the pipe has room again, after it had none.
    pub(crate) fn has_room(&mut self) -> bool {
        self.is_blocked()
            && !self.is_still_held()
            && self.tx.as_mut().is_some_and(|pipe| pipe.credit() > 0)
    }

    /// Whether too many bytes wait, as they did when that was asked last.
    fn is_still_held(&mut self) -> bool {
        if !self.waiting.is_held() {
            return false;
        }
        let log = intake(&self.inbound, self.tx.as_mut()).log;
        let held = self.waiting.look_again(log);
        self.inbound.set_held(held);
        held
    }

    /// Takes account of what was decoded, if so much was that it is time for that.
    #[inline(always)]
    fn count(&mut self) -> Result<(), Misuse> {
        if !self.waiting.is_due(self.inbound.decoded()) {
            return Ok(());
        }
        let looked = self.waiting.look(intake(&self.inbound, self.tx.as_mut()));
        self.inbound.set_held(self.waiting.is_held());
        looked.map_err(Misuse::Limit)
    }

    /// Whether the last [`receive`](Self::receive) has taken all that the stream had.
    pub(crate) fn has_drained(&self) -> bool {
        self.drained
    }

    /// Decodes what arrived, and what waited for credit.
    pub(crate) fn take(&mut self, bytes: &[u8], signs: &mut Vec<PeerSign>) -> Result<(), Misuse> {
        self.lacking = 0;
        self.is_still_held();
        let result = self.inbound.take(bytes, self.tx.as_mut(), signs);
        // One publication for all that this read brought.
        if let Some(log) = self.log() {
            log.publish();
        }
        result.map_err(Misuse::Protocol)?;
        self.count()
    }

    /// Moves what the stream has into the pipe, without blocking; `buffer` is for what does not go
    /// there directly.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        signs: &mut Vec<PeerSign>,
    ) -> Result<(), ReadEnd> {
        self.drained = false;
        if self.is_blocked() {
            // What is here already goes first, and alone until the pipe has room for it.
            return self.take(&[], signs).map_err(ReadEnd::Broken);
        }
        if self.inbound.large_body().is_some() {
            return self.receive_large(buffer, signs);
        }
        if self.lacking > 0 || self.bulk && self.inbound.can_land() {
            return self.receive_into_log(signs);
        }
        let most = if self.inbound.is_large() { AFTER_LARGE } else { buffer.len() };
        let bytes = some(self.stream.receive(&mut buffer[..most]))?;
        self.drained = bytes < most;
        self.copies = self.copies.saturating_sub(1);
        let is_log = self.log().is_some();
        let result = self.take(&buffer[..bytes], signs).map_err(ReadEnd::Broken);
        self.bulk = self.is_worth_a_block(bytes) && self.copies == 0 && is_log;
        result
    }

    /// Receives a large body where it belongs, and the beginning of what follows into `buffer`.
    fn receive_large(
        &mut self,
        buffer: &mut [u8],
        signs: &mut Vec<PeerSign>,
    ) -> Result<(), ReadEnd> {
        let Some((body, most)) = self.inbound.large_body() else { return Ok(()) };
        let rest = &mut buffer[..AFTER_LARGE];
        let piece = if body.len() < UNDIVIDED { UNDIVIDED } else { PIECE };
        let (large, more) = self
            .stream
            .receive_body(body, most, piece, rest)
            .map_err(|error| ReadEnd::Ended(Ended::Failed(error)))?;
        if large == 0 {
            return Err(ReadEnd::Ended(Ended::Eof));
        }
        self.inbound.large_body_received(large, self.tx.as_mut());
        self.count().map_err(ReadEnd::Broken)?;
        self.take(&buffer[..more], signs).map_err(ReadEnd::Broken)
    }

    /// Receives into the memory of the log, where the bytes stay.
    fn receive_into_log(&mut self, signs: &mut Vec<PeerSign>) -> Result<(), ReadEnd> {
        // Nothing but a log has memory to receive into: see `receive`.
        let Some(log) = self.tx.as_mut().and_then(PipeWriter::as_log_mut) else { return Ok(()) };
        let bytes = {
            let (begun, message) = (log.uncommitted().len(), self.inbound.message());
            let coarse = message >= COARSE;
            let least = if coarse { self.lacking.max(message) } else { self.lacking.max(SPARE) };
            let memory = log.spare_mut(least);
            let mut most = memory.len().min(RECEIVE_BUFFER);
            if coarse {
                // Whole ones only, if they are all alike: a part would have to be moved to the next block.
                let whole = (begun + most) / message * message;
                most = whole.saturating_sub(begun).max(self.lacking);
            }
            debug_assert!(most > 0, "no bytes would be taken for the end");
            some(self.stream.receive(&mut memory[..most]))?
        };
        log.advance(bytes);
        self.lacking = 0;
        match self.inbound.commit(log) {
            Committed::All => {}
            // There may be a PING among it, which needs no credit.
            Committed::Blocked => {
                self.bulk = false;
                return self.take(&[], signs).map_err(ReadEnd::Broken);
            }
            Committed::Partial(lacking) => self.lacking = lacking,
            Committed::Other => {
                self.bulk = false;
                self.copies = COPIES;
                return self.take(&[], signs).map_err(ReadEnd::Broken);
            }
        }
        self.bulk = self.is_worth_a_block(bytes);
        if let Some(log) = self.log() {
            log.publish();
        }
        self.count().map_err(ReadEnd::Broken)
    }

    /// Whether a read that brought so many bytes is one of several that bring many, or large messages.
    fn is_worth_a_block(&self, bytes: usize) -> bool {
        bytes >= BULK || self.inbound.message() >= COARSE
    }
}

/// How far a connection has come.
fn intake<'a>(inbound: &Inbound, tx: Option<&'a mut PipeWriter>) -> Intake<'a> {
    let tx = tx.filter(|_| !inbound.discards());
    let midway = inbound.is_midway(tx.is_some());
    let log = tx.and_then(PipeWriter::as_log_mut);
    Intake { bytes: inbound.decoded(), midway, messages: inbound.ended(), log }
}

/// The bytes of a receive; none of them are the end.
fn some(result: io::Result<usize>) -> Result<usize, ReadEnd> {
    match result {
        Ok(0) => Err(ReadEnd::Ended(Ended::Eof)),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(ReadEnd::Ended(Ended::Failed(error))),
    }
}

#[cfg(test)]
mod tests;
