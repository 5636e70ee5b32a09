//! Streams that a thread of the application watches, however many: the kernel keeps the list, and tells which
//! of them have something.
//!
//! It tells of what is new only: who was told of a stream reads until there is no more, or comes back to it
//! without being told again.

use super::Stream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// Streams that one look tells of; the others' turn comes with the next look.
const TOLD: usize = 64;

/// Streams that a thread of the application watches, however many: the kernel tells which of them have something
/// new, so that who was told of one reads until there is no more.
pub struct ReadySet {
    poll: Poll,
    events: Events,
}

impl ReadySet {
    /// Nothing to watch yet.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(TOLD) })
    }

    /// Watches `stream` until it is closed or [removed](Self::remove), and tells of it under `key`: of what it
    /// has already, too.
    ///
    /// # Errors
    /// When the system cannot watch any more.
    pub fn add(&self, stream: &Stream, key: usize) -> io::Result<()> {
        let source = &mut SourceFd(&stream.as_fd().as_raw_fd());
        self.poll.registry().register(source, Token(key), Interest::READABLE)
    }

    /// Watches it no longer.
    ///
    /// # Errors
    /// When it was not watched.
    pub fn remove(&self, stream: &Stream) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&stream.as_fd().as_raw_fd()))
    }

    /// The keys of streams that have something new, and whether the peer sends no more after that.
    ///
    /// # Errors
    /// Of the system.
    pub fn look(&mut self) -> io::Result<impl Iterator<Item = (usize, bool)>> {
        loop {
            match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        }
        Ok(self.events.iter().map(|event| {
            let ended = event.is_read_closed() || event.is_error();
            (event.token().0, ended)
        }))
    }
}

impl AsFd for ReadySet {
    /// Can be read from while there is something to be told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.registry().as_fd()
    }
}
