//! Messages as a stream.

use crate::error::Error;
use crate::kind::Receives;
use crate::socket::Socket;
use crate::socket::multipart::Multipart;
use crate::socket::recv::recv_frames;
use crate::wait::{Pending, Wants};
use futures_core::{FusedStream, Stream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<K: Receives> Socket<K> {
    /// The messages of this socket as a [`Stream`]; feature `futures`. Any number of streams and futures may
    /// wait on one socket: each message goes to one of them. Dropping a stream loses nothing.
    ///
    /// # Examples
    /// ```
    /// use futures_lite::StreamExt;
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://streamed")?;
    /// push.connect("inproc://streamed")?;
    /// push.send("one")?;
    /// push.send_multipart(["two", "frames"])?;
    /// let mut messages = pull.stream();
    /// assert_eq!(messages.try_next().await?, Some("one".into()));
    /// assert_eq!(messages.try_next().await?, Some(["two", "frames"].into()));
    /// context.shutdown();
    /// assert_eq!(messages.try_next().await?, None);
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stream(&self) -> MessageStream<'_> {
        let pending = Pending::new(&self.inner, Wants::Messages, ());
        MessageStream { pending, is_over: false }
    }
}

/// The messages of a socket, with all their frames; see [`Socket::stream`].
///
/// It ends when the socket does, by [`shutdown`](crate::Context::shutdown) of its context. Other errors, such
/// as [`Error::State`] of a REQ that has not asked, are items, and do not end it. Some polls give other tasks a
/// turn, as of [`RecvFuture`](crate::RecvFuture).
#[must_use = "a stream does nothing unless it is polled"]
pub struct MessageStream<'a> {
    pending: Pending<'a, ()>,
    is_over: bool,
}

impl Stream for MessageStream<'_> {
    type Item = Result<Multipart, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match ready!(self.pending.poll_with(cx, |(), core| recv_frames(core))) {
            Err(Error::Terminated | Error::Closed) => {
                self.is_over = true;
                Poll::Ready(None)
            }
            result => Poll::Ready(Some(result)),
        }
    }
}

impl FusedStream for MessageStream<'_> {
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}
