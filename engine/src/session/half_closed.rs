//! A session that has sent everything, after the socket has closed the pipe, or after it has told a peer
//! why that is not let in. Its writing half is shut and the peer's own end awaited: a stream closed while
//! bytes of the peer's are still unread would reset the connection, and with it lose what the kernel has not
//! delivered yet.

use super::state::Next;
use super::{Common, DetachedPipe, LINGER};
use crate::io_thread::handler::Cx;
use crate::monitor::DisconnectReason;
use std::time::Duration;

/// How long a peer may take to close its half once everything is sent to it.
pub(super) const HALF_CLOSED_FOR: Duration = Duration::from_millis(500);

/// See the [module's documentation](self).
pub(super) struct HalfClosed {
    pipe: Option<Box<DetachedPipe>>,
    /// Why it ends.
    reason: DisconnectReason,
}

impl HalfClosed {
    pub(super) fn new(pipe: Option<Box<DetachedPipe>>, reason: DisconnectReason) -> Self {
        Self { pipe, reason }
    }

    /// It is over.
    pub(super) fn leave(&self) -> Next {
        Next::Leave(self.reason.clone())
    }

    /// Says to the peer that no more comes.
    pub(super) fn start(&self, common: &Common, cx: &mut Cx<'_>) -> Next {
        if common.stream.shutdown_write().is_err() {
            return self.leave();
        }
        let at = cx.now + HALF_CLOSED_FOR;
        cx.set_timer(LINGER, common.linger_until.map_or(at, |until| until.min(at)));
        Next::Stay
    }

    /// Reads on. What comes is of no use any more.
    pub(super) fn advance(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        common.read_on(cx, false, false, || true);
        Next::Stay
    }

    pub(super) fn into_pipe(self) -> Option<Box<DetachedPipe>> {
        self.pipe
    }
}
