//! Watching a socket's connections.

use crate::error::Error;
use crate::inner::monitors::EventQueue;
use crate::wait::thread_waker;
use ringmq_engine::{DisconnectReason, SessionEvent};
use ringmq_transports::{Connection, TransportEvent};
use ringmq_zmtp::Peer;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

/// What happened to a socket's connections. `endpoint` is the one that was bound or connected, `peer`
/// the address of the other end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// An endpoint is bound.
    Listening {
        /// The resolved endpoint.
        endpoint: Arc<str>,
    },
    /// A connection came in; its handshake begins.
    Accepted {
        /// The endpoint it came in on.
        endpoint: Arc<str>,
        /// The other end.
        peer: Arc<str>,
    },
    /// A connection could not be accepted; the listener tries again shortly.
    AcceptFailed {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The system's answer.
        error: Arc<io::Error>,
    },
    /// A connection was made; its handshake begins.
    Connected {
        /// The endpoint it was made to.
        endpoint: Arc<str>,
        /// The other end.
        peer: Arc<str>,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// The endpoint.
        endpoint: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// Another attempt to connect will be made.
    ConnectRetried {
        /// The endpoint.
        endpoint: Arc<str>,
        /// How long from now.
        after: Duration,
    },
    /// A handshake is done: messages may flow.
    HandshakeSucceeded {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The other end.
        peer: Arc<str>,
        /// What the other end said about itself.
        identity: Arc<Peer>,
    },
    /// A handshake failed.
    HandshakeFailed {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The other end.
        peer: Arc<str>,
        /// Why.
        reason: DisconnectReason,
    },
    /// A connection is over.
    Disconnected {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The other end.
        peer: Arc<str>,
        /// Why.
        reason: DisconnectReason,
    },
    /// A bind or connect has ended for good.
    Closed {
        /// The endpoint.
        endpoint: Arc<str>,
    },
}

/// The stream of a socket's events, from the moment it was made. It keeps some ten thousand events
/// that are not read; later ones are [counted](Self::missed) only.
pub struct Monitor(Arc<EventQueue>);

impl Monitor {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Self {
        Self(queue)
    }

    /// The next event, if there is one.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if there is none, [`Error::Terminated`] if there never will be: the socket
    /// is closed.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// let monitor = socket.monitor();
    /// assert!(monitor.try_recv().unwrap_err().is_would_block());
    /// drop(socket);
    /// assert!(matches!(monitor.try_recv(), Err(ringmq::Error::Terminated)));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn try_recv(&self) -> Result<MonitorEvent, Error> {
        let ended = self.0.ended.load(Ordering::SeqCst);
        match self.0.pop() {
            Some(event) => Ok(event.into()),
            None if ended => Err(Error::Terminated),
            None => Err(Error::WouldBlock),
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// [`Error::Terminated`] when the socket is closed.
    ///
    /// # Examples
    /// ```
    /// use ringmq::MonitorEvent;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// let monitor = pull.monitor();
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// while !matches!(monitor.recv()?, MonitorEvent::HandshakeSucceeded { .. }) {}
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn recv(&self) -> Result<MonitorEvent, Error> {
        self.wait(None)
    }

    /// The next event, if it comes within `timeout`.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if it does not, [`Error::Terminated`] when the socket is closed.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().pull()?;
    /// let monitor = socket.monitor();
    /// let error = monitor.recv_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_would_block(), "nothing happens");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<MonitorEvent, Error> {
        self.wait(Some(timeout))
    }

    /// The next event, as a future.
    ///
    /// # Errors
    /// [`Error::Terminated`] when the socket is closed.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ringmq::MonitorEvent;
    /// let socket = ringmq::Context::new().pull()?;
    /// let monitor = socket.monitor();
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// assert!(matches!(monitor.recv_async().await?, MonitorEvent::Listening { .. }));
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn recv_async(&self) -> Result<MonitorEvent, Error> {
        let mut registered = Registered { monitor: self, key: None };
        poll_fn(|cx| {
            registered.enrol(cx.waker().clone());
            match self.try_recv() {
                Err(Error::WouldBlock) => Poll::Pending,
                result => Poll::Ready(result),
            }
        })
        .await
    }

    /// Events that were not kept because nobody read them.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// assert_eq!(socket.monitor().missed(), 0);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    fn wait(&self, timeout: Option<Duration>) -> Result<MonitorEvent, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut registered = Registered { monitor: self, key: None };
        registered.enrol(thread_waker());
        loop {
            match self.try_recv() {
                Err(Error::WouldBlock) => {}
                result => return result,
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Err(Error::WouldBlock),
                Some(left) => std::thread::park_timeout(left),
                None => std::thread::park(),
            }
        }
    }
}

/// A place among the waiters of a monitor.
struct Registered<'a> {
    monitor: &'a Monitor,
    key: Option<u64>,
}

impl Registered<'_> {
    fn enrol(&mut self, waker: std::task::Waker) {
        match self.key {
            Some(key) => self.monitor.0.waiters.update(key, &waker),
            None => self.key = Some(self.monitor.0.waiters.add(waker)),
        }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.monitor.0.waiters.remove(key);
        }
    }
}

impl From<TransportEvent> for MonitorEvent {
    fn from(event: TransportEvent) -> Self {
        match event {
            TransportEvent::Listening { endpoint } => Self::Listening { endpoint },
            TransportEvent::Accepted(Connection { endpoint, peer, .. }) => {
                Self::Accepted { endpoint, peer }
            }
            TransportEvent::AcceptFailed { endpoint, error } => {
                Self::AcceptFailed { endpoint, error }
            }
            TransportEvent::Connected(Connection { endpoint, peer, .. }) => {
                Self::Connected { endpoint, peer }
            }
            TransportEvent::ConnectFailed { endpoint, reason } => {
                Self::ConnectFailed { endpoint, reason }
            }
            TransportEvent::ConnectRetried { endpoint, after } => {
                Self::ConnectRetried { endpoint, after }
            }
            TransportEvent::Session(Connection { endpoint, peer, .. }, event) => match event {
                SessionEvent::HandshakeSucceeded(identity) => {
                    Self::HandshakeSucceeded { endpoint, peer, identity }
                }
                SessionEvent::HandshakeFailed(reason) => {
                    Self::HandshakeFailed { endpoint, peer, reason }
                }
                SessionEvent::Disconnected(reason) => Self::Disconnected { endpoint, peer, reason },
            },
            TransportEvent::Closed { endpoint } => Self::Closed { endpoint },
        }
    }
}
