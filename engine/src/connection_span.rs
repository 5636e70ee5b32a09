//! The span of a connection, within that of its socket.
//!
//! Whoever hears of spans is code of the application, which may use any socket, take long, or panic. So one is
//! not made with the session but when the first line is written in it, and goes when the thread has no lock of
//! ours.

use crate::owner::Connection;
use ringmq_pipe::Section;
use std::sync::{Arc, OnceLock};
use tracing::Span;

/// The span of a connection, made when something is first logged in it.
pub struct ConnectionSpan {
    connection: Arc<Connection>,
    span: OnceLock<Span>,
}

impl ConnectionSpan {
    pub(crate) fn new(connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self { connection, span: OnceLock::new() })
    }

    /// Runs something in the span, within that of the `socket`. Not in a section: see
    /// [`Section::run_after`].
    pub fn in_scope(&self, socket: &Span, write: impl FnOnce()) {
        self.within(socket).in_scope(write);
    }

    fn within(&self, socket: &Span) -> &Span {
        if let Some(span) = self.span.get() {
            return span;
        }
        let Connection { endpoint, peer, .. } = &*self.connection;
        let span = tracing::info_span!(parent: socket, "connection", %endpoint, %peer);
        // Not made with a lock held: of two that come at once, the second has made one in vain.
        drop(self.span.set(span));
        self.span.get_or_init(Span::none)
    }
}

impl Drop for ConnectionSpan {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            Section::run_after(move || drop(span));
        }
    }
}
