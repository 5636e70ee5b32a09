//! The end of a session, from either side.
//!
//! A socket that closes its end of the pipe wants what it has written to be sent, for as long as its
//! linger time allows. After the last byte the writing half is shut and the peer's own end awaited: a
//! stream closed while bytes of the peer's are still unread would reset the connection, and with
//! it lose what the kernel has not delivered yet.

use super::{DetachedPipe, LINGER, Phase, Session, SessionEnd, handshake};
use crate::io_thread::handler::{Cx, Notice};
use crate::monitor::{DisconnectReason, DropReason, MonitorEvent};
use crate::owner::Connection;
use ringmq_pipe::{Message, frame};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a peer may take to close its half once everything is sent to it.
pub(super) const HALF_CLOSED_FOR: Duration = Duration::from_millis(500);

impl Session {
    /// Notes that the socket has closed the pipe, and from then on how long it lingers.
    pub(super) fn look_for_close(&mut self, cx: &mut Cx<'_>) {
        if self.is_over() || matches!(self.phase, Phase::HalfClosed) {
            return;
        }
        let Some(linger) = self.state.as_ref().and_then(|state| state.closing()) else { return };
        match linger {
            Some(Duration::ZERO) => self.end(cx, DisconnectReason::Local),
            // No need for a peer that there is nothing to say to.
            _ if self.carry.as_mut().is_some_and(|carry| carry.is_spent()) => {
                self.end(cx, DisconnectReason::Local);
            }
            Some(linger) => {
                // Beyond the end of time is for ever.
                let until = self.linger_until.or_else(|| cx.now.checked_add(linger));
                self.linger_until = until;
                cx.arrange_timer(LINGER, until);
            }
            None => {}
        }
    }

    /// Everything is sent: says so to the peer and waits for its end.
    pub(super) fn half_close(&mut self, cx: &mut Cx<'_>) {
        if !self.release_to_owner() {
            return; // Called again when everything is.
        }
        self.dismantle(Phase::HalfClosed);
        if self.stream.shutdown_write().is_err() {
            return self.end(cx, DisconnectReason::Local);
        }
        let at = cx.now + HALF_CLOSED_FOR;
        cx.set_timer(LINGER, self.linger_until.map_or(at, |until| until.min(at)));
    }

    /// It is over, whatever is left to be delivered.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) {
        if self.is_over() {
            return;
        }
        match &mut self.phase {
            Phase::Handshake(handshake, _) => {
                let last = handshake::output(handshake);
                if !self.sending && !last.is_empty() {
                    // What this end is, so that the other one knows, too, that they do not go together. As
                    // much as goes out at once: nobody waits for such a peer.
                    let _ = self.stream.send(&last);
                }
                let Connection { endpoint, peer, .. } = (*self.connection).clone();
                let reason = reason.clone();
                self.tell(MonitorEvent::HandshakeFailed { endpoint, peer, reason });
            }
            Phase::HalfClosed => return self.end(cx, DisconnectReason::Local),
            Phase::Traffic(_) | Phase::Over => {}
        }
        self.end(cx, reason);
    }

    /// Leaves the thread and gives the pipe back, once it is known how much was sent.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) {
        if self.is_over() {
            return;
        }
        if self.sending {
            // The next connection begins where this one has stopped: the backend knows where that is.
            self.ending = Some(Box::new(reason));
            return cx.backend.close(cx.token);
        }
        self.ending = Some(Box::new(reason));
        self.leave_if_returned(cx);
    }

    /// Goes on with [`end`](Self::end) unless something is still out.
    pub(super) fn leave_if_returned(&mut self, cx: &mut Cx<'_>) {
        if !self.sending
            && self.release_to_owner()
            && let Some(reason) = self.ending.take()
        {
            self.leave(cx, *reason);
        }
    }

    /// Recalls what is lent; `false` if some of it is in use, and then this session is told.
    fn release_to_owner(&mut self) -> bool {
        let Phase::Traffic(traffic) = &mut self.phase else { return true };
        let returned = traffic.revoke();
        if !returned {
            self.owner.look_again();
        }
        returned
    }

    /// Leaves traffic, with both halves here, and puts the pipe together again.
    fn dismantle(&mut self, next: Phase) {
        if let Phase::Traffic(traffic) = std::mem::replace(&mut self.phase, next) {
            self.carry = traffic.into_carry(self.linger_until).map(Box::new);
        }
    }

    /// The last step of [`end`](Self::end).
    fn leave(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) {
        let established = !matches!(self.phase, Phase::Handshake(..));
        self.dismantle(Phase::Over);
        self.phase = Phase::Over;
        let state = self.carry.as_ref().map(|carry| carry.state().clone());
        if let Some(carry) = &mut self.carry {
            carry.linger_until = self.linger_until;
            // Half a message of the peer's is as good as none.
            carry.tx.rollback();
            if self.carried && established && self.owner.tells_peers_apart() {
                carry.tx.write_uncounted(frame::COMMAND, Message::new());
            }
        }
        let carry = if self.carried {
            self.carry.take()
        } else {
            self.discard_carry();
            None
        };
        // A pipe that is not carried on has ended by now: whoever sees that the peer is gone finds nothing
        // that still leads to it.
        if let Some(state) = state {
            state.connected.store(false, Ordering::SeqCst);
        }
        self.report(cx, carry.map(|carry| *carry), reason, established);
    }

    /// Drops a pipe of which no other connection takes over what is left, and tells how much that was.
    fn discard_carry(&mut self) {
        let messages = self.carry.take().map_or(0, |carry| carry.discard());
        if messages > 0 {
            let Connection { endpoint, peer, .. } = (*self.connection).clone();
            let routing_id = self.connection.routing_id(&self.routing_id).into();
            let reason = DropReason::Gone;
            self.tell(MonitorEvent::Dropped { endpoint, peer, routing_id, reason, messages });
        }
    }

    /// Something in here is broken: the pipe with it. Its owner is told before anything is dropped, which
    /// may panic again.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let carry = self.carry.take();
        if let Some(state) = &self.state {
            state.connected.store(false, Ordering::SeqCst);
        }
        let established = !matches!(phase, Phase::Handshake(..));
        self.report(cx, None, DisconnectReason::Panicked, established);
        drop((phase, carry));
    }

    fn report(
        &mut self,
        cx: &mut Cx<'_>,
        carry: Option<DetachedPipe>,
        reason: DisconnectReason,
        established: bool,
    ) {
        let Connection { endpoint, peer, .. } = (*self.connection).clone();
        let (routing_id, reason_told) =
            (self.connection.routing_id(&self.routing_id), reason.clone());
        let event = MonitorEvent::Disconnected {
            endpoint,
            peer,
            routing_id: routing_id.into(),
            reason: reason_told,
            established,
        };
        let end = SessionEnd { session: cx.token, carry, reason, established };
        cx.tell(self.parent, Notice::SessionEnded(Box::new(end)));
        cx.finish();
        // Heard of before the owner is told, which comes when this handler has returned.
        self.tell(event);
    }
}
