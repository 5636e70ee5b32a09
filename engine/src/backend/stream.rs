//! The connection that a session reads and writes, whatever it is made of: a socket of the system.
//!
//! What every kind of stream promises, and what sessions and backends may rely on:
//!
//! * **Bytes in order.** What one end sends the other end receives, in that order and once, until
//!   one of them fails. A read of no bytes is the end: the peer has shut its writing side, or has
//!   closed.
//! * **Calls never block.** One that cannot go on says [`WouldBlock`](io::ErrorKind::WouldBlock). A
//!   signal interrupts none of them, and a peer that is gone is an error, never a signal.
//! * **Shared by threads.** A clone is another name for the same stream. One thread reads at a time
//!   and one writes, which may be two; who that is the leases of the session say, not the stream.
//!   What it is asked beside that (unread bytes, evidence of life) any thread may ask at any time.
//! * **Pollable.** As a descriptor it tells of bytes or the end to be read, and of room to be
//!   written to. It only tells: bytes are moved by the methods here, or by a backend.
//! * **Closing.** [`shutdown_write`](Stream::shutdown_write) ends what the peer reads after what
//!   was sent, and reading goes on. The stream is closed when its last name is dropped: what was
//!   sent is still delivered, as far as its kind can do that; what was not read makes the peer's
//!   further sends fail.
//!
//! Another kind (a ring of bytes in memory that two processes share) is a change here and in the
//! two backends, which ask for the [`socket`](Stream::socket) to have the kernel work on it.

use super::{socket, tcp_info};
use crate::batch::Batch;
use ringmq_zmtp::Line;
use socket2::Socket;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// A connection for a session: see the module's documentation.
#[derive(Clone, Debug)]
pub struct Stream(Arc<Socket>);

impl Stream {
    /// The socket that carries it, for the kernel to work on.
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.0
    }

    /// Receives what there is into `buffer`; no bytes mean the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing now, or why there never will be.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match (&*self.0).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Receives into the spare room of `body`, at most `most` bytes and no more than a `piece` at once, and
    /// what comes after those `most` into `rest`; returns how many bytes went where. `body` has room.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub(crate) fn receive_body(
        &self,
        body: &mut Vec<u8>,
        most: usize,
        piece: usize,
        rest: &mut [u8],
    ) -> io::Result<(usize, usize)> {
        socket::receive_body(&self.0, body, most, piece, rest)
    }

    /// Sends as much of `batch` as is taken; returns how many bytes that was.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is taken now, or why it never will be.
    pub(crate) fn send(&self, batch: &Batch) -> io::Result<usize> {
        socket::send(&self.0, batch)
    }

    /// Ends what the peer reads, after what was sent; this end may go on reading.
    ///
    /// # Errors
    /// When the connection has failed already.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    /// Whether bytes have come that nobody has read yet, or the end.
    pub(crate) fn has_unread(&self) -> bool {
        self.0.peek(&mut [MaybeUninit::uninit()]).is_ok()
    }

    /// Whether the peer has shut its writing side, or closed, or the connection has failed, though bytes may be
    /// unread.
    pub(crate) fn has_ended(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        const SHUT: PollFlags = PollFlags::RDHUP;
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
        const SHUT: PollFlags = PollFlags::empty();
        let mut waits = [PollFd::new(&*self.0, SHUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        // What it tells unasked is the same.
        let ended = SHUT | PollFlags::HUP | PollFlags::ERR;
        poll(&mut waits, Some(&now)).is_ok_and(|_| waits[0].revents().intersects(ended))
    }

    /// Evidence that a peer which does not speak is alive: what the kernel knows of the way to it.
    /// `None` where nothing is known, which says nothing about the peer: of all but tcp on Linux.
    pub(crate) fn line(&self) -> Option<Line> {
        tcp_info::line(&self.0)
    }

    /// Has the kernel gather that evidence at least every `longest` time, where it can.
    pub(crate) fn limit_back_off(&self, longest: Duration) {
        tcp_info::limit_back_off(&self.0, longest);
    }
}

impl From<Arc<Socket>> for Stream {
    /// Of a socket that is connected and does not block.
    fn from(socket: Arc<Socket>) -> Self {
        Self(socket)
    }
}

impl From<Socket> for Stream {
    /// Of a socket that is connected and does not block.
    fn from(socket: Socket) -> Self {
        Self(Arc::new(socket))
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Stream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.0.as_socket()
    }
}
