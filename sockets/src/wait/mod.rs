//! Waiting on a socket: threads that sleep and futures that are polled.
//!
//! A thread first tries the operation. Then it waits, in two stages. While it [spins](spin) it reads its
//! connections itself, and looks over and over: a few one by one, [many] as a list that the kernel keeps
//! ([`attending`]), as a poller does. After that it registers as
//! a waiter, pipes go to sleep so that their writers tell, the operation is tried once more, and the
//! thread blocks: in the kernel on its own descriptors ([`block`]), or parked where the I/O thread reads
//! for it. A future that a tokio runtime polls reads by itself, if the feature is on ([`task_reading`]), and on
//! a runtime of one thread it has a first stage, too ([`task_spin`]); else it leaves all reading to the I/O
//! thread, and waits to be told.

#[cfg(unix)]
mod attending;
mod block;
mod direct_connections;
mod many;
#[cfg(not(unix))]
#[path = "attending/none.rs"]
mod no_attending;
mod reading;
mod signals;
mod spin;
#[cfg(all(debug_assertions, feature = "tokio"))]
mod stalled_worker;
mod task_reading;
mod task_spin;
mod yielding;

#[cfg(unix)]
pub(crate) use attending::{AttendedWait, Attending};
pub(crate) use block::{park, thread_parker};
pub(crate) use direct_connections::DirectConnections;
#[cfg(not(unix))]
pub(crate) use no_attending::{NoAttending as Attending, NoWait as AttendedWait};
pub(crate) use reading::{Reading, ReadingTurn};
pub use signals::{always_interruptible, interruptible};
pub(crate) use signals::{heed, is_interruptible};
pub use spin::Spin;
pub(crate) use spin::SpinEstimate;
pub(crate) use yielding::{Yielding, note_ready};

use spin::Reads;
use task_reading::TaskReading;
use task_spin::TaskSpin;

use crate::error::Error;
use crate::inner::{Core, Look};
use crate::options::Options;
use crate::socket::Inner;
use ringmq_pipe::Section;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker, ready};
use std::thread::Thread;
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Unpark {
    fn new_waker() -> Waker {
        Waker::from(Arc::new(Self(std::thread::current())))
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Unpark::new_waker();
}

/// A waker that unparks the calling thread.
pub(crate) fn thread_waker() -> Waker {
    let known = WAKER.try_with(Waker::clone);
    // A thread that is ending has it no more.
    known.unwrap_or_else(|_| Unpark::new_waker())
}

/// A waiter of a socket while it is registered.
pub(crate) struct Registration<'a> {
    inner: &'a Inner,
    key: u64,
}

impl<'a> Registration<'a> {
    pub(crate) fn new(inner: &'a Inner, waker: Waker) -> Self {
        Self { inner, key: inner.shared.waiters.add(waker) }
    }

    /// Of a thread that sleeps, with a waker of its own.
    pub(crate) fn of_thread(inner: &'a Inner, waker: Waker) -> Self {
        Self { inner, key: inner.shared.waiters.add_thread(waker) }
    }
}

impl Registration<'_> {
    /// Another waker takes the place of the first.
    pub(crate) fn update(&self, waker: &Waker) {
        self.inner.shared.waiters.update(self.key, waker);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.inner.shared.waiters.remove(self.key);
    }
}

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Something to receive.
    Messages,
    /// Room to send.
    Room,
}

/// When a wait is over at the latest.
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    /// A time too far away to be told is as good as for ever.
    fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    fn has_passed(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    fn left(self, now: Instant) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now))
    }
}

/// Runs `operation` until it does not want to block any more, for as long as the option that `timeout`
/// picks says.
#[inline(always)]
pub(crate) fn block_on<T>(
    inner: &Inner,
    wants: Wants,
    timeout: impl FnOnce(&Options) -> Option<Duration>,
    mut operation: impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    match inner.attempt(&mut operation) {
        Err(Error::WouldBlock) => wait_for(inner, wants, timeout, operation),
        result => result,
    }
}

#[cold]
fn wait_for<T>(
    inner: &Inner,
    wants: Wants,
    timeout: impl FnOnce(&Options) -> Option<Duration>,
    mut operation: impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut core = inner.lock()?;
    core.look_at_doubts();
    let timeout = timeout(&core.options);
    let deadline = Deadline::after(timeout);
    let how = core.options.spin;
    let direct_connections = match wants {
        Wants::Messages => {
            core.finish_bursts();
            core.direct_connections()
        }
        Wants::Room => DirectConnections::default(),
    };
    drop(core);
    let budget = spin::budget(inner, how);
    #[cfg(all(debug_assertions, feature = "tokio"))]
    if timeout != Some(Duration::ZERO) {
        stalled_worker::warn(inner.shared.socket_type, wants);
    }
    if direct_connections.are_many() {
        let result = many::wait_for(inner, budget, deadline, &mut operation);
        inner.shared.waiters.wake();
        return result;
    }
    let mut readers = direct_connections.readers();
    let start = Instant::now();
    let mut result = spin::spin(inner, start, budget, &mut readers, deadline, &mut operation);
    if matches!(result, Err(Error::WouldBlock)) && !deadline.has_passed(Instant::now()) {
        drop(readers);
        result = block::block(inner, wants, deadline, &mut operation);
        if result.is_ok() {
            inner.shared.spin_estimate.note_blocked(start.elapsed());
        }
    } else {
        drop(readers);
    }
    if wants == Wants::Messages {
        // There may be more for others than for this thread, or nobody left who reads for them.
        inner.shared.waiters.wake();
    }
    result
}

/// Tries an operation once, and once more if something can be read for it.
pub(crate) fn try_fetching<T>(
    inner: &Inner,
    mut operation: impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    match inner.attempt(&mut operation) {
        Err(Error::WouldBlock) if fetch(inner) => inner.attempt(&mut operation),
        result => result,
    }
}

/// Reads what there is on connections that this socket's threads have been reading; `true` if there
/// was something.
#[cold]
pub(crate) fn fetch(inner: &Inner) -> bool {
    let Ok(mut core) = inner.lock() else { return false };
    core.look_at_doubts();
    match core.look_in_between() {
        Look::Spared => return false,
        Look::AtAll(reading) => {
            drop(core);
            // Whom the messages wake is called with the turn over.
            let _section = Section::enter();
            let mut turn = reading.turn_in_between();
            if turn.attends() {
                return turn.look();
            }
            // Another thread has the turn: this one looks at what is its own.
            match inner.lock() {
                Ok(again) => core = again,
                Err(_) => return false,
            }
        }
        Look::AtEach => {}
    }
    let Some(direct_connections) = core.lent_connections() else { return false };
    drop(core);
    direct_connections.readers_as_they_are().fetch()
}

/// How often a future looks before it gives others a turn.
const LOOKS: usize = 8;

/// The waiting part of a future: what it works on, and its place among the socket's waiters. Dropping
/// it leaves nothing behind.
pub(crate) struct Pending<'a, S> {
    inner: &'a Inner,
    wants: Wants,
    state: S,
    registration: Option<Registration<'a>>,
    reading: TaskReading,
    yielding: Yielding,
    spin: TaskSpin,
}

impl<'a, S> Pending<'a, S> {
    pub(crate) fn new(inner: &'a Inner, wants: Wants, state: S) -> Self {
        Self {
            inner,
            wants,
            state,
            registration: None,
            reading: TaskReading::default(),
            yielding: Yielding::default(),
            spin: TaskSpin::Fresh,
        }
    }

    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// Tries the operation; if it would block, the task is woken when it is worth another try. Now and then
    /// it is not tried, for [others](yielding) to have a turn.
    #[inline]
    pub(crate) fn poll_with<T>(
        &mut self,
        cx: &mut TaskContext<'_>,
        operation: impl Fn(&mut S, &mut Core) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        ready!(self.yielding.poll_turn(cx));
        let result = ready!(self.poll_operation(cx, operation));
        self.rest();
        note_ready();
        Poll::Ready(result)
    }

    /// As [`poll_with`](Self::poll_with). If the future has not waited yet, what is to be had at once is asked
    /// for first: `at_once` goes past everything that there is to decide, as a blocking call does.
    #[inline]
    pub(crate) fn poll_at_once_or_with<T>(
        &mut self,
        cx: &mut TaskContext<'_>,
        at_once: impl FnOnce(&mut S, &Inner) -> Option<T>,
        operation: impl Fn(&mut S, &mut Core) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        if self.registration.is_some() || self.reading.is_watching() {
            return self.poll_with(cx, operation);
        }
        ready!(self.yielding.poll_turn(cx));
        if let Some(value) = at_once(&mut self.state, self.inner) {
            note_ready();
            return Poll::Ready(Ok(value));
        }
        let result = ready!(self.poll_operation(cx, operation));
        self.rest();
        note_ready();
        Poll::Ready(result)
    }

    /// Ready, unless [others](yielding) are to have a turn.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_turn(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        ready!(self.yielding.poll_turn(cx));
        note_ready();
        Poll::Ready(())
    }

    /// Tries an operation, which is not waited for.
    #[cfg(feature = "futures")]
    pub(crate) fn attempt<T>(
        &mut self,
        mut operation: impl FnMut(&mut S, &mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let state = &mut self.state;
        self.inner.attempt(&mut |core: &mut Core| operation(state, core))
    }

    /// Waits no longer.
    #[inline]
    fn rest(&mut self) {
        self.registration = None;
        self.spin.rest(self.inner, self.wants);
        if self.reading.rest() {
            // There may be more for others than for this future, or nobody who looks for it.
            self.inner.shared.waiters.wake();
        }
    }

    fn poll_operation<T>(
        &mut self,
        cx: &mut TaskContext<'_>,
        operation: impl Fn(&mut S, &mut Core) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        let (inner, wants, state) = (self.inner, self.wants, &mut self.state);
        let mut operation = |core: &mut Core| operation(state, core);
        match inner.attempt(&mut operation) {
            Err(Error::WouldBlock) => {}
            result => return Poll::Ready(result),
        }
        if wants == Wants::Messages
            && inner.shared.has_bursts()
            && let Ok(mut core) = inner.lock()
        {
            core.finish_bursts();
        }
        if let Some(result) = self.spin.stay(inner, wants, &mut operation) {
            return Poll::Ready(result);
        }
        // The reactor is not asked at each turn: that is the runtime's to say.
        if wants == Wants::Messages && self.spin.is_spinning() && fetch(inner) {
            match inner.attempt(&mut operation) {
                Err(Error::WouldBlock) => {}
                result => return Poll::Ready(result),
            }
        }
        // Who is to be told of room makes work for the I/O thread.
        if wants == Wants::Room && self.spin.turns(inner, wants, cx) {
            return Poll::Pending;
        }
        for _ in 0..LOOKS {
            match &self.registration {
                Some(registration) => registration.update(cx.waker()),
                None => self.registration = Some(Registration::new(inner, cx.waker().clone())),
            }
            if wants == Wants::Messages {
                self.reading.fetch(inner, &mut self.registration, cx.waker());
            }
            let result = match &self.registration {
                Some(_) => inner.attempt_then_settle(wants, &mut operation),
                None => inner.attempt(&mut operation),
            };
            match result {
                Err(Error::WouldBlock) => {}
                result => return Poll::Ready(result),
            }
            let changed = wants == Wants::Messages && inner.shared.have_connections_changed();
            if self.registration.is_some() && !changed && !inner.shared.mailbox.pending_for_waiter()
            {
                if wants == Wants::Messages {
                    self.spin.turns(inner, wants, cx);
                }
                return Poll::Pending;
            }
        }
        // So much happens that others may want a turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
