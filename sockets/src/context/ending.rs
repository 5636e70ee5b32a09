//! How a context ends: its sockets are closed, what was sent is delivered, its threads go.

use super::reminder::{Reminder, TaskReminder, remind_in_background, sweep};
use super::unfinished::Unfinished;
use super::{Context, ContextInner, lock};
use crate::inner::ClosedBy;
use crate::socket::Inner;
use ringmq_engine::{Engine, is_io_thread};
use ringmq_pipe::{Section, Waiters};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// What is said of a wait that takes long.
const TERM: &str = "waiting for the end of a context";
const DROPPED: &str =
    "a context was dropped, and a process that ends does not wait for it: see Context::term";

/// Whether the calling thread may wait for as long as it takes, though nobody has asked it to: the program
/// leaves `main`, perhaps, and there is nothing else to be done. Any other thread may be a runtime's.
fn is_main_thread() -> bool {
    std::thread::current().name() == Some("main") && !is_in_callback()
}

/// Whether the calling thread is inside of something that others wait for.
fn is_in_callback() -> bool {
    Section::is_entered() || is_called_back()
}

/// Whether it is the library that has called: by an I/O thread, which others wait for, or in the middle of a
/// call, which may have a time limit and has nothing to do with this.
pub(crate) fn is_called_back() -> bool {
    is_io_thread() || Section::runs_foreign_code()
}

impl ContextInner {
    fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::SeqCst)
    }

    pub(super) fn shut_down(&self) {
        if !self.is_inherited() {
            self.close_sockets(None);
        }
    }

    /// Closes the sockets, each as soon as nobody is in it, and waits for that until a time (`None`: however
    /// long it takes); whoever is in one by then closes it when it next comes. `true` if all are closed.
    fn close_sockets(&self, until: Option<Instant>) -> bool {
        self.shut_down.store(true, Ordering::SeqCst);
        for inner in self.open_sockets() {
            match until {
                None => inner.close(ClosedBy::Context),
                Some(until) => inner.close_until(ClosedBy::Context, until),
            }
        }
        self.open_sockets().is_empty()
    }

    /// The same without waiting: whoever is in one is not waited for, and it is closed when nobody is.
    fn close_sockets_soon(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
        self.open_sockets().iter().for_each(|inner| inner.close_soon(ClosedBy::Context));
    }

    fn open_sockets(&self) -> Vec<Arc<Inner>> {
        self.sockets().into_iter().filter(|inner| inner.is_open()).collect()
    }

    /// All sockets that somebody has.
    fn sockets(&self) -> Vec<Arc<Inner>> {
        lock(&self.sockets).iter().filter_map(Weak::upgrade).collect()
    }

    /// What is left to be done.
    fn unfinished(&self) -> Unfinished {
        let open = self.open_sockets();
        let open_sockets = open.iter().map(|inner| inner.shared.socket_type).collect();
        Unfinished { open_sockets, waiting: self.lingering.waiting() }
    }

    /// Shuts down, and waits until nothing is left or until a time.
    fn terminate(&self, until: Option<Instant>) -> Result<(), Unfinished> {
        if self.is_inherited() {
            return Ok(());
        }
        if is_in_callback() {
            // One of the sockets may be in use by this very thread, and the I/O threads may wait for it.
            self.close_sockets_soon();
            return if self.is_finished() { Ok(()) } else { Err(self.unfinished()) };
        }
        let all_closed = self.close_sockets(until);
        self.inproc.clear();
        let engine = lock(&self.engine).clone();
        if let Some(engine) = engine {
            self.await_idle(&engine, until)?;
            self.end_engine(engine);
        }
        if all_closed { Ok(()) } else { Err(self.unfinished()) }
    }

    fn await_idle(&self, engine: &Engine, until: Option<Instant>) -> Result<(), Unfinished> {
        let mut reminder = Reminder::new();
        loop {
            let next = [reminder.next, until].into_iter().flatten().min();
            if engine.wait_until_idle(next) {
                return Ok(());
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Err(self.unfinished());
            }
            reminder.remind(TERM, || self.unfinished());
        }
    }

    /// Whether all sockets are closed and no handler is left.
    fn is_finished(&self) -> bool {
        let idle = lock(&self.engine).as_ref().is_none_or(|engine| engine.is_idle());
        idle && self.unfinished().open_sockets.is_empty()
    }

    /// Stops the threads, which have nothing to do any more. Who else waits for that holds them too.
    fn end_engine(&self, engine: Arc<Engine>) {
        let last = lock(&self.engine).take();
        drop(last);
        drop(engine);
    }

    /// Lets the threads end by themselves, unless somebody waits for them.
    fn retire(&self) {
        let mut slot = lock(&self.engine);
        match slot.take().map(Arc::try_unwrap) {
            Some(Ok(engine)) => {
                drop(slot);
                engine.retire();
            }
            Some(Err(shared)) => *slot = Some(shared),
            None => {}
        }
    }
}

impl Drop for ContextInner {
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        self.alarms.end();
        if is_main_thread() {
            // Without a time it waits until nothing is left.
            let _ = self.terminate(None);
            return;
        }
        self.shut_down();
        self.inproc.clear();
        if !self.lingering.waiting().is_empty() {
            remind_in_background(DROPPED, &self.lingering, &self.inproc);
        }
        self.retire();
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.0.is_inherited() {
            // For good: see `is_inherited`.
            std::mem::forget(self.0.clone());
        } else if self.0.is_shut_down() && is_main_thread() {
            // The others hold it for no purpose, and nobody else may be left who would wait.
            let _ = self.0.terminate(None);
        }
    }
}

impl Context {
    /// Ends all sockets: every call on them, also those that wait at this moment, gives
    /// [`Error::Terminated`](crate::Error::Terminated). Returns at once; what was sent goes on being delivered
    /// for the linger time. That is cut off by the end of the process: see
    /// [ending well](crate::guide::ending).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// let context = Context::new();
    /// let socket = context.pull()?;
    /// let waiting = std::thread::spawn(move || socket.recv());
    /// context.shutdown();
    /// assert!(matches!(waiting.join().unwrap(), Err(Error::Terminated)));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_shutdown")]
    pub fn shutdown(&self) {
        self.0.shut_down();
    }

    /// [Shuts down](Self::shutdown), then waits until what was sent is delivered or its linger time is
    /// over, and stops the I/O threads. With an unlimited linger time, which is the default, and a peer
    /// that never comes, that takes for ever: a log line at WARN says after a second how many messages wait
    /// for which endpoint, [`set_linger`](Self::set_linger) ends it from elsewhere, and
    /// [`term_timeout`](Self::term_timeout) waits no longer than it is told to.
    ///
    /// From inside [`recv_with`](crate::Socket::recv_with) it only shuts down. Called by the library (in a waker,
    /// say, or as the owner of a buffer goes), it does not wait, and all that goes on
    /// [in the background](Context).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// let context = Context::new();
    /// let socket = context.pull()?;
    /// context.term();
    /// assert!(matches!(socket.recv(), Err(Error::Terminated)));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_term")]
    #[doc(alias = "zmq_ctx_destroy")]
    pub fn term(&self) {
        // What is left then, in a callback, others can wait for.
        let left = self.0.terminate(None).is_err();
        if left && is_called_back() {
            let engine = lock(&self.0.engine).clone();
            engine.iter().for_each(|engine| engine.retire_when_idle());
        }
    }

    /// As [`term`](Self::term), for so long at most. It can be called again, and by several threads at once.
    ///
    /// # Errors
    /// [`Unfinished`] says what is left when the time is over: sockets that a thread is in, which is inside
    /// [`recv_with`](crate::Socket::recv_with), and how many messages wait for which endpoint. From inside
    /// `recv_with`, or called by the library, it says so at once.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use std::time::Duration;
    /// let context = Context::new();
    /// let push = context.push()?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// let left = context.term_timeout(Duration::from_millis(10)).unwrap_err();
    /// assert_eq!(left.to_string(), "messages still wait: 1 for tcp://127.0.0.1:9");
    /// context.set_linger(Some(Duration::ZERO)); // and that is that
    /// context.term_timeout(Duration::from_secs(20))?;
    /// assert_eq!(context.gave_up(), 1);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn term_timeout(&self, timeout: Duration) -> Result<(), Unfinished> {
        // A time too far away to be told is as good as for ever.
        self.0.terminate(Instant::now().checked_add(timeout))
    }

    /// [Shuts down](Self::shutdown) when it is first polled; the future waits until what was sent is
    /// delivered or its linger time is over. Nothing in it blocks; dropping it leaves the context shut down.
    /// Put a limit of your runtime around it, or change the linger time with
    /// [`set_linger`](Self::set_linger).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, ringmq::Context::new().pull()?);
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// push.send("on its way")?;
    /// context.term_async().await;
    /// assert_eq!(pull.recv_async().await?, "on its way");
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn term_async(&self) -> TermFuture<'_> {
        TermFuture { context: &self.0, engine: None, reminder: TaskReminder::default() }
    }

    /// Sets the [linger time](crate::Socket::set_linger) of all sockets that there are, and of those that are
    /// closed already: what they have left lingers for so much longer from now on; zero gives it up. So a
    /// second Ctrl-C can end a program that waits in [`term`](Self::term). Sockets that are made later have
    /// the linger time that their type starts with.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use std::time::Duration;
    /// let context = Context::new();
    /// let push = context.push()?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// drop(push);
    /// let ending = std::thread::spawn({
    ///     let context = context.clone();
    ///     move || context.term()
    /// });
    /// context.set_linger(Some(Duration::ZERO));
    /// ending.join().unwrap();
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) {
        if self.0.is_inherited() {
            return;
        }
        // What lingers comes last: a socket that is being closed meanwhile either has its pipes there by then, or
        // finds the new time as it closes them.
        self.0.sockets().iter().for_each(|socket| socket.set_linger_soon(linger));
        self.0.lingering.change(None, linger);
        self.0.inproc.linger_changed();
    }

    /// How many messages were given up undelivered, of all its sockets, those that are gone included: their
    /// linger time was over, or their peer had gone, after the socket was closed or the endpoint
    /// disconnected. Each time that is also a log line at WARN, unless there was one so shortly before.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let push = context.push()?;
    /// push.set_linger(Some(Duration::from_millis(1)))?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// context.term();
    /// assert_eq!(context.gave_up(), 1);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn gave_up(&self) -> u64 {
        self.0.lingering.gave_up()
    }
}

/// The end of a context, to come.
#[must_use = "a future does nothing unless it is awaited"]
pub struct TermFuture<'a> {
    context: &'a ContextInner,
    /// Where it is among those who wait for the engine.
    engine: Option<IdleRegistration>,
    reminder: TaskReminder,
}

/// A place among those who wait for an engine to be idle.
struct IdleRegistration {
    engine: Arc<Engine>,
    key: u64,
}

impl IdleRegistration {
    fn waiters(&self) -> &Waiters {
        self.engine.idle_waiters()
    }
}

impl Drop for IdleRegistration {
    fn drop(&mut self) {
        self.waiters().remove(self.key);
    }
}

impl TermFuture<'_> {
    fn enrol(&mut self, engine: Arc<Engine>, waker: &Waker) {
        match &self.engine {
            Some(registered) => registered.waiters().update(registered.key, waker),
            None => {
                let key = engine.idle_waiters().add(waker.clone());
                self.engine = Some(IdleRegistration { engine, key });
            }
        }
    }
}

impl Future for TermFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
        let context = self.context;
        if context.is_inherited() {
            return Poll::Ready(());
        }
        if self.engine.is_none() {
            context.close_sockets_soon();
        }
        context.inproc.clear();
        let engine = lock(&context.engine).clone();
        let Some(engine) = engine else { return Poll::Ready(()) };
        self.enrol(engine.clone(), cx.waker());
        if engine.is_idle() {
            drop(engine);
            self.engine = None;
            // They have nothing to do any more; to wait until they have gone would be to block.
            context.retire();
            return Poll::Ready(());
        }
        let task = (&context.alarms, cx.waker());
        self.reminder.remind(task, sweep(&context.inproc), TERM, || context.unfinished());
        Poll::Pending
    }
}
