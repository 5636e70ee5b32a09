//! Sending: blocking, trying, and as a future.

use crate::Message;
use crate::error::{Error, SendError};
use crate::inner::Core;
use crate::kind::Sends;
use crate::socket::multipart::Multipart;
use crate::socket::payload::{Outgoing, Payload};
use crate::socket::{Inner, Socket};
use crate::wait::{Pending, Wants, block_on};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends a message whole, or leaves it whole: only the first frame can be refused.
pub(crate) fn send_frames(core: &mut Core, message: &mut Multipart) -> Result<(), Error> {
    let mut index = 0;
    while let Some(frame) = message.frame_mut(index) {
        core.send(&mut Outgoing::Owned(frame))?;
        index += 1;
    }
    Ok(())
}

/// The error of a message of one frame, which gives it back.
#[cold]
fn failed(message: impl Payload, error: Error) -> SendError {
    SendError { error, message: message.into_message().into() }
}

impl<K: Sends> Socket<K> {
    /// Sends a message of one frame, waiting for room if there is none, which stops the thread: in a task it is
    /// [`send_async`](Self::send_async) that waits ([which calls may stand in a task](crate::guide::tasks)).
    ///
    /// A frame that was received with [`more()`](Message::more) set, or had it set, is sent as the
    /// beginning of a message of which the rest is to follow.
    ///
    /// A body of [`REFERENCED_FROM`](crate::REFERENCED_FROM) bytes or more, which is more than 8 KiB, is not
    /// copied if it is given away (a `Vec`, a `String`) or shared (a [`Message`], `Bytes`); a shorter one is,
    /// and a borrowed one too. See [`Payload`] for all that can be sent.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when the [send time-out](Self::set_send_timeout) has passed,
    /// [`Error::Terminated`], [`Error::State`], [`Error::HostUnreachable`]. The message comes back in
    /// the error.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (a, b) = (context.pair()?, context.pair()?);
    /// a.bind("inproc://pair")?;
    /// b.connect("inproc://pair")?;
    /// a.send("text")?;
    /// a.send(vec![0u8; 100_000])?; // not copied
    /// assert_eq!(b.recv()?, "text");
    /// assert_eq!(b.recv()?.len(), 100_000);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[inline]
    #[doc(alias = "zmq_send")]
    #[doc(alias = "zmq_msg_send")]
    #[doc(alias = "zmq_send_const")]
    pub fn send(&self, message: impl Payload) -> Result<(), SendError> {
        if self.send_fast(&message) {
            return Ok(());
        }
        match self.send_copied(&message) {
            Ok(()) => Ok(()),
            Err(Error::WouldBlock) => {
                let mut message = message.into_message();
                if self.refer_fast(&mut message) { Ok(()) } else { self.send_owned(message) }
            }
            Err(error) => Err(failed(message, error)),
        }
    }

    /// Has the pipe take a frame that is a whole message, if there is nothing to decide about it.
    #[inline]
    fn refer_fast(&self, message: &mut Message) -> bool {
        if !K::HAS_FAST_PATH || message.more() {
            return false;
        }
        let Some(mut core) = self.inner.lock_as_owner() else { return false };
        core.outgoing().is_some_and(|log| log.write(message).is_ok())
    }

    /// Sends bytes that are copied into the pipe, if there is nothing to decide about them.
    #[inline(always)]
    fn send_fast(&self, message: &impl Payload) -> bool {
        if !K::HAS_FAST_PATH {
            return false;
        }
        let Some(body) = message.as_copied() else { return false };
        let Some(mut core) = self.inner.lock_as_owner() else { return false };
        core.outgoing().is_some_and(|log| log.write_body(0, body).is_ok())
    }

    /// Sends bytes that are copied into the pipe; would block if there is no room for them now, or
    /// they are not such bytes.
    #[inline]
    fn send_copied(&self, message: &impl Payload) -> Result<(), Error> {
        let Some(body) = message.as_copied().filter(|_| !message.is_addressed()) else {
            return Err(Error::WouldBlock);
        };
        self.inner.attempt(&mut |core: &mut Core| core.send(&mut Outgoing::Copied(body)))
    }

    fn send_owned(&self, mut message: Message) -> Result<(), SendError> {
        let send = |core: &mut Core| core.send(&mut Outgoing::Owned(&mut message));
        let result = block_on(&self.inner, Wants::Room, |options| options.send_timeout, send);
        result.map_err(|error| failed(message, error))
    }

    /// Sends a message of one frame if there is room now.
    ///
    /// # Errors
    /// As [`send`](Self::send), with [`Error::WouldBlock`] when there is no room.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// let failed = socket.try_send("to nobody").unwrap_err();
    /// assert!(failed.error.is_would_block());
    /// socket.connect("inproc://to come")?;
    /// socket.try_send("waits in the pipe")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[inline]
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_send(&self, message: impl Payload) -> Result<(), SendError> {
        if self.send_fast(&message) {
            return Ok(());
        }
        match self.send_copied(&message) {
            Ok(()) => Ok(()),
            Err(Error::WouldBlock) => {
                let mut message = message.into_message();
                if self.refer_fast(&mut message) {
                    return Ok(());
                }
                let mut send = |core: &mut Core| core.send(&mut Outgoing::Owned(&mut message));
                let result = self.inner.attempt(&mut send);
                result.map_err(|error| failed(message, error))
            }
            Err(error) => Err(failed(message, error)),
        }
    }

    /// Sends a message of one frame; the future waits for room. See [`SendFuture`] for what happens
    /// when it is dropped. The send time-out does not apply.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (a, b) = (context.push()?, context.pull()?);
    /// b.bind("inproc://async")?;
    /// a.connect("inproc://async")?;
    /// a.send_async("hello").await?;
    /// assert_eq!(b.recv_async().await?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn send_async<P: Payload>(&self, message: P) -> SendFuture<'_, P> {
        let pending = Pending::new(&self.inner, Wants::Room, Unsent::Given(message));
        SendFuture { pending, has_fast_path: K::HAS_FAST_PATH }
    }

    /// Sends all frames as one message, waiting for room if there is none, which stops the thread: not for
    /// [tasks](crate::guide::tasks). No frames, no message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (a, b) = (context.push()?, context.pull()?);
    /// b.bind("inproc://parts")?;
    /// a.connect("inproc://parts")?;
    /// a.send_multipart(["head", "body"])?;
    /// assert_eq!(b.recv_multipart()?, ["head", "body"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDMORE")]
    pub fn send_multipart(&self, message: impl Into<Multipart>) -> Result<(), SendError> {
        let mut message = message.into();
        message.mark();
        let send = |core: &mut Core| send_frames(core, &mut message);
        let result = block_on(&self.inner, Wants::Room, |options| options.send_timeout, send);
        result.map_err(|error| SendError { error, message })
    }

    /// Sends all frames as one message if there is room now.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// assert!(push.try_send_multipart(["to", "nobody"]).is_err());
    /// pull.bind("inproc://tried parts")?;
    /// push.connect("inproc://tried parts")?;
    /// push.try_send_multipart(["head", "body"])?;
    /// assert_eq!(pull.recv_multipart()?.len(), 2);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_send_multipart(&self, message: impl Into<Multipart>) -> Result<(), SendError> {
        let mut message = message.into();
        message.mark();
        let mut send = |core: &mut Core| send_frames(core, &mut message);
        let result = self.inner.attempt(&mut send);
        result.map_err(|error| SendError { error, message })
    }

    /// Sends all frames as one message; the future waits for room. See [`SendMultipartFuture`].
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://async parts")?;
    /// push.connect("inproc://async parts")?;
    /// push.send_multipart_async(["head", "body"]).await?;
    /// assert_eq!(pull.recv_multipart_async().await?, ["head", "body"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn send_multipart_async(&self, message: impl Into<Multipart>) -> SendMultipartFuture<'_> {
        let mut message = message.into();
        message.mark();
        SendMultipartFuture { pending: Pending::new(&self.inner, Wants::Room, message) }
    }
}

/// What a [`SendFuture`] has of its message.
enum Unsent<P> {
    /// As it was given. Bytes that are copied into the pipe are taken from there.
    Given(P),
    /// What is not copied.
    Frame(Message),
}

impl<P: Payload> Unsent<P> {
    /// Sends bytes that are copied into the pipe, if there is nothing to decide about them.
    #[inline(always)]
    fn send_at_once(&self, inner: &Inner) -> Option<()> {
        let Self::Given(message) = self else { return None };
        let body = message.as_copied()?;
        inner.lock_as_owner()?.outgoing()?.write_body(0, body).ok()
    }

    fn send(&mut self, core: &mut Core) -> Result<(), Error> {
        if let Self::Given(message) = self {
            if let Some(body) = message.as_copied().filter(|_| !message.is_addressed()) {
                return core.send(&mut Outgoing::Copied(body));
            }
            *self = Self::Frame(self.take());
        }
        match self {
            Self::Frame(frame) => core.send(&mut Outgoing::Owned(frame)),
            Self::Given(_) => Ok(()),
        }
    }

    fn take(&mut self) -> Message {
        match std::mem::replace(self, Self::Frame(Message::new())) {
            Self::Given(message) => message.into_message(),
            Self::Frame(frame) => frame,
        }
    }
}

/// A message of one frame on its way into a socket.
///
/// Until the future is ready the message is in it; [`cancel`](Self::cancel) gives it back, and dropping the
/// future drops it. Once the future is ready the socket has it. Even if there is room, some polls in a hundred
/// are pending, and wake their task at once: for other tasks to have a turn.
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendFuture<'a, P> {
    pending: Pending<'a, Unsent<P>>,
    has_fast_path: bool,
}

impl<P: Payload> SendFuture<'_, P> {
    /// Gives up and takes the message back.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// let sending = socket.send_async("to nobody");
    /// assert_eq!(sending.cancel(), "to nobody");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn cancel(mut self) -> Message {
        self.pending.state_mut().take()
    }
}

impl<P: Payload> Future for SendFuture<'_, P> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let has_fast_path = self.has_fast_path;
        let at_once = |unsent: &mut Unsent<P>, inner: &Inner| {
            if has_fast_path { unsent.send_at_once(inner) } else { None }
        };
        let polled = self.pending.poll_at_once_or_with(cx, at_once, Unsent::send);
        polled.map_err(|error| failed(self.pending.state_mut().take(), error))
    }
}

/// A message on its way into a socket.
///
/// Until the future is ready the message is in it, whole; [`cancel`](Self::cancel) gives it back, and
/// dropping the future drops it. Once the future is ready the socket has it, whole. Some polls give other tasks
/// a turn, as of [`SendFuture`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendMultipartFuture<'a> {
    pending: Pending<'a, Multipart>,
}

impl SendMultipartFuture<'_> {
    /// Gives up and takes the message back.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// let sending = socket.send_multipart_async(["to", "nobody"]);
    /// assert_eq!(sending.cancel(), ["to", "nobody"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn cancel(mut self) -> Multipart {
        std::mem::take(self.pending.state_mut())
    }
}

impl Future for SendMultipartFuture<'_> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.pending.poll_with(cx, |message, core| send_frames(core, message));
        polled.map_err(|error| {
            let message = std::mem::take(self.pending.state_mut());
            SendError { error, message }
        })
    }
}
