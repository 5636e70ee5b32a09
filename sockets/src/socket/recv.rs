//! Receiving: blocking, trying, and as a future.

use crate::Message;
use crate::error::Error;
use crate::inner::Core;
use crate::kind::Receives;
use crate::options::Options;
use crate::socket::multipart::Multipart;
use crate::socket::{Inner, Socket};
use crate::wait::{Pending, Wants, block_on, fetch, try_fetching};
use ringmq_pipe::frame::MORE;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Receives a message whole: once its first frame is there, all of them are.
pub(crate) fn recv_frames(core: &mut Core) -> Result<Multipart, Error> {
    let mut message = Multipart::new();
    loop {
        let mut frame = Message::new();
        core.recv(&mut frame)?;
        let more = frame.more();
        message.push_back(frame);
        if !more {
            return Ok(message);
        }
    }
}

/// A frame that is looked at where it lies; see [`Socket::recv_with`].
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    body: &'a [u8],
    more: bool,
}

impl Frame<'_> {
    /// Whether it is followed by other frames of the same message.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://more")?;
    /// push.connect("inproc://more")?;
    /// push.send_multipart(["head", "body"])?;
    /// assert!(pull.recv_with(|frame| frame.more())?);
    /// assert!(!pull.recv_with(|frame| frame.more())?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_msg_more")]
    pub fn more(&self) -> bool {
        self.more
    }
}

impl Deref for Frame<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.body
    }
}

impl<K: Receives> Socket<K> {
    /// Receives a frame, waiting for one if there is none. [`more()`](Message::more) tells whether it
    /// is followed by others of the same message, which are then there too. To wait for a while only, see
    /// [`recv_within`](Self::recv_within). Stops the thread: in a task it is [`recv_async`](Self::recv_async)
    /// that waits ([which calls may stand in a task](crate::guide::tasks)).
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when the [receive time-out](Self::set_recv_timeout) has passed,
    /// [`Error::Terminated`], [`Error::State`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_recv_timeout(Some(Duration::from_millis(1)))?;
    /// assert!(socket.recv().unwrap_err().is_would_block());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[inline]
    #[doc(alias = "zmq_recv")]
    #[doc(alias = "zmq_msg_recv")]
    pub fn recv(&self) -> Result<Message, Error> {
        if let Some(frame) = self.recv_fast() {
            return Ok(frame);
        }
        let mut frame = Message::new();
        self.recv_waiting(&mut frame)?;
        Ok(frame)
    }

    /// As [`recv`](Self::recv), into a message that is there already: what it was is dropped, and the
    /// frame is not moved any more. At tens of millions a second that shows.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); the message is then as it was, or empty.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Message;
    /// let context = ringmq::Context::new();
    /// let (a, b) = (context.push()?, context.pull()?);
    /// b.bind("inproc://into")?;
    /// a.connect("inproc://into")?;
    /// a.send("hello")?;
    /// let mut message = Message::new();
    /// b.recv_into(&mut message)?;
    /// assert_eq!(message, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_recv")]
    pub fn recv_into(&self, message: &mut Message) -> Result<(), Error> {
        let core = if K::HAS_FAST_PATH { self.inner.lock_as_owner() } else { None };
        if core.is_some_and(|mut core| core.incoming().is_some_and(|log| log.read_into(message))) {
            return Ok(());
        }
        self.recv_waiting(message)
    }

    /// Receives a frame, waiting for one if there is none, and has `look` look at it where it lies: for
    /// small bodies that are read once, this costs least.
    ///
    /// The socket is taken while `look` runs: it should be quick, other threads wait for it, and whatever it
    /// asks of this socket fails with [`Error::Reentered`]. If it panics, the frame is gone.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (a, b) = (context.push()?, context.pull()?);
    /// b.bind("inproc://look")?;
    /// a.connect("inproc://look")?;
    /// a.send([1, 2, 3])?;
    /// let sum = b.recv_with(|frame| frame.iter().map(|&byte| u32::from(byte)).sum::<u32>())?;
    /// assert_eq!(sum, 6);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[inline]
    pub fn recv_with<R>(&self, look: impl FnOnce(Frame<'_>) -> R) -> Result<R, Error> {
        if K::HAS_FAST_PATH
            && let Some(mut core) = self.inner.lock_as_owner()
            && let Some(log) = core.incoming()
            && log.ready()
        {
            let look = |flags, body: &[u8]| look(Frame { body, more: flags & MORE != 0 });
            return log.read_with(look).ok_or(Error::WouldBlock);
        }
        let mut frame = Message::new();
        self.recv_waiting(&mut frame)?;
        // Taken here as well, so that what `look` must not do is refused whichever way the frame came.
        let _taken = self.inner.lock()?;
        Ok(look(Frame { body: &frame, more: frame.more() }))
    }

    /// Receives a frame if it is there and there is nothing to decide about it.
    #[inline(always)]
    fn recv_fast(&self) -> Option<Message> {
        if !K::HAS_FAST_PATH {
            return None;
        }
        self.inner.lock_as_owner()?.incoming()?.read()
    }

    #[inline(never)]
    fn recv_waiting(&self, into: &mut Message) -> Result<(), Error> {
        let timeout = |options: &Options| options.recv_timeout;
        block_on(&self.inner, Wants::Messages, timeout, |core| core.recv(into))
    }

    /// Receives a frame if there is one now.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), with [`Error::WouldBlock`] when there is none.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://tried")?;
    /// push.connect("inproc://tried")?;
    /// assert!(pull.try_recv().unwrap_err().is_would_block());
    /// push.send("hello")?;
    /// assert_eq!(pull.try_recv()?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_recv(&self) -> Result<Message, Error> {
        if K::HAS_FAST_PATH
            && let Some(mut core) = self.inner.lock_as_owner()
            && let Some(log) = core.incoming()
        {
            if let Some(frame) = log.read() {
                return Ok(frame);
            }
            // What comes after the last message of a peer that has left is the pattern's to say.
            let over = log.ended();
            drop(core);
            if !over && !fetch(&self.inner) {
                return Err(Error::WouldBlock);
            }
        }
        let mut frame = Message::new();
        try_fetching(&self.inner, |core| core.recv(&mut frame))?;
        Ok(frame)
    }

    /// Receives a frame; the future waits for one. Dropping it loses nothing. The receive time-out does
    /// not apply.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://awaited")?;
    /// push.connect("inproc://awaited")?;
    /// push.send("hello")?;
    /// assert_eq!(pull.recv_async().await?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_> {
        RecvFuture { pending: Pending::new(&self.inner, Wants::Messages, K::HAS_FAST_PATH) }
    }

    /// Receives all frames of a message, waiting for one if there is none. Stops the thread: not for
    /// [tasks](crate::guide::tasks).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://whole")?;
    /// push.connect("inproc://whole")?;
    /// push.send_multipart(["head", "body"])?;
    /// let message = pull.recv_multipart()?;
    /// assert_eq!((message.len(), &message[1][..]), (2, &b"body"[..]));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RCVMORE")]
    pub fn recv_multipart(&self) -> Result<Multipart, Error> {
        block_on(&self.inner, Wants::Messages, |options| options.recv_timeout, recv_frames)
    }

    /// Receives all frames of a message if there is one now.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://tried whole")?;
    /// push.connect("inproc://tried whole")?;
    /// assert!(pull.try_recv_multipart().unwrap_err().is_would_block());
    /// push.send_multipart(["head", "body"])?;
    /// assert_eq!(pull.try_recv_multipart()?, ["head", "body"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_recv_multipart(&self) -> Result<Multipart, Error> {
        try_fetching(&self.inner, recv_frames)
    }

    /// Receives all frames of a message; the future waits for one. Dropping it loses nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://awaited whole")?;
    /// push.connect("inproc://awaited whole")?;
    /// push.send_multipart(["head", "body"])?;
    /// assert_eq!(pull.recv_multipart_async().await?, ["head", "body"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn recv_multipart_async(&self) -> RecvMultipartFuture<'_> {
        RecvMultipartFuture { pending: Pending::new(&self.inner, Wants::Messages, ()) }
    }
}

/// A frame to come. Even if it is there, some polls in a hundred are pending, and wake their task at once: for
/// other tasks to have a turn. To look whether there is one, ask [`try_recv`](Socket::try_recv).
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvFuture<'a> {
    /// With whether messages may go past the pattern.
    pending: Pending<'a, bool>,
}

impl Future for RecvFuture<'_> {
    type Output = Result<Message, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at_once = |has_fast_path: &mut bool, inner: &Inner| {
            if *has_fast_path { inner.lock_as_owner()?.incoming()?.read() } else { None }
        };
        self.pending.poll_at_once_or_with(cx, at_once, |_, core| {
            let mut frame = Message::new();
            core.recv(&mut frame)?;
            Ok(frame)
        })
    }
}

/// A message to come, with all its frames. As of [`RecvFuture`], some polls give others a turn.
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvMultipartFuture<'a> {
    pending: Pending<'a, ()>,
}

impl Future for RecvMultipartFuture<'_> {
    type Output = Result<Multipart, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.pending.poll_with(cx, |(), core| recv_frames(core))
    }
}
