//! Sending and receiving within a time that is said with the call.

use crate::Message;
use crate::error::{Error, SendError};
use crate::inner::Core;
use crate::kind::{Receives, Sends};
use crate::socket::Socket;
use crate::socket::multipart::Multipart;
use crate::socket::payload::Payload;
use crate::socket::recv::recv_frames;
use crate::socket::send::send_frames;
use crate::wait::{Wants, block_on, try_fetching};
use std::time::Duration;

impl<K: Receives> Socket<K> {
    /// As [`recv`](Self::recv), but waits for `time` at most, whatever the
    /// [receive time-out](Self::set_recv_timeout) is. With no time it takes what is there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), with [`Error::WouldBlock`] when `time` has passed.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://within")?;
    /// push.connect("inproc://within")?;
    /// assert!(pull.recv_within(Duration::from_millis(1)).unwrap_err().is_would_block());
    /// push.send("hello")?;
    /// assert_eq!(pull.recv_within(Duration::from_secs(1))?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "recv_timeout")]
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn recv_within(&self, time: Duration) -> Result<Message, Error> {
        let mut frame = Message::new();
        self.wait_within(time, |core| core.recv(&mut frame))?;
        Ok(frame)
    }

    /// As [`recv_multipart`](Self::recv_multipart), but waits for `time` at most.
    ///
    /// # Errors
    /// As [`recv_within`](Self::recv_within).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://whole within")?;
    /// push.connect("inproc://whole within")?;
    /// push.send_multipart(["head", "body"])?;
    /// let time = Duration::from_secs(1);
    /// assert_eq!(pull.recv_multipart_within(time)?, ["head", "body"].into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "recv_timeout")]
    pub fn recv_multipart_within(&self, time: Duration) -> Result<Multipart, Error> {
        self.wait_within(time, recv_frames)
    }

    fn wait_within<T>(
        &self,
        time: Duration,
        operation: impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if time.is_zero() {
            return try_fetching(&self.inner, operation);
        }
        block_on(&self.inner, Wants::Messages, |_| Some(time), operation)
    }
}

impl<K: Sends> Socket<K> {
    /// As [`send`](Self::send), but waits for room for `time` at most, whatever the
    /// [send time-out](Self::set_send_timeout) is.
    ///
    /// # Errors
    /// As [`send`](Self::send), with [`Error::WouldBlock`] when `time` has passed. The message comes back in
    /// the error.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().push()?;
    /// let failed = socket.send_within("to nobody", Duration::from_millis(1)).unwrap_err();
    /// assert!(failed.is_would_block());
    /// assert_eq!(failed.message, "to nobody".into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "send_timeout")]
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn send_within(&self, message: impl Payload, time: Duration) -> Result<(), SendError> {
        match self.try_send(message) {
            Err(SendError { error: Error::WouldBlock, mut message }) if !time.is_zero() => {
                let send = |core: &mut Core| send_frames(core, &mut message);
                let result = block_on(&self.inner, Wants::Room, |_| Some(time), send);
                result.map_err(|error| SendError { error, message })
            }
            result => result,
        }
    }

    /// As [`send_multipart`](Self::send_multipart), but waits for room for `time` at most.
    ///
    /// # Errors
    /// As [`send_within`](Self::send_within).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://parts within")?;
    /// push.connect("inproc://parts within")?;
    /// push.send_multipart_within(("head", vec![1, 2, 3]), Duration::from_secs(1))?;
    /// assert_eq!(pull.recv_multipart()?.len(), 2);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "send_timeout")]
    pub fn send_multipart_within(
        &self,
        message: impl Into<Multipart>,
        time: Duration,
    ) -> Result<(), SendError> {
        let mut message = message.into();
        message.mark();
        let send = |core: &mut Core| send_frames(core, &mut message);
        let result = block_on(&self.inner, Wants::Room, |_| Some(time), send);
        result.map_err(|error| SendError { error, message })
    }
}
