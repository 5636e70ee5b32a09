//! A socket as a sink of messages.

use crate::error::{Error, SendError};
use crate::kind::Sends;
use crate::socket::Socket;
use crate::socket::multipart::Multipart;
use crate::socket::send::send_frames;
use crate::wait::{Pending, Wants};
use futures_sink::Sink;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<K: Sends> Socket<K> {
    /// This socket as a [`Sink`] of messages; feature `futures`. Any number of sinks and futures may send on one
    /// socket.
    ///
    /// # Examples
    /// ```
    /// use futures_util::SinkExt;
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://sunk")?;
    /// push.connect("inproc://sunk")?;
    /// let mut messages = push.sink();
    /// messages.send("one".into()).await?;
    /// messages.feed(["two", "frames"].into()).await?;
    /// messages.flush().await?;
    /// assert_eq!(pull.recv_multipart()?, "one".into());
    /// assert_eq!(pull.recv_multipart()?, ["two", "frames"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn sink(&self) -> MessageSink<'_> {
        MessageSink { pending: Pending::new(&self.inner, Wants::Room, None) }
    }
}

/// A socket that messages are fed to; see [`Socket::sink`].
///
/// What it takes it gives to the socket at once if there is room, and keeps until there is otherwise: one
/// message, which [`cancel`](Self::cancel) gives back and dropping the sink drops. When it is flushed the socket
/// has all of them; they may not have been sent by then. To close it flushes it, and leaves the socket open.
#[must_use = "a sink sends nothing by itself"]
pub struct MessageSink<'a> {
    /// The message that there was no room for.
    pending: Pending<'a, Option<Multipart>>,
}

impl MessageSink<'_> {
    /// Takes back the message that there was no room for, if there is one.
    ///
    /// # Examples
    /// ```
    /// use futures_util::SinkExt;
    /// # futures_lite::future::block_on(async {
    /// let socket = ringmq::Context::new().push()?;
    /// let mut messages = socket.sink();
    /// messages.feed("to nobody".into()).await?;
    /// assert_eq!(messages.cancel(), Some("to nobody".into()));
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn cancel(mut self) -> Option<Multipart> {
        self.pending.state_mut().take()
    }

    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.pending.state_mut().is_none() {
            return Poll::Ready(Ok(()));
        }
        let sent = ready!(self.pending.poll_with(cx, |message, core| {
            message.as_mut().map_or(Ok(()), |message| send_frames(core, message))
        }));
        let message = self.pending.state_mut().take().unwrap_or_default();
        Poll::Ready(sent.map_err(|error| SendError { error, message }))
    }
}

impl Sink<Multipart> for MessageSink<'_> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.pending.state_mut().is_none() {
            // For the message that is given to the socket next.
            return self.pending.poll_turn(cx).map(Ok);
        }
        self.poll_empty(cx)
    }

    /// Refuses the message as [`Error::WouldBlock`] if it has one already.
    fn start_send(mut self: Pin<&mut Self>, mut message: Multipart) -> Result<(), Self::Error> {
        message.mark();
        if self.pending.state_mut().is_some() {
            return Err(SendError { error: Error::WouldBlock, message });
        }
        match self.pending.attempt(|_, core| send_frames(core, &mut message)) {
            Ok(()) => {}
            Err(Error::WouldBlock) => *self.pending.state_mut() = Some(message),
            Err(error) => return Err(SendError { error, message }),
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_empty(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_empty(cx)
    }
}
