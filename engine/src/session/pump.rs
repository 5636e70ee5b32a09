//! What makes a session go: sends and receives as the state demands, and what comes of them.

use super::closing::FAREWELL;
use super::{HEARTBEAT, LAST_READ, Phase, Session, handshake};
use crate::backend::{Ended, Receive};
use crate::batch::Batch;
use crate::event::DisconnectReason;
use crate::handler::Cx;
use ringmq_pipe::{Inlet, Outlet, Sleep};
use ringmq_zmtp::Action;
use std::io;
use std::sync::Arc;

/// A receive that brings so much is part of a stream: read on only when that is dealt with, so that
/// no more than one buffer is read ahead.
const BULK: usize = 32 * 1024;
/// Credit below which a connection is read one buffer at a time, for the same reason.
const SCARCE: u64 = 64;

impl Session {
    /// Sends, receives and arranges timers as the state demands.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        if self.is_over() {
            return;
        }
        if let Some(reason) = self.failure.take() {
            return self.fail(cx, reason);
        }
        if self.gone.is_some() {
            return self.wind_down(cx);
        }
        self.pump_out(cx);
        if self.is_over() {
            return;
        }
        self.pump_in(cx);
        self.arrange_heartbeat(cx);
    }

    fn pump_out(&mut self, cx: &mut Cx<'_>) {
        if self.sending {
            return;
        }
        let batch = match &mut self.phase {
            Phase::Handshake(handshake, _) => handshake::output(handshake),
            Phase::Traffic(traffic) => {
                traffic.outbound.batch_done();
                traffic.outbound.next(self.carry.as_mut().map(|carry| &mut carry.pipe.rx))
            }
            Phase::Farewell | Phase::Over => return,
        };
        if !batch.is_empty() {
            self.sending = true;
            cx.backend.send(cx.token, &self.descriptor, batch);
            return;
        }
        if matches!(self.phase, Phase::Traffic(_)) {
            self.rest(cx);
        }
    }

    /// Nothing to send: the log goes to sleep, or has come to its end.
    fn rest(&mut self, cx: &mut Cx<'_>) {
        let Some(pipe) = self.pipe() else { return };
        if pipe.rx.ended() {
            return self.farewell(cx);
        }
        if self.asleep {
            return;
        }
        let Some(pipe) = self.pipe() else { return };
        match pipe.rx.fall_asleep() {
            Sleep::Asleep => self.asleep = true,
            Sleep::Ready => self.pump_out(cx),
        }
    }

    /// Notes how much a receive has brought.
    pub(super) fn note_volume(&mut self, octets: usize) {
        self.bulk = octets >= BULK;
    }

    fn is_blocked(&self) -> bool {
        match &self.phase {
            Phase::Traffic(traffic) => traffic.inbound.is_blocked(),
            _ => false,
        }
    }

    fn pump_in(&mut self, cx: &mut Cx<'_>) {
        let blocked = self.is_blocked();
        match self.receiving {
            Some(Receive::Stream) if blocked || self.bulk => cx.backend.pause(cx.token),
            Some(_) => {}
            None if blocked => {}
            None => {
                let how = if self.bulk || self.credit_is_scarce() {
                    Receive::Once
                } else {
                    Receive::Stream
                };
                self.receiving = Some(how);
                cx.backend.receive(cx.token, &self.descriptor, how);
            }
        }
    }

    fn credit_is_scarce(&mut self) -> bool {
        if matches!(self.phase, Phase::Handshake(..)) {
            return true; // Not known yet, and what is read then cannot be unread.
        }
        let discard = self.discard_inbound;
        match self.pipe().map(|pipe| &mut pipe.tx) {
            Some(Outlet::Log(log)) if !discard => log.credit() < SCARCE,
            _ => false,
        }
    }

    /// The connection is of no more use for sending: reads what there is to read, delivers what waits
    /// for credit, and then ends.
    fn wind_down(&mut self, cx: &mut Cx<'_>) {
        if !self.input_over && !matches!(self.phase, Phase::Farewell) {
            return self.pump_in(cx);
        }
        if !self.is_blocked() {
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
        let (octets, failure) = match result {
            Ok(octets) => (octets, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, None),
            Err(error) => (0, Some(error)),
        };
        let messages = batch.advance(octets);
        if let Phase::Traffic(traffic) = &mut self.phase {
            traffic.outbound.sent(octets, messages);
        }
        if messages > 0
            && let Some(Inlet::Log(log)) = self.pipe().map(|pipe| &mut pipe.rx)
        {
            log.done(messages);
        }
        if let Some(reason) = self.ending.take() {
            return self.leave(cx, reason);
        }
        if let Some(error) = failure {
            return self.send_failed(cx, error);
        }
        if !batch.is_empty() && self.gone.is_none() {
            self.sending = true;
            return cx.backend.send(cx.token, &self.descriptor, batch);
        }
        self.pump(cx);
    }

    /// A peer that is gone may have said something before it went, and that is still to be read. The
    /// end of that comes at once, unless all that the peer has done is to stop reading.
    fn send_failed(&mut self, cx: &mut Cx<'_>, error: io::Error) {
        self.gone.get_or_insert(DisconnectReason::Io(Arc::new(error)));
        if !self.input_over {
            cx.set_timer(LAST_READ, cx.now + FAREWELL);
        }
        self.pump(cx);
    }

    pub(super) fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        self.receiving = None;
        let reason = match ended {
            Ended::Stopped => return self.pump(cx),
            Ended::Eof => DisconnectReason::PeerClosed,
            Ended::Failed(error) => DisconnectReason::Io(Arc::new(error)),
        };
        self.input_over = true;
        self.gone.get_or_insert(reason);
        self.pump(cx);
    }

    pub(super) fn heartbeat_due(&mut self, cx: &mut Cx<'_>) {
        self.heartbeat_at = None;
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if traffic.inbound.is_blocked() {
            // Not a silent peer: one that we do not listen to at the moment.
            traffic.heartbeat.on_input();
        }
        match traffic.heartbeat.handle_timeout(cx.now) {
            Action::None => {}
            Action::SendPing { ttl } => traffic.outbound.ping(ttl),
            Action::Expired => return self.fail(cx, DisconnectReason::HeartbeatExpired),
        }
        self.pump(cx);
    }
}
