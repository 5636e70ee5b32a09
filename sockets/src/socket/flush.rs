//! Waiting until what was sent has left.

use crate::context::ending::is_called_back;
use crate::context::reminder::{Reminder, TaskReminder};
use crate::context::unfinished::{Unfinished, Waiting};
use crate::error::Error;
use crate::inner::Core;
use crate::inner::pipes::Pipe;
use crate::kind::Kind;
use crate::socket::{Inner, Socket};
use crate::wait::{Pending, Wants, block_on};
use ringmq_engine::PipeState;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// What is said of a wait that takes long.
const FLUSH: &str = "waiting for a socket to be flushed";

impl<K: Kind> Socket<K> {
    /// Waits until all messages that the socket has accepted before this call have been handed to the system
    /// for their peers, for `timeout` at most (`None`: however long it takes).
    ///
    /// It promises that, and no more: a message that the system has is sent also if this process ends,
    /// unless the connection breaks, and whether the peer has received it, or works on it, only an answer of
    /// the peer's can tell. Messages wait for a peer that is not there yet or again. Those of a connection
    /// that somebody else has made to a bind, and that is lost meanwhile, are lost with it, and not waited
    /// for any more. Within the process a message has arrived as soon as somebody has bound the name. With
    /// [conflate](Self::set_conflate) the latest message counts as handed over when it is about to be. What
    /// other threads send meanwhile is not waited for. A SUB or XSUB waits for its subscriptions. Called by the
    /// library (in a waker, say), it only looks.
    ///
    /// # Errors
    /// [`Error::Unfinished`] when the time has passed, with how many messages wait for which endpoint;
    /// nothing is lost, they are still sent. [`Error::Terminated`] or [`Error::Closed`] if the socket is
    /// closed, also meanwhile: [`Context::term_timeout`](crate::Context::term_timeout) waits then.
    /// [`Error::Reentered`] from inside [`recv_with`](Socket::recv_with).
    ///
    /// # Examples
    /// ```
    /// use ringmq::Error;
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// push.send("on its way")?;
    /// push.flush(None)?;
    ///
    /// let nobody = context.push()?;
    /// nobody.set_linger(Some(Duration::ZERO))?;
    /// nobody.connect("tcp://127.0.0.1:9")?;
    /// nobody.send("to nobody")?;
    /// let Err(Error::Unfinished(left)) = nobody.flush(Some(Duration::ZERO)) else { panic!() };
    /// assert_eq!((left.messages(), &*left.waiting()[0].endpoint), (1, "tcp://127.0.0.1:9"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn flush(&self, timeout: Option<Duration>) -> Result<(), Error> {
        // A time too far away to be told is as good as for ever.
        let deadline = match is_called_back() {
            true => Some(Instant::now()),
            false => timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        };
        let mut flush = PendingFlush::default();
        let mut reminder = Reminder::new();
        let result = loop {
            let next = [reminder.next, deadline].into_iter().flatten().min();
            let left = next.map(|next| next.saturating_duration_since(Instant::now()));
            let attempt = |core: &mut Core| flush.attempt(core);
            match block_on(&self.inner, Wants::Room, |_| left, attempt) {
                Err(Error::WouldBlock) => {}
                result => break result,
            }
            let left = flush.unfinished(&mut *self.inner.lock()?);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break Err(left.into());
            }
            reminder.remind(FLUSH, || left);
        };
        flush.end(&self.inner);
        result
    }

    /// As [`flush`](Self::flush), however long it takes; the future waits. Dropping it loses nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// push.send_async("on its way").await?;
    /// push.flush_async().await?;
    /// # Ok::<(), ringmq::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn flush_async(&self) -> FlushFuture<'_> {
        let pending = Pending::new(&self.inner, Wants::Room, PendingFlush::default());
        FlushFuture { inner: &self.inner, pending, reminder: TaskReminder::default() }
    }
}

/// What is waited for.
#[derive(Default)]
struct PendingFlush {
    /// Set by the first attempt.
    targets: Option<Vec<FlushTarget>>,
}

/// One pipe, up to some message.
struct FlushTarget {
    key: usize,
    /// What tells whether it is still the same.
    state: Arc<PipeState>,
    mark: u64,
}

impl FlushTarget {
    fn pipe<'a>(&self, core: &'a mut Core) -> Option<&'a mut Pipe> {
        let pipe = core.pipes.get_mut(self.key)?;
        Arc::ptr_eq(&pipe.end.state, &self.state).then_some(pipe)
    }

    /// How many messages wait; of a pipe that is gone none.
    fn left(&self, core: &mut Core) -> u64 {
        match self.pipe(core) {
            // Another socket has the far end, and what is in it.
            Some(pipe) if pipe.direct && pipe.peer.is_some() => 0,
            Some(pipe) => pipe.end.tx.unsent(self.mark),
            None => 0,
        }
    }

    fn end(&self, core: &mut Core) {
        if let Some(pipe) = self.pipe(core) {
            pipe.flushes = pipe.flushes.saturating_sub(1);
            if pipe.flushes == 0 {
                pipe.end.tx.stop_watching();
            }
        }
    }
}

impl PendingFlush {
    /// Looks what there is to be waited for; has it told when it has become less.
    fn attempt(&mut self, core: &mut Core) -> Result<(), Error> {
        let first = self.targets.is_none();
        let mut targets = self.targets.take().unwrap_or_else(|| Self::targets(core));
        targets.retain(|target| {
            let waits = target.left(core) > 0;
            if !waits {
                target.end(core);
            }
            waits
        });
        if first {
            for target in &targets {
                target.pipe(core).into_iter().for_each(|pipe| pipe.end.tx.ask_for_credit());
            }
        }
        let done = targets.is_empty();
        self.targets = Some(targets);
        if done { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn targets(core: &mut Core) -> Vec<FlushTarget> {
        let target = |(key, pipe): (usize, &mut Pipe)| {
            pipe.flushes += 1;
            FlushTarget { key, state: pipe.end.state.clone(), mark: pipe.end.tx.flush_mark() }
        };
        core.pipes.iter_mut().map(target).collect()
    }

    /// What is still waited for.
    fn unfinished(&self, core: &mut Core) -> Unfinished {
        let mut waiting = BTreeMap::<String, u64>::new();
        for target in self.targets.iter().flatten() {
            let messages = target.left(core);
            let id = target.pipe(core).map(|pipe| pipe.endpoint_id);
            let endpoint = id.and_then(|id| core.endpoints.name(id)).cloned().unwrap_or_default();
            *waiting.entry(endpoint.to_string()).or_default() += messages;
        }
        let entry = |(endpoint, messages)| Waiting { endpoint, messages };
        Unfinished { waiting: waiting.into_iter().map(entry).collect(), open_sockets: Vec::new() }
    }

    /// Nobody waits any more.
    fn end(&mut self, inner: &Inner) {
        let targets = self.targets.take().unwrap_or_default();
        if targets.is_empty() {
            return;
        }
        if let Ok(mut core) = inner.lock() {
            targets.iter().for_each(|target| target.end(&mut core));
        }
    }
}

/// The moment at which all that was sent has left, to come.
#[must_use = "a future does nothing unless it is awaited"]
pub struct FlushFuture<'a> {
    inner: &'a Inner,
    pending: Pending<'a, PendingFlush>,
    reminder: TaskReminder,
}

impl Future for FlushFuture<'_> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = this.pending.poll_with(cx, PendingFlush::attempt);
        if polled.is_pending() {
            let inner = this.inner;
            let flush = this.pending.state_mut();
            // A socket that is closed is not pending for long.
            let left = || match inner.lock() {
                Ok(mut core) => flush.unfinished(&mut core),
                Err(_) => Unfinished { waiting: Vec::new(), open_sockets: Vec::new() },
            };
            this.reminder.remind((&inner.context.alarms, cx.waker()), None, FLUSH, left);
        }
        polled
    }
}

impl Drop for FlushFuture<'_> {
    fn drop(&mut self) {
        self.pending.state_mut().end(self.inner);
    }
}
