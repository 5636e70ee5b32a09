//! Waiting on a socket: threads that sleep and futures that are polled, by the same protocol.
//!
//! First the operation is tried. Then, for a short while, it is tried again with the processor yielded
//! in between: the other side is often about to have something. Then the waiter registers, pipes go to
//! sleep so that their writers tell, and the operation is tried once more before the thread parks.

use crate::core::Core;
use crate::error::Error;
use crate::options::Options;
use crate::socket::Inner;
use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long a thread yields the processor before it parks: about twice what waking it costs.
const PATIENCE: Duration = Duration::from_micros(50);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: RefCell<Waker> = RefCell::new(Waker::from(Arc::new(Unpark(std::thread::current()))));
}

/// A waker that unparks the calling thread.
pub(crate) fn thread_waker() -> Waker {
    WAKER.with(|waker| waker.borrow().clone())
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
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.inner.shared.waiters.remove(self.key);
    }
}

/// Runs `operation` until it does not want to block any more, for as long as the option that `timeout`
/// picks says.
#[inline(always)]
pub(crate) fn block_on<T>(
    inner: &Inner,
    timeout: impl FnOnce(&Options) -> Option<Duration>,
    mut operation: impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    match inner.attempt(&mut operation) {
        Err(Error::WouldBlock) => wait_for(inner, timeout, operation),
        result => result,
    }
}

#[cold]
fn wait_for<T>(
    inner: &Inner,
    timeout: impl FnOnce(&Options) -> Option<Duration>,
    mut operation: impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    let timeout = timeout(&inner.lock().options);
    let start = Instant::now();
    let deadline = timeout.and_then(|timeout| start.checked_add(timeout));
    let expired = |now: Instant| deadline.is_some_and(|deadline| deadline <= now);
    while start.elapsed() < PATIENCE && !expired(Instant::now()) {
        std::thread::yield_now();
        match inner.attempt(&mut operation) {
            Err(Error::WouldBlock) => {}
            result => return result,
        }
    }
    let _registration = Registration::new(inner, thread_waker());
    loop {
        match inner.attempt_then_settle(&mut operation) {
            Err(Error::WouldBlock) => {}
            result => return result,
        }
        let now = Instant::now();
        if expired(now) {
            return Err(Error::WouldBlock);
        }
        if inner.shared.mailbox.pending_for_waiter() {
            continue;
        }
        match deadline {
            Some(deadline) => std::thread::park_timeout(deadline - now),
            None => std::thread::park(),
        }
    }
}

/// The waiting part of a future: what it works on, and its place among the socket's waiters. Dropping
/// it leaves nothing behind.
pub(crate) struct Pending<'a, S> {
    inner: &'a Inner,
    state: S,
    registration: Option<Registration<'a>>,
}

impl<'a, S> Pending<'a, S> {
    pub(crate) fn new(inner: &'a Inner, state: S) -> Self {
        Self { inner, state, registration: None }
    }

    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// Tries the operation; if it would block, the task is woken when it is worth another try.
    pub(crate) fn poll_with<T>(
        &mut self,
        cx: &mut TaskContext<'_>,
        operation: impl Fn(&mut S, &mut Core) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        let (inner, state) = (self.inner, &mut self.state);
        let mut operation = |core: &mut Core| operation(state, core);
        match inner.attempt(&mut operation) {
            Err(Error::WouldBlock) => {}
            result => return Poll::Ready(result),
        }
        match &self.registration {
            Some(registration) => inner.shared.waiters.update(registration.key, cx.waker()),
            None => self.registration = Some(Registration::new(inner, cx.waker().clone())),
        }
        loop {
            match inner.attempt_then_settle(&mut operation) {
                Err(Error::WouldBlock) => {}
                result => return Poll::Ready(result),
            }
            if !inner.shared.mailbox.pending_for_waiter() {
                return Poll::Pending;
            }
        }
    }
}
