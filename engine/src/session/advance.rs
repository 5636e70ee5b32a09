//! What makes a session go: sends and receives as the state demands, and what comes of them.

use super::closing::HALF_CLOSED_FOR;
use super::{HEARTBEAT, LAST_READ, LEASE, Phase, Session, handshake};
use crate::backend::{Ended, Receive};
use crate::batch::Batch;
use crate::direct::{Flush, ReadEnd};
use crate::io_thread::handler::Cx;
use crate::monitor::DisconnectReason;
use ringmq_pipe::LeaseCheck;
use ringmq_zmtp::Action;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A receive that brings so much is part of a stream: read on only when that is dealt with, so that
/// no more than one buffer is read ahead.
const BULK: usize = 32 * 1024;
/// Credit below which a connection is read one buffer at a time, for the same reason.
const SCARCE: u64 = 64;

/// How long a reading half that is lent may be left alone before it is taken back: long for a thread
/// that turns from one message to the next, short for a peer that waits for an answer to its PING.
pub(super) const TAKE_OVER: Duration = Duration::from_millis(2);
/// The same for one that was in use at every look for a while: a look takes the processor from whoever
/// is using it, and with one every 2 ms on either side every hundredth round trip would meet one.
const TAKE_OVER_LATE: Duration = Duration::from_millis(16);

/// A timer set for so much later is due after events have been waited for: the time stands still before.
const NEXT_ROUND: Duration = Duration::from_nanos(1);

impl Session {
    /// Sends, receives and arranges timers as the state demands.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        if self.is_over() {
            return;
        }
        if let Some(reason) = self.failure.take() {
            return self.fail(cx, reason);
        }
        if self.gone.is_some() {
            return self.wind_down(cx);
        }
        self.advance_output(cx);
        if self.is_over() {
            return;
        }
        self.advance_input(cx);
        self.arrange_heartbeat(cx);
    }

    fn advance_output(&mut self, cx: &mut Cx<'_>) {
        if self.sending {
            return;
        }
        let batch = match &mut self.phase {
            Phase::Handshake(handshake, _) => handshake::output(handshake),
            Phase::Traffic(traffic) => {
                let Some(writing) = traffic.writing() else { return };
                if let Some(error) = writing.failed.take() {
                    return self.send_failed(cx, error);
                }
                if writing.batch.is_empty() {
                    writing.next();
                }
                if writing.batch.is_empty() {
                    return self.rest(cx);
                }
                std::mem::take(&mut writing.batch)
            }
            Phase::HalfClosed | Phase::Over => return,
        };
        if !batch.is_empty() {
            self.sending = true;
            cx.backend.send(cx.token, &self.stream, batch);
        }
    }

    /// Nothing to send: the log goes to sleep and the writing half is lent, or the log has come to its
    /// end.
    fn rest(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        let Some(writing) = traffic.write.get() else { return };
        if writing.ended() {
            return self.half_close(cx);
        }
        if !writing.fall_asleep() {
            return self.advance_output(cx);
        }
        if writing.source.is_some() {
            // Whoever has written meanwhile found the half here, and has told.
            traffic.write.lend();
        }
    }

    /// Looks at a pipe that is filled fast: sends what is in it when there is enough of it, or no more
    /// comes. Whoever fills it may do so too, and before.
    pub(super) fn watch_burst(&mut self, cx: &mut Cx<'_>) {
        if self.is_over() || self.sending || self.gone.is_some() {
            return;
        }
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if !traffic.write.revoke() {
            return self.request_tick(cx);
        }
        let Some(writing) = traffic.write.get() else { return };
        writing.watched = true;
        let pending = writing.look();
        let stuck = writing.is_due(cx.now) && writing.flush() == Flush::Blocked;
        if stuck || pending == 0 || traffic.wants_to_write {
            writing.watched = false;
            return self.advance(cx);
        }
        traffic.write.lend();
        self.request_tick(cx);
    }

    fn request_tick(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::replace(&mut self.request_tick, true) {
            cx.request_tick();
        }
    }

    /// Notes how much a receive has brought.
    pub(super) fn note_volume(&mut self, bytes: usize) {
        self.bulk = bytes >= BULK;
    }

    /// Whether bytes are here for which there is no use yet, so that no more are read.
    fn is_blocked(&mut self) -> bool {
        match &mut self.phase {
            Phase::Traffic(traffic) => traffic.is_blocked(),
            // Said before an authenticator has let the peer in.
            Phase::Handshake(handshake, rest) => handshake.is_waiting() && !rest.is_empty(),
            _ => false,
        }
    }

    fn advance_input(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Traffic(traffic) = &self.phase {
            if !traffic.read.is_with_owner() {
                return;
            }
            if traffic.lending {
                return self.lend_reading(cx);
            }
        }
        let blocked = self.is_blocked();
        match self.receiving {
            Some(Receive::Stream) if blocked || self.bulk => cx.backend.pause(cx.token),
            Some(_) => {}
            None if blocked => self.lend_starved(),
            None => {
                let how = if self.bulk || self.credit_is_scarce() {
                    Receive::Once
                } else {
                    Receive::Stream
                };
                self.receiving = Some(how);
                cx.backend.receive(cx.token, &self.stream, how);
            }
        }
    }

    fn credit_is_scarce(&mut self) -> bool {
        let Phase::Traffic(traffic) = &mut self.phase else {
            return true; // Not known yet, and what is read then cannot be unread.
        };
        match traffic.read.get().and_then(|reading| reading.tx.as_mut()) {
            Some(pipe) if !self.discard_inbound => pipe.credit() < SCARCE,
            _ => false,
        }
    }

    /// A thread that waits for messages wants to read the connection itself: lends it the reading half
    /// as soon as nothing is under way here.
    pub(super) fn lend_reading(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        traffic.borrowers = true;
        if self.gone.is_some() || self.failure.is_some() || !traffic.read.is_with_owner() {
            return traffic.direct.answered();
        }
        traffic.lending = true;
        if self.receiving.is_some() {
            return cx.backend.pause(cx.token);
        }
        traffic.lend_reading();
        self.watch(cx);
        self.owner.look_again();
    }

    /// The pipe is full: the application is slower than the peer. Whoever empties it reads on by itself,
    /// which is less work than to be read for; until the pipe tells of room there is nothing to do here.
    fn lend_starved(&mut self) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if traffic.borrowers && self.gone.is_none() && self.failure.is_none() {
            traffic.starved = true;
            traffic.lend_reading();
        }
    }

    /// Reads here from now on.
    pub(super) fn reclaim_reading(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        traffic.lending = false;
        traffic.borrowers = false;
        if traffic.read.revoke() {
            self.look_at_reading(cx);
        }
    }

    /// Looks after the reading half that is lent.
    fn watch(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if !std::mem::replace(&mut traffic.watching, true) {
            cx.set_timer(LEASE, cx.now + traffic.take_over);
        }
    }

    /// Takes the reading half back if it was left alone.
    pub(super) fn check_lease(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        traffic.watching = false;
        if traffic.is_left_to_tasks(&self.stream) {
            return self.watch(cx);
        }
        match traffic.look() {
            LeaseCheck::Owned => {
                traffic.take_over = TAKE_OVER;
                self.look_at_reading(cx);
            }
            LeaseCheck::InUse => {
                traffic.take_over = (2 * traffic.take_over).min(TAKE_OVER_LATE);
                self.watch(cx);
            }
            // Whoever waits may wait for long: this thread can sleep until it is told.
            LeaseCheck::Watched => {}
        }
    }

    /// The reading half may have been returned or let go, the pipe may have room, and the peer may
    /// have pings something to a borrower.
    pub(super) fn look_at_reading(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Traffic(traffic) = &mut self.phase {
            traffic.catch_up(cx.now);
            traffic.starved = false;
            match traffic.read.get() {
                None => {
                    traffic.look_soon();
                    self.watch(cx);
                }
                Some(reading) => match reading.over.take() {
                    Some(ReadEnd::Ended(ended)) => return self.receive_ended(cx, ended),
                    Some(ReadEnd::Broken(error)) => {
                        self.failure = Some(DisconnectReason::Protocol(error));
                    }
                    None => self.take_in(cx.now, &[]),
                },
            }
        }
        self.advance(cx);
    }

    /// The connection is of no more use for sending: reads what there is to read, delivers what waits
    /// for credit, and then ends.
    fn wind_down(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Traffic(traffic) = &mut self.phase
            && !traffic.read.revoke()
        {
            return self.owner.look_again();
        }
        // What a borrower had no room for is decoded here from now on, and asks for room.
        self.take_in(cx.now, &[]);
        if !self.input_over && !matches!(self.phase, Phase::HalfClosed) {
            return self.advance_input(cx);
        }
        if !(matches!(self.phase, Phase::Traffic(_)) && self.is_blocked()) {
            let reason = self.gone.take().unwrap_or(DisconnectReason::PeerClosed);
            self.fail(cx, reason);
        }
    }

    fn arrange_heartbeat(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &self.phase else { return };
        let at = traffic.heartbeat.poll_timeout();
        if at != self.heartbeat_at {
            self.heartbeat_at = at;
            cx.arrange_timer(HEARTBEAT, at);
        }
    }

    pub(super) fn sent(&mut self, cx: &mut Cx<'_>, mut batch: Batch, result: io::Result<usize>) {
        self.sending = false;
        let (bytes, failure) = match result {
            Ok(bytes) => (bytes, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, None),
            Err(error) => (0, Some(error)),
        };
        match &mut self.phase {
            Phase::Traffic(traffic) => {
                if let Some(writing) = traffic.write.get() {
                    writing.sent(&mut batch, bytes);
                    traffic.direct.moved(bytes);
                    if batch.is_empty() {
                        // Its memory is for the next one.
                        writing.batch = std::mem::take(&mut batch);
                    }
                }
                traffic.note_ping(&self.stream, cx.now);
            }
            _ => {
                batch.advance(bytes);
            }
        }
        if self.ending.is_some() {
            return self.leave_if_returned(cx);
        }
        if let Some(error) = failure {
            return self.send_failed(cx, error);
        }
        if !batch.is_empty() && self.gone.is_none() {
            self.sending = true;
            return cx.backend.send(cx.token, &self.stream, batch);
        }
        self.advance(cx);
    }

    /// A peer that is gone may have pings something before it went, and that is still to be read. The
    /// end of that comes at once, unless all that the peer has done is to stop reading.
    fn send_failed(&mut self, cx: &mut Cx<'_>, error: io::Error) {
        self.gone.get_or_insert(DisconnectReason::Io(Arc::new(error)));
        if !self.input_over {
            cx.set_timer(LAST_READ, cx.now + HALF_CLOSED_FOR);
        }
        self.advance(cx);
    }

    pub(super) fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        self.receiving = None;
        let reason = match ended {
            Ended::Stopped => return self.advance(cx),
            Ended::Eof => DisconnectReason::PeerClosed,
            Ended::Failed(error) => DisconnectReason::Io(Arc::new(error)),
        };
        self.input_over = true;
        self.gone.get_or_insert(reason);
        self.advance(cx);
    }

    pub(super) fn heartbeat_due(&mut self, cx: &mut Cx<'_>) {
        self.heartbeat_at = None;
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        traffic.catch_up(cx.now);
        if traffic.is_deaf(&self.stream) {
            // Not a silent peer: one that we do not listen to at the moment.
            traffic.heartbeat.on_input();
        }
        traffic.watch_line(&self.stream, cx.now);
        let at = traffic.heartbeat.poll_timeout();
        let overdue = traffic.overdue.take();
        match traffic.heartbeat.handle_timeout(cx.now) {
            Action::None => {}
            Action::SendPing { ttl } => {
                traffic.ping(ttl);
                traffic.watch_line(&self.stream, cx.now);
            }
            // Whoever reads may have heard something just now. This session is told when it lets go.
            Action::Expired if !traffic.read.revoke() => return self.owner.look_again(),
            Action::Expired if overdue == at => {
                return self.fail(cx, DisconnectReason::HeartbeatExpired);
            }
            Action::Expired => {
                traffic.overdue = at;
                self.heartbeat_at = at;
                cx.set_timer(HEARTBEAT, cx.now + NEXT_ROUND);
            }
        }
        self.advance(cx);
    }
}
