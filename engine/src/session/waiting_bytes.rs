//! The bytes of one peer that the application has not taken: counted, and limited.
//!
//! Looked at now and then, when so many more have come: in between, an addition and a comparison for each read are
//! all that it costs. As long as too much waits, the connection is held: nothing more is read or decoded until the
//! application has taken some, which the pipe tells as it tells of credit. One that is held has a whole message
//! waiting, so there is something to be taken.

use crate::context_bytes::{ByteLedger, ContextBytes, LedgerSum, Mark};
use crate::monitor::PeerLimit;
use ringmq_pipe::LogWriter;
use std::sync::Arc;

/// Bytes between two looks.
const STEP: u64 = 256 * 1024;
/// The same, as a part of a limit that is low.
const STEP_PART: u64 = 16;
/// The same, as a part of what waits where that is much: there are not many more marks than this.
const MARKS: u64 = 64;
/// As much as a backend may have under way of one connection, when it receives without being asked each time.
const UNDER_WAY: u64 = 4 * 1024 * 1024;
/// A connection that is held is told of more credit when it is this part of the messages that wait.
const CREDIT_PART: u64 = 16;

/// See the [module's documentation](self).
pub(crate) struct WaitingBytes {
    context: Arc<ContextBytes>,
    limit: u64,
    /// What had come on this connection at the last look, and when the next one is due. Both wrap.
    looked_at: u64,
    due: u64,
    /// Messages there were at the last look; wraps.
    written: u64,
    /// Once something has waited for as long as from one look to the next.
    ledger: Option<Arc<ByteLedger>>,
    /// Messages went into a log at the last look.
    logged: bool,
    held: bool,
    /// What may be under way could be too much.
    near: bool,
}

/// How far a connection has come.
pub(crate) struct Intake<'a> {
    /// Bytes that were taken in.
    pub(crate) bytes: u64,
    /// Whether some of them belong to a message that has not ended, and are kept.
    pub(crate) midway: bool,
    /// Messages that have ended on this connection; wraps.
    pub(crate) messages: u64,
    /// Where messages are kept, if all of them are.
    pub(crate) log: Option<&'a mut LogWriter>,
}

impl Intake<'_> {
    /// How many messages there were, and how many of them are taken; both wrap.
    fn messages(&mut self) -> (u64, u64) {
        let counted = (self.messages, self.messages);
        self.log.as_deref_mut().map_or(counted, |log| (log.written(), log.credited()))
    }
}

impl WaitingBytes {
    /// `limit` of one peer; `None` is no limit.
    pub(crate) fn new(context: Arc<ContextBytes>, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        let mut this = Self {
            context,
            limit,
            looked_at: 0,
            due: 0,
            written: 0,
            ledger: None,
            logged: false,
            held: false,
            near: limit < UNDER_WAY,
        };
        this.due = this.step();
        this
    }

    /// Another connection goes on with the pipe, and has its own limit.
    pub(crate) fn begin(mut self, limit: Option<u64>) -> Self {
        self.limit = limit.unwrap_or(u64::MAX);
        self.held = false;
        self.near = self.limit < UNDER_WAY;
        self.looked_at = 0;
        self.due = self.step();
        self
    }

    fn step(&self) -> u64 {
        STEP.min(self.limit / STEP_PART).min(self.context.share() / 2).max(1)
    }

    /// Whether [a look](Self::look) is due after so many bytes in all.
    #[inline(always)]
    pub(crate) fn is_due(&self, bytes: u64) -> bool {
        bytes >= self.due
    }

    /// Whether nothing is to be read.
    #[inline(always)]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Whether there is so little room that each read is to be asked for.
    #[inline(always)]
    pub(crate) fn is_near(&self) -> bool {
        self.near
    }

    /// Takes account of what has come and what was taken.
    ///
    /// # Errors
    /// The limit for which the peer has to go.
    #[cold]
    pub(crate) fn look(&mut self, mut intake: Intake<'_>) -> Result<(), PeerLimit> {
        let (written, credited) = intake.messages();
        let waiting = self.note(&mut intake);
        let next = self.step().max(waiting.bytes / MARKS);
        let left = self.limit.saturating_sub(waiting.bytes);
        self.near = left < UNDER_WAY;
        let next = match (&intake.log, left) {
            // When that is taken no one else can tell.
            (None, _) if waiting.bytes > 0 => 1,
            (_, 0) => next,
            (_, left) => next.min(left),
        };
        self.due = intake.bytes.wrapping_add(next);
        let is_whole = written != credited;
        if let Some(log) = &mut intake.log {
            log.set_credit_step(waiting.step);
        }
        if let Some(log) = intake.log.filter(|_| is_whole) {
            self.held = self.is_too_much(waiting.bytes) && self.hold(log);
        } else if intake.midway && waiting.last > self.context.share() && self.context.is_full() {
            return Err(PeerLimit::ContextBytes);
        }
        Ok(())
    }

    /// As [`look`](Self::look), of a connection that is held and may have been told of credit: whether it still is.
    #[cold]
    pub(crate) fn look_again(&mut self, log: Option<&mut LogWriter>) -> bool {
        self.held = log.is_some_and(|log| self.hold(log));
        self.held
    }

    /// The connection is over: what it leaves behind in the pipe stays counted.
    pub(crate) fn end(&mut self, mut intake: Intake<'_>) {
        let (written, _) = intake.messages();
        self.note(&mut intake);
        if let Some(ledger) = &self.ledger {
            self.context.cut(ledger, written);
        }
    }

    /// Counts what has come since the last look, and lets go of what was taken.
    fn note(&mut self, intake: &mut Intake<'_>) -> LedgerSum {
        let (written, credited) = intake.messages();
        if self.logged && intake.log.is_none() {
            // The socket is gone: what comes now goes nowhere, what was written is counted as long as it is there.
            if let Some(ledger) = self.ledger.take() {
                self.context.cut(&ledger, self.written);
            }
            self.written = written;
        }
        self.logged = intake.log.is_some();
        let new = intake.bytes.wrapping_sub(self.looked_at);
        self.looked_at = intake.bytes;
        let messages = written.wrapping_sub(std::mem::replace(&mut self.written, written));
        let waits = written != credited || intake.midway;
        if waits && new > 0 {
            let gauge = || intake.log.as_deref().map(LogWriter::credit_gauge);
            let ledger = self.ledger.get_or_insert_with(|| self.context.open(gauge()));
            let message = written.wrapping_add(u64::from(intake.midway));
            self.context.add(ledger, Mark { message, messages, bytes: new });
        }
        match &self.ledger {
            Some(ledger) => self.context.settle(ledger, credited),
            None => LedgerSum { bytes: 0, last: 0, step: u64::MAX },
        }
    }

    fn is_too_much(&self, bytes: u64) -> bool {
        bytes >= self.limit || bytes > self.context.share() && self.context.is_full()
    }

    /// Has the pipe tell when the application has taken more, as long as there is too much of what it could take.
    fn hold(&self, log: &mut LogWriter) -> bool {
        let Some(ledger) = &self.ledger else { return false };
        let outstanding = log.written().wrapping_sub(log.credited());
        let step = self.context.settle(ledger, log.credited()).step;
        // What is taken from here on is told, what was taken before is found here.
        let holds = log.await_credit(step.min(outstanding / CREDIT_PART)).is_some_and(|credited| {
            let waiting = self.context.settle(ledger, credited).bytes;
            credited != log.written() && self.is_too_much(waiting)
        });
        if !holds {
            log.stop_awaiting();
        }
        holds
    }
}
