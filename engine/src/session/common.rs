//! What a session has in every state.

use super::half_closed::HALF_CLOSED_FOR;
use super::state::Next;
use super::{DetachedPipe, LAST_READ, LINGER, SessionEnd};
use crate::PipeState;
use crate::backend::{Receive, Stream};
use crate::batch::Batch;
use crate::connection_span::ConnectionSpan;
use crate::io_thread::handler::{Cx, Notice};
use crate::io_thread::token::Token;
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::{Connection, SessionOwner};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A receive that brings so much is part of a stream: read on only when that is dealt with, so that
/// no more than one buffer is read ahead.
const BULK: usize = 32 * 1024;

/// See the [module's documentation](self).
pub(super) struct Common {
    pub(super) stream: Stream,
    pub(super) owner: Arc<dyn SessionOwner>,
    pub(super) connection: Arc<Connection>,
    /// What is logged of the connection is logged in it.
    pub(super) span: Arc<ConnectionSpan>,
    /// The routing id that the peer has told; empty before that.
    pub(super) routing_id: Arc<[u8]>,
    pub(super) parent: Token,
    /// What the peer sends is not wanted.
    pub(super) discard_inbound: bool,
    /// Bytes that may wait for the application.
    pub(super) max_waiting_bytes: Option<u64>,
    /// The pipe was there from the start and goes back to the owner.
    pub(super) pipe_is_lent: bool,
    /// What both ends of the pipe see, once there is one.
    pub(super) pipe_state: Option<Arc<PipeState>>,
    /// How many messages earlier peers had left in the pipe when this one came.
    pub(super) earlier: u64,
    /// When to give up on sending, once the socket has closed the pipe.
    pub(super) linger_until: Option<Instant>,
    /// The handshake is done.
    pub(super) established: bool,
    /// The receive that is under way.
    pub(super) receiving: Option<Receive>,
    /// A send is under way.
    pub(super) sending: bool,
    /// The last receive brought much at once.
    pub(super) bulk: bool,
}

impl Common {
    /// Tells the owner of something that happened on the connection.
    pub(super) fn tell(&self, event: MonitorEvent) {
        self.owner.connection_event(&self.span, event);
    }

    pub(super) fn send(&mut self, cx: &mut Cx<'_>, batch: Batch) {
        self.sending = true;
        cx.backend.send(cx.token, &self.stream, batch);
    }

    /// Notes how much a receive has brought.
    pub(super) fn note_volume(&mut self, bytes: usize) {
        self.bulk = bytes >= BULK;
    }

    /// Sees to it that the connection is read, `once` or until further notice, unless bytes are
    /// here for which there is no use yet. `true` if nothing is under way because of those. `near` a limit it is
    /// read once, and what was read until further notice no longer is.
    pub(super) fn read_on(
        &mut self,
        cx: &mut Cx<'_>,
        blocked: bool,
        near: bool,
        once: impl FnOnce() -> bool,
    ) -> bool {
        match self.receiving {
            Some(Receive::Stream) if blocked || near || self.bulk => cx.backend.pause(cx.token),
            Some(_) => {}
            None if blocked => return true,
            None => {
                let how = if self.bulk || near || once() { Receive::Once } else { Receive::Stream };
                self.receiving = Some(how);
                cx.backend.receive(cx.token, &self.stream, how);
            }
        }
        false
    }

    /// A send has failed. A peer that is gone may have said something before it went, and that is
    /// still to be read. The end of that comes at once, unless all that the peer has done is to
    /// stop reading.
    pub(super) fn limit_last_read(cx: &mut Cx<'_>) {
        cx.set_timer(LAST_READ, cx.now + HALF_CLOSED_FOR);
    }

    /// What follows if the socket has closed the pipe: of one that is `spent` at once, of another
    /// when its linger time is over.
    pub(super) fn closing(&mut self, cx: &mut Cx<'_>, spent: impl FnOnce() -> bool) -> Next {
        let Some(state) = &self.pipe_state else { return Next::Stay };
        let Some(linger) = state.closing() else { return Next::Stay };
        if state.take_linger_change() {
            self.linger_until = None;
        }
        // No need for a peer that there is nothing to say to.
        if linger == Some(Duration::ZERO) || spent() {
            return Next::Leave(DisconnectReason::Local);
        }
        if let Some(linger) = linger {
            // Beyond the end of time is for ever.
            self.linger_until = self.linger_until.or_else(|| cx.now.checked_add(linger));
        }
        cx.arrange_timer(LINGER, self.linger_until);
        Next::Stay
    }

    /// The session is over: removes it from its thread and tells its owner.
    pub(super) fn report(
        &self,
        cx: &mut Cx<'_>,
        pipe: Option<DetachedPipe>,
        reason: DisconnectReason,
    ) {
        let established = self.established;
        let Connection { endpoint, peer, descriptor, .. } = (*self.connection).clone();
        let event = MonitorEvent::Disconnected {
            endpoint,
            peer,
            routing_id: self.connection.routing_id(&self.routing_id).into(),
            reason: reason.clone(),
            established,
            descriptor,
        };
        let end = SessionEnd { session: cx.token, pipe, reason, established };
        cx.tell(self.parent, Notice::SessionEnded(Box::new(end)));
        cx.finish();
        // Heard of before the owner is told, which comes when this handler has returned.
        self.tell(event);
    }
}
