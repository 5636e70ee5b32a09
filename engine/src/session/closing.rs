//! The end of a session, from either side.
//!
//! A socket that closes its end of the pipe wants what it has written to be sent, for as long as its
//! linger time allows. After the last octet the writing half is shut and the peer's own end awaited: a
//! descriptor closed while octets of the peer's are still unread would reset the connection, and with
//! it lose what the kernel has not delivered yet.

use super::{Carry, LINGER, Phase, Session, SessionEnd};
use crate::event::{DisconnectReason, SessionEvent};
use crate::handler::{Cx, Notice};
use ringmq_pipe::Inlet;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a peer may take to close its half once everything is sent to it.
const FAREWELL: Duration = Duration::from_millis(500);

impl Session {
    /// Notes that the socket has closed the pipe, and from then on how long it lingers.
    pub(super) fn look_for_close(&mut self, cx: &mut Cx<'_>) {
        let Some(carry) = &mut self.carry else { return };
        let Some(linger) = carry.pipe.state.closing() else { return };
        match linger {
            Some(Duration::ZERO) => self.end(cx, DisconnectReason::Local),
            Some(linger) => {
                let until = *carry.linger_until.get_or_insert(cx.now + linger);
                cx.set_timer(LINGER, until);
            }
            None => {}
        }
    }

    /// Everything is sent: says so to the peer and waits for its end.
    pub(super) fn farewell(&mut self, cx: &mut Cx<'_>) {
        let was = std::mem::replace(&mut self.phase, Phase::Farewell);
        drop(was);
        if self.descriptor.shutdown(Shutdown::Write).is_err() {
            return self.end(cx, DisconnectReason::Local);
        }
        let at = cx.now + FAREWELL;
        let until = self.carry.as_ref().and_then(|carry| carry.linger_until);
        cx.set_timer(LINGER, until.map_or(at, |until| until.min(at)));
    }

    /// The connection broke, or the peer broke the protocol.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) {
        match self.phase {
            Phase::Over => return,
            Phase::Handshake(..) => self.link.event(SessionEvent::HandshakeFailed(reason.clone())),
            Phase::Farewell => return self.end(cx, DisconnectReason::Local),
            Phase::Traffic(_) => {}
        }
        self.end(cx, reason);
    }

    /// Leaves the thread and gives the pipe back.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if matches!(phase, Phase::Over) {
            return;
        }
        let established = !matches!(phase, Phase::Handshake(..));
        if let (Phase::Traffic(traffic), Some(carry)) = (phase, &mut self.carry) {
            let (unsent, credit) = traffic.outbound.into_unsent();
            carry.unsent = unsent;
            if let Inlet::Log(log) = &mut carry.pipe.rx {
                log.done(credit);
            }
        }
        if let Some(carry) = &mut self.carry {
            let state = &carry.pipe.state;
            state.connected.store(false, Ordering::SeqCst);
            // Half a message of the peer's is as good as none.
            carry.pipe.tx.rollback();
            if !self.lent {
                count_lost(carry);
            }
        }
        tracing::debug!(%reason, established, "session over");
        self.link.event(SessionEvent::Disconnected(reason.clone()));
        let carry = self.carry.take().filter(|_| self.lent);
        let end = SessionEnd { session: cx.token, carry, reason, established };
        cx.tell(self.owner, Notice::SessionEnded(Box::new(end)));
        cx.finish();
    }
}

/// Counts messages that were accepted for a peer that is gone and that nobody else gets.
fn count_lost(carry: &mut Carry) {
    let mut pieces = std::mem::take(&mut carry.unsent);
    if let Inlet::Log(log) = &mut carry.pipe.rx {
        while log.gather(usize::MAX, &mut pieces) > 0 {}
    }
    let lost: u32 = pieces.iter().map(|piece| piece.messages).sum();
    carry.pipe.state.dropped.fetch_add(u64::from(lost), Ordering::Relaxed);
}
