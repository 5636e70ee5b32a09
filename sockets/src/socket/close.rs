//! Closing a socket, also while others still hold it.

use crate::context::reminder::{TaskReminder, sweep};
use crate::context::unfinished::Unfinished;
use crate::inner::ClosedBy;
use crate::inner::mailbox::SocketCommand;
use crate::kind::Kind;
use crate::socket::{Inner, Socket};
use crate::wait::Registration;
use ringmq_engine::spawn_in_background;
use ringmq_pipe::Section;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

impl<K: Kind> Socket<K> {
    /// Closes the socket, whoever else holds it or waits in it: every call on it, also those that wait at this
    /// moment, gives [`Error::Closed`](crate::Error::Closed), and a [`Poller`](crate::Poller) tells it by its
    /// [key](crate::Ready::closed). Returns at once; what was sent goes on being delivered for the
    /// [linger time](Self::set_linger). Dropping a socket does the same.
    ///
    /// Closing it again does nothing. From inside [`recv_with`](Socket::recv_with) of this socket it is closed
    /// when that returns. What others have sent and nobody has received is dropped.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// use std::sync::Arc;
    /// let context = Context::new();
    /// let socket = Arc::new(context.pull()?);
    /// let waiting = std::thread::spawn({
    ///     let socket = socket.clone();
    ///     move || socket.recv()
    /// });
    /// socket.close();
    /// assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
    /// assert!(context.pull().is_ok(), "the context goes on");
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "zmq_close")]
    pub fn close(&self) {
        if !self.inner.is_inherited() {
            self.inner.close(ClosedBy::Application);
        }
    }

    /// [Closes](Self::close) the socket when it is first polled; the future waits until what was sent is
    /// delivered, or given up when the linger time is over. Nothing in it blocks; dropping it leaves the
    /// socket closed.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// push.send("on its way")?;
    /// push.close_async().await;
    /// assert_eq!(pull.recv_async().await?, "on its way");
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn close_async(&self) -> CloseFuture<'_> {
        CloseFuture { inner: &self.inner, registration: None, reminder: TaskReminder::default() }
    }
}

impl Inner {
    /// Whether nobody has closed the socket.
    pub(crate) fn is_open(&self) -> bool {
        // SeqCst: as everywhere.
        !self.shared.closed.load(Ordering::SeqCst)
    }

    /// As [`close`](Self::close), unless somebody else is in the socket until a time: then it is closed by
    /// whoever next comes.
    pub(crate) fn close_until(self: &Arc<Self>, by: ClosedBy, until: Instant) {
        match self.core.lock_until(until) {
            Ok(Some(mut core)) => core.close(by),
            Ok(None) => self.shared.post(SocketCommand::Close(by)),
            Err(_) => {
                let this = self.clone();
                Section::run_after(move || this.close(by));
            }
        }
    }

    /// Closes the socket without waiting: if somebody else is in it, that is done by whoever is there first,
    /// a thread that waits for that or who next comes.
    pub(crate) fn close_soon(self: &Arc<Self>, by: ClosedBy) {
        self.close_until(by, Instant::now());
        if !self.is_open() {
            return;
        }
        let this = self.clone();
        if Section::is_entered() {
            // Perhaps it is this thread that is in it, and then it is closed by then.
            return Section::run_after(move || this.close_soon(by));
        }
        if let Err(error) = spawn_in_background("ringmq-close", move || this.close(by)) {
            Section::run_after(
                move || tracing::debug!(%error, "no thread to close a socket that is in use"),
            );
        }
    }

    /// The linger time was set of a socket that is closed: what lingers of it heeds that.
    pub(crate) fn linger_changed(&self, linger: Option<Duration>) {
        self.context.lingering.change(Some(&self.shared), linger);
        self.context.inproc.linger_changed();
    }

    /// Sets the linger time without waiting: if somebody is in the socket, whoever next comes does that.
    pub(crate) fn set_linger_soon(&self, linger: Option<Duration>) {
        match self.core.lock_until(Instant::now()) {
            Ok(Some(mut core)) => core.options.linger = linger,
            Ok(None) | Err(_) => self.shared.post_linger(linger),
        }
    }

    /// Whether the socket is the parent's of this process: see [`ContextInner::is_inherited`].
    pub(crate) fn is_inherited(&self) -> bool {
        self.context.is_inherited()
    }
}

/// The end of a socket, to come.
#[must_use = "a future does nothing unless it is awaited"]
pub struct CloseFuture<'a> {
    inner: &'a Arc<Inner>,
    registration: Option<Registration<'a>>,
    reminder: TaskReminder,
}

impl Future for CloseFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.inner.is_inherited() {
            return Poll::Ready(());
        }
        match &self.registration {
            Some(registration) => registration.update(cx.waker()),
            None => {
                self.registration = Some(Registration::new(self.inner, cx.waker().clone()));
                self.inner.close_soon(ClosedBy::Application);
            }
        }
        let context = &self.inner.context;
        let sweep_next = sweep(&context.inproc);
        // SeqCst: who tells of the end of a pipe wakes afterwards.
        let lingers = self.inner.shared.lingering.load(Ordering::SeqCst) > 0;
        if !lingers && !self.inner.is_open() {
            return Poll::Ready(());
        }
        let left = || {
            let waiting = context.lingering.waiting();
            Unfinished { waiting, open_sockets: Vec::new() }
        };
        let task = (&context.alarms, cx.waker());
        self.reminder.remind(task, sweep_next, "waiting for the end of a socket", left);
        Poll::Pending
    }
}
