//! A session at its end: it leaves its thread, and gives the pipe back, once it is known how much
//! was sent and both halves of the connection are here.

use super::state::Next;
use super::{Common, DetachedPipe, Traffic};
use crate::io_thread::handler::Cx;
use crate::monitor::{DisconnectReason, DropReason, MonitorEvent};
use crate::owner::Connection;
use ringmq_pipe::{Message, frame};
use std::sync::atomic::Ordering;

/// See the [module's documentation](self).
pub(super) struct Leaving {
    reason: DisconnectReason,
    pub(super) held: Held,
}

/// What a session holds of its pipe.
pub(super) enum Held {
    /// All of it, if there is one.
    Pipe(Option<Box<DetachedPipe>>),
    /// The halves in which messages flowed. They may be lent.
    Traffic(Box<Traffic>),
}

impl Held {
    /// Wants back what is lent; `false` if it is in use, and then the session is told.
    fn revoke(&mut self) -> bool {
        match self {
            Self::Traffic(traffic) => traffic.revoke(),
            Self::Pipe(_) => true,
        }
    }

    /// The pipe. All of it is here.
    fn into_pipe(self, common: &Common) -> Option<DetachedPipe> {
        let mut pipe = match self {
            Self::Pipe(pipe) => *pipe?,
            Self::Traffic(traffic) => traffic.into_pipe(common.linger_until)?,
        };
        pipe.linger_until = common.linger_until;
        Some(pipe)
    }

    /// Drops the pipe of a session that has failed, and tells what is lost with it. With a half that is in use
    /// it goes, and is counted, when whoever uses that lets go.
    pub(super) fn lose(mut self, common: &Common) {
        if self.revoke()
            && let Some(pipe) = self.into_pipe(common)
        {
            discard(common, pipe);
        }
    }
}

impl Leaving {
    pub(super) fn new(reason: DisconnectReason, held: Held) -> Self {
        Self { reason, held }
    }

    /// Wants back what is still out, and goes on when nothing is.
    pub(super) fn advance(&mut self, common: &Common) -> Next {
        if common.sending {
            return Next::Stay;
        }
        if self.held.revoke() {
            return Next::Finish;
        }
        // Whoever reads is to let go, and then this session is told.
        common.owner.look_again();
        Next::Stay
    }

    /// Puts the pipe together again and gives it back.
    pub(super) fn finish(self, common: &Common, cx: &mut Cx<'_>) {
        let pipe = self.held.into_pipe(common).and_then(|mut pipe| {
            // Half a message of the peer's is as good as none.
            pipe.tx.rollback();
            if common.established {
                let words = common.owner.end(common.pipe_is_lent);
                words.into_iter().flatten().for_each(|word| pipe.tx.write_uncounted(0, word));
            }
            if !common.pipe_is_lent {
                // It has ended by the next line: whoever sees that the peer is gone finds nothing that
                // still leads to it.
                discard(common, pipe);
                return None;
            }
            // Of a peer without a word nothing has to be told apart.
            let has_spoken = common.established && pipe.tx.written() > common.earlier;
            if has_spoken && common.owner.tells_peers_apart() {
                pipe.tx.write_uncounted(frame::COMMAND, Message::new());
            }
            Some(pipe)
        });
        if let Some(state) = &common.pipe_state {
            state.connected.store(false, Ordering::SeqCst);
        }
        common.report(cx, pipe, self.reason);
    }
}

/// Drops a pipe of which no other connection takes over what is left, and tells how much that was, unless
/// somebody who waits for its end does.
fn discard(common: &Common, pipe: DetachedPipe) {
    let messages = pipe.discard();
    if messages > 0 {
        let Connection { endpoint, peer, .. } = (*common.connection).clone();
        let routing_id = common.connection.routing_id(&common.routing_id).into();
        let reason = DropReason::Gone;
        common.tell(MonitorEvent::Dropped { endpoint, peer, routing_id, reason, messages });
    }
}
