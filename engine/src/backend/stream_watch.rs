//! A stream as the reactor of a tokio runtime watches it: for tasks that read by themselves.
#![allow(unsafe_code)]

use super::Stream;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// A stream that is registered with the reactor of one runtime, until this is dropped.
pub struct StreamWatch(AsyncFd<WatchedStream>);

struct WatchedStream(Stream);

impl AsRawFd for WatchedStream {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl StreamWatch {
    /// Registers a stream with the runtime that is entered on the calling thread.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where that runtime has no I/O; else of the system.
    ///
    /// # Panics
    /// If no runtime is entered.
    pub(crate) fn new(stream: Stream) -> io::Result<Self> {
        let watched = WatchedStream(stream);
        // A runtime does not say whether it has I/O, other than by a panic. Unwind safe: what is lost by that
        // is another name for the stream.
        let registered = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the stream owns its socket, which stays the same and open until the last name of the
            // stream is dropped, and one of those is in here.
            unsafe { AsyncFd::register_with_interest(watched, Interest::READABLE) }
        }));
        match registered {
            Ok(Ok(fd)) => Ok(Self(fd)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether the reactor is gone with its runtime.
    pub(crate) fn is_gone(&self) -> bool {
        // Neither woken nor counted: asked once, of a reactor that no task of the calling thread's is on.
        let readable = pin!(tokio::task::coop::unconstrained(self.0.readable()));
        matches!(readable.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_)))
    }

    /// Whether the stream may have something to read; if not, the waker of `cx` is woken when it has. Only
    /// the latest waker is.
    ///
    /// # Errors
    /// When the runtime has been shut down.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<Readable<'_>>> {
        self.0.poll_read_ready(cx).map_ok(Readable)
    }
}

/// What a reactor has told of a stream, before this was made.
pub struct Readable<'a>(AsyncFdReadyGuard<'a, WatchedStream>);

impl Readable<'_> {
    /// All that was there has been read since this was made.
    pub fn forget(&mut self) {
        self.0.clear_ready();
    }

    /// Whether there is something that nobody has read yet, or the end.
    pub fn has_unread(&self) -> bool {
        self.0.get_inner().0.has_unread()
    }
}
