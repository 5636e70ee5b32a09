//! Watching a socket's connections.

use crate::error::Error;
use crate::inner::monitors::EventQueue;
use crate::wait::{Yielding, note_ready, thread_waker};
use ringmq_engine::MonitorEvent;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

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
            Some(event) => Ok(event),
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
        let mut yielding = Yielding::default();
        poll_fn(|cx| {
            ready!(yielding.poll_turn(cx));
            registered.enrol(cx.waker().clone());
            match self.try_recv() {
                Err(Error::WouldBlock) => Poll::Pending,
                result => {
                    note_ready();
                    Poll::Ready(result)
                }
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
