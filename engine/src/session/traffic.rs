//! A session while messages flow: its two halves, with the session or lent, and what goes on beside them.

use super::advance::TAKE_OVER;
use super::detached_pipe::DetachedPipe;
use super::inbound::PeerPing;
use crate::PipeState;
use crate::backend::Stream;
use crate::direct::Direct;
use crate::direct::{ReadHalf, WriteHalf};
use crate::io_thread::handler::Cx;
use ringmq_pipe::{LeaseCheck, LeaseOwner, lease};
use ringmq_zmtp::{Heartbeat, ProtocolError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long tasks that wait are relied on without a look, at first and later.
const TASKS_AT_FIRST: Duration = Duration::from_millis(64);
const TASKS_LATE: Duration = Duration::from_secs(1);

/// Answers and probes that wait for a peer that does not read; more would be of no use to it.
const COMMANDS: usize = 64;

/// See the [module's documentation](self).
pub(super) struct Traffic {
    pub(super) read: LeaseOwner<ReadHalf>,
    pub(super) write: LeaseOwner<WriteHalf>,
    pub(super) heartbeat: Heartbeat,
    pub(super) direct: Arc<Direct>,
    /// Something is to be sent, so that the writing half is needed here.
    pub(super) wants_to_write: bool,
    /// A thread of the application wants the reading half.
    pub(super) lending: bool,
    /// A thread of the application has read the connection itself, and has not given that up.
    pub(super) borrowers: bool,
    /// The reading half was lent because there was no room for what it would read.
    pub(super) starved: bool,
    /// The reading half is lent, and looked after by a timer.
    pub(super) watching: bool,
    /// How long it may be left alone from now on.
    pub(super) take_over: Duration,
    /// The time limit of the heartbeat that was over when the last look was taken at it. A second one
    /// is taken after events have been waited for: this thread may be late, and not the peer.
    pub(super) overdue: Option<Instant>,
    /// How often the reading half was borrowed when last looked at.
    uses: u32,
    /// PONGs and PINGs to be sent.
    commands: Vec<Beat>,
    /// Takes the connection off the pipe when traffic is over.
    _announced: Announced,
}

enum Beat {
    Ping(u16),
    Pong(Vec<u8>),
}

/// A connection that threads and tasks reach, until this is dropped: a pipe says so, if there is one.
struct Announced(Arc<Direct>, Option<Arc<PipeState>>);

impl Drop for Announced {
    fn drop(&mut self) {
        if let Some(state) = &self.1 {
            state.set_direct(None);
        }
        self.0.close();
    }
}

impl Traffic {
    pub(super) fn new(
        cx: &mut Cx<'_>,
        reading: ReadHalf,
        writing: WriteHalf,
        heartbeat: Heartbeat,
    ) -> Self {
        let (io, key) = (cx.io.notifier(), cx.token.key());
        let state = writing.source.as_ref().map(|source| source.state.clone());
        #[cfg(all(unix, feature = "tokio"))]
        let stream = reading.stream.clone();
        let read = lease(reading, io.clone(), key, |io, key| io.writable(key));
        let mut write = lease(writing, io, key, |io, key| io.readable(key));
        let ends = (read.share(), write.share());
        let direct = Arc::new(Direct::new(
            cx.io.clone(),
            cx.token,
            ends.0,
            ends.1,
            #[cfg(all(unix, feature = "tokio"))]
            stream,
        ));
        if let Some(source) = write.get().and_then(|writing| writing.source.as_mut()) {
            source.rx.install_inline(direct.clone(), key);
        }
        if let Some(state) = &state {
            state.set_direct(Some(direct.clone()));
        }
        let announced = Announced(direct.clone(), state);
        Self {
            read,
            write,
            heartbeat,
            direct,
            wants_to_write: false,
            lending: false,
            borrowers: false,
            starved: false,
            watching: false,
            take_over: TAKE_OVER,
            overdue: None,
            uses: 0,
            commands: Vec::new(),
            _announced: announced,
        }
    }

    /// Decodes what arrived, and what waited for credit, if reading is done here.
    pub(super) fn take_in(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ProtocolError> {
        // As long as bytes waited here, the peer was not listened to.
        if !bytes.is_empty() || self.is_blocked() {
            self.heartbeat.on_input();
        }
        let mut pings = Vec::new();
        let result = match self.read.get() {
            Some(reading) => reading.take(bytes, &mut pings),
            None => Ok(()),
        };
        self.heed(now, pings);
        result
    }

    /// Learns what borrowers have noticed.
    pub(super) fn catch_up(&mut self, now: Instant) {
        if self.direct.heard() {
            self.heartbeat.on_input();
        }
        let pings = self.direct.take_pings();
        self.heed(now, pings);
    }

    fn heed(&mut self, now: Instant, pings: Vec<PeerPing>) {
        for pings in pings {
            match pings {
                PeerPing::Ping { ttl, context } => {
                    self.heartbeat.on_ping(ttl, now);
                    self.wants_to_write = true;
                    if self.commands.len() < COMMANDS {
                        self.commands.push(Beat::Pong(context));
                    }
                }
                PeerPing::Pong => self.heartbeat.on_pong(),
            }
        }
    }

    /// Is going to send a PING, if none is waiting to be sent.
    pub(super) fn ping(&mut self, ttl: u16) {
        self.wants_to_write = true;
        self.commands.push(Beat::Ping(ttl));
    }

    /// Bytes of the batch under way were sent: notes whether there was a PING among them.
    pub(super) fn note_ping(&mut self, stream: &Stream, now: Instant) {
        let sent = self.write.get().and_then(|writing| writing.outbound.ping_sent());
        if let Some(behind_messages) = sent {
            self.heartbeat.on_ping_sent(behind_messages, now);
            self.watch_line(stream, now);
        }
    }

    /// Whether the peer may have pings something that has not been heard. Looks into the stream only
    /// if that decides about the connection.
    pub(super) fn is_deaf(&mut self, stream: &Stream) -> bool {
        self.starved || self.is_blocked() || self.overdue.is_some() && stream.has_unread()
    }

    /// Asks the kernel for signs of life if the peer is not expected to give them.
    pub(super) fn watch_line(&mut self, stream: &Stream, now: Instant) {
        if self.heartbeat.watches_line() {
            self.heartbeat.on_line(stream.line(), now);
        }
    }

    /// The writing half, with what is to be sent next in its batch, if it is needed and can be had.
    pub(super) fn writing(&mut self) -> Option<&mut WriteHalf> {
        if !(self.write.is_with_owner() || self.wants_to_write && self.write.revoke()) {
            return None; // Nothing to do for it here, or this session is told when it is back.
        }
        let writing = self.write.get()?;
        if std::mem::take(&mut self.wants_to_write) {
            for beat in self.commands.drain(..) {
                match beat {
                    Beat::Ping(ttl) => writing.outbound.ping(ttl),
                    Beat::Pong(context) => writing.outbound.pong(&context),
                }
            }
        }
        Some(writing)
    }

    /// Whether bytes wait here for credit.
    pub(super) fn is_blocked(&mut self) -> bool {
        self.read.get().is_some_and(|reading| reading.is_blocked())
    }

    /// Wants both halves back; `false` if one of them is in use.
    pub(super) fn revoke(&mut self) -> bool {
        let read = self.read.revoke();
        self.write.revoke() && read
    }

    /// Lends the reading half out.
    pub(super) fn lend_reading(&mut self) {
        self.lending = false;
        self.read.lend();
        self.direct.answered();
    }

    /// Whether the reading half is left alone because there is nothing to read, and tasks wait for more. That
    /// is looked at less and less often: a task whose runtime does not turn may wait for ever.
    pub(super) fn is_left_to_tasks(&mut self, stream: &Stream) -> bool {
        if self.read.is_with_owner()
            || self.read.was_taken_since(self.uses)
            || !self.direct.rely_on_watchers()
        {
            return false;
        }
        // Not at the first look: they may just have been told.
        if self.take_over >= TASKS_AT_FIRST && stream.has_unread() {
            self.direct.distrust_watchers();
            return false;
        }
        self.take_over = (2 * self.take_over).clamp(TASKS_AT_FIRST, TASKS_LATE);
        true
    }

    /// Nobody relies on tasks any more.
    pub(super) fn look_soon(&mut self) {
        if self.take_over >= TASKS_AT_FIRST {
            self.take_over = TAKE_OVER;
            self.watching = false;
        }
    }

    /// Takes the reading half back if it was left alone since the last look.
    pub(super) fn look(&mut self) -> LeaseCheck {
        self.read.check(&mut self.uses)
    }

    /// The pipe, with what is left of it to be sent on the next connection. Both halves are here.
    pub(super) fn into_carry(self, linger_until: Option<Instant>) -> Option<DetachedPipe> {
        let tx = self.read.into_inner()?.tx?;
        let WriteHalf { outbound, source, .. } = self.write.into_inner()?;
        let mut source = source?;
        let (unsent, credit) = outbound.into_unsent();
        source.unsent = unsent;
        if let Some(log) = source.rx.as_log_mut() {
            log.done(credit);
        }
        Some(DetachedPipe { tx, source, linger_until })
    }
}
