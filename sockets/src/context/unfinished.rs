//! What is left when the time is up: sockets that are in use, and messages that wait.

use ringmq_zmtp::SocketType;
use std::fmt;

/// Messages that wait to be handed to the system for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// What was bound or connected, resolved.
    pub endpoint: String,
    /// How many messages.
    pub messages: u64,
}

/// Why an end, or a [flush](crate::Socket::flush), was not reached in time: what there was left to be done.
/// All of it goes on, and can be waited for again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    pub(crate) open_sockets: Vec<SocketType>,
    pub(crate) waiting: Vec<Waiting>,
}

impl Unfinished {
    /// The sockets that were in use, so that they could not be closed: a thread is in
    /// [`recv_with`](crate::Socket::recv_with).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://in use")?;
    /// push.connect("inproc://in use")?;
    /// push.send("look")?;
    /// let left = pull.recv_with(|_| context.term_timeout(Duration::ZERO))?.unwrap_err();
    /// assert_eq!(left.open_sockets(), [ringmq::SocketType::Pull]);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn open_sockets(&self) -> &[SocketType] {
        &self.open_sockets
    }

    /// How many messages wait for which endpoint.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let push = context.push()?;
    /// push.set_linger(Some(Duration::from_millis(100)))?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// let left = context.term_timeout(Duration::ZERO).unwrap_err();
    /// assert_eq!(left.waiting()[0].endpoint, "tcp://127.0.0.1:9");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// How many messages wait in all.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let push = context.push()?;
    /// push.set_linger(Some(Duration::from_millis(100)))?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// assert_eq!(context.term_timeout(Duration::ZERO).unwrap_err().messages(), 1);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn messages(&self) -> u64 {
        self.waiting.iter().map(|waiting| waiting.messages).sum()
    }
}

/// So many endpoints are named; there may be thousands.
const NAMED: usize = 8;

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waiting.is_empty() && self.open_sockets.is_empty() {
            return f.write_str("connections are still being closed");
        }
        let named = self.waiting.iter().take(NAMED);
        for (index, Waiting { endpoint, messages }) in named.enumerate() {
            let before = if index == 0 { "messages still wait:" } else { "," };
            write!(f, "{before} {messages} for {endpoint}")?;
        }
        if self.waiting.len() > NAMED {
            write!(f, ", and for {} more endpoints", self.waiting.len() - NAMED)?;
        }
        if !self.waiting.is_empty() && !self.open_sockets.is_empty() {
            f.write_str("; ")?;
        }
        for (index, socket) in self.open_sockets.iter().enumerate() {
            let before = if index == 0 { "sockets are in use: " } else { ", " };
            write!(f, "{before}{}", socket.name())?;
        }
        Ok(())
    }
}

impl std::error::Error for Unfinished {}
