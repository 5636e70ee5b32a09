//! A session while messages flow: its two halves, here or lent, and what goes on beside them.

mod heartbeats;
mod input;
mod output;

use super::state::{Gone, Next};
use super::{Common, DetachedPipe};
use crate::PipeState;
use crate::direct::{Direct, ReadGrant, ReadHalf, WriteGrant, WriteHalf};
use crate::io_thread::handler::Cx;
use crate::monitor::DisconnectReason;
use crate::owner::SessionOwner;
use heartbeats::Heartbeats;
use ringmq_pipe::lease;
use ringmq_zmtp::Heartbeat;
use std::sync::Arc;
use std::time::Instant;

/// See the [module's documentation](self).
pub(super) struct Traffic {
    pub(super) read: ReadGrant,
    pub(super) write: WriteGrant,
    pub(super) direct: Arc<Direct>,
    /// Found while bytes were taken in, or when the socket was asked for a pipe; acted on when
    /// driven.
    pub(super) failure: Option<DisconnectReason>,
    heartbeats: Heartbeats,
    /// Takes the connection off the pipe when traffic is over.
    _announced: Announced,
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
        owner: Arc<dyn SessionOwner>,
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
            owner,
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
            read: ReadGrant::new(read),
            write: WriteGrant::new(write),
            direct,
            failure: None,
            heartbeats: Heartbeats::new(heartbeat),
            _announced: announced,
        }
    }

    /// Sends, receives and arranges timers as there is need.
    pub(super) fn advance(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        match self.failure.take() {
            None => {}
            // It has said so: of the end of a stream this state is not told this way.
            Some(DisconnectReason::PeerClosed) => return self.close_too(common),
            Some(reason) => return Next::Leave(reason),
        }
        match self.advance_output(common, cx) {
            Next::Stay => {}
            next => return next,
        }
        self.advance_input(common, cx);
        self.heartbeats.arrange(cx);
        Next::Stay
    }

    /// The peer has closed the connection, or it is broken.
    pub(super) fn input_over(&mut self, gone: Gone) -> Next {
        match self.failure.take() {
            Some(failure) => Next::Leave(failure),
            None => Next::Drain(gone),
        }
    }

    /// Wants both halves back; `false` if one of them is in use, and then the session is told.
    pub(super) fn revoke(&mut self) -> bool {
        let read = self.read.revoke();
        self.write.revoke() && read
    }

    /// The pipe, with what is left of it to be sent on the next connection. Both halves are here.
    pub(super) fn into_pipe(self, linger_until: Option<Instant>) -> Option<DetachedPipe> {
        let (tx, waiting) = self.read.into_inner()?.into_pipe()?;
        let source = self.write.into_inner()?.give_back()?;
        Some(DetachedPipe { tx, waiting: Some(waiting), source, linger_until })
    }
}
