//! What the poll is asked to tell of a socket, and what it has told.

use super::source::Source;
use ::mio::event::Event as MioEvent;
use ::mio::{Interest, Registry, Token as MioToken};
use socket2::Socket;
use std::io;

/// What a socket waits for after a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// News from the system, or something to do.
    Blocked,
    /// Its next turn.
    More,
    /// A receive buffer.
    Starved,
}

/// How ready a socket is, and how that is learned.
pub(super) struct Readiness {
    source: Source,
    /// What the poll tells of. Only what is wanted and it was not ready for: others may be reading and
    /// writing the socket, and what they do must not wake this thread. (A Unix socket says that it
    /// can be written to whenever its peer has read.)
    told: Option<Interest>,
    /// Why the socket could not be registered: every operation fails with it.
    broken: Option<io::Error>,
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl Readiness {
    /// Unknown, which counts as ready: the first call tells.
    pub(super) fn new() -> Self {
        Self { source: Source::default(), told: None, broken: None, readable: true, writable: true }
    }

    /// Has the poll tell of what is `wanted`; `false` if that failed, which is for the next run to
    /// tell.
    pub(super) fn arrange(
        &mut self,
        registry: &Registry,
        token: MioToken,
        socket: &Socket,
        wanted: Interest,
    ) -> bool {
        if self.told != Some(wanted) && self.broken.is_none() {
            // News from before are told with it.
            match self.source.arrange(registry, token, socket, wanted) {
                Ok(()) => self.told = Some(wanted),
                Err(error) => self.broken = Some(error),
            }
            return self.broken.is_none();
        }
        true
    }

    /// Takes in what the poll tells of.
    pub(super) fn news(&mut self, event: &MioEvent) {
        if Source::ONCE {
            self.told = None;
        }
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Has the poll forget the socket.
    pub(super) fn deregister(&mut self, registry: &Registry, socket: &Socket) {
        self.told = None;
        if self.source.forget(registry, socket) {
            self.readable = true;
            self.writable = true;
        }
    }

    /// The error that every operation fails with, for each of them.
    pub(super) fn failure(&self) -> Option<impl Fn() -> io::Error + use<>> {
        let error = self.broken.as_ref()?;
        let (kind, text) = (error.kind(), error.to_string());
        Some(move || io::Error::new(kind, text.clone()))
    }
}

/// What is wanted of a socket that is to be read or written.
pub(super) fn interest(read: bool, write: bool) -> Option<Interest> {
    match (read, write) {
        (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    }
}
