//! Name lookups off the I/O threads.
//!
//! A [`Resolver`] belongs to a context and may be used from any thread. Its one worker thread
//! starts with the first lookup. The system's resolver cannot be interrupted, so nothing ever
//! waits for the worker: a shutdown answers what is pending, the lookup under way included, and
//! leaves the thread to end by itself.
//!
//! What always holds: a callback that was accepted runs exactly once, without any lock held, and
//! its panic ends nothing but itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::endpoint::TcpEndpoint;
use crate::error::ResolveError;
use crate::options::RESOLVE_QUEUE;
use crate::tcp;

/// What a lookup ends in.
pub type Resolved = Result<Vec<SocketAddr>, ResolveError>;

/// Called with the outcome of a lookup.
pub type Done = Box<dyn FnOnce(Resolved) + Send>;

/// Looks names up, one after the other, on a thread of its own.
///
/// ```
/// use ringmq_transports::endpoint::Endpoint;
/// use ringmq_transports::resolve::Resolver;
///
/// let resolver = Resolver::new();
/// let Endpoint::Tcp(peer) = Endpoint::parse_connect("tcp://localhost:5555")? else { panic!() };
/// let (sender, receiver) = std::sync::mpsc::channel();
/// resolver.resolve(peer, false, Box::new(move |outcome| sender.send(outcome).unwrap()))?;
/// assert_eq!(receiver.recv()??[0].port(), 5555);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Resolver {
    shared: Arc<Shared>,
}

/// How a worker looks one endpoint up; the tests put their own in the place of the system's.
type Lookup = dyn Fn(&TcpEndpoint, bool) -> Resolved + Send + Sync;

struct Shared {
    state: Mutex<State>,
    /// Told after each change of `state` that the worker waits for.
    changed: Condvar,
    lookup: Box<Lookup>,
}

#[derive(Default)]
struct State {
    /// At most [`RESOLVE_QUEUE`] of them.
    queue: VecDeque<Job>,
    /// Whose lookup is under way; taken by whoever answers it, the worker or the shutdown.
    current: Option<Done>,
    /// Whether a worker thread serves this state.
    started: bool,
    shut_down: bool,
}

struct Job {
    endpoint: TcpEndpoint,
    ipv6: bool,
    done: Done,
}

impl Resolver {
    /// A resolver without a thread: that starts with the first lookup.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lookup(Box::new(tcp::resolve))
    }

    fn with_lookup(lookup: Box<Lookup>) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { state, changed, lookup }) }
    }

    /// Looks `endpoint` up and calls `done` with the outcome.
    ///
    /// `done` runs on the worker thread, or with [`ResolveError::ShutDown`] on the thread that
    /// drops the resolver; never on this one before the call returns. It should only pass the
    /// outcome on, because the lookups behind it wait.
    ///
    /// # Errors
    /// When too many lookups wait already or the thread cannot be started; `done` is then dropped
    /// and not called.
    pub fn resolve(
        &self,
        endpoint: TcpEndpoint,
        ipv6: bool,
        done: Done,
    ) -> Result<(), ResolveError> {
        let mut state = self.shared.lock();
        if state.queue.len() >= RESOLVE_QUEUE {
            return Err(ResolveError::QueueFull(RESOLVE_QUEUE));
        }
        if !state.started {
            let shared = Arc::clone(&self.shared);
            // Linux shows 15 characters of a name. The handle is dropped: nobody waits for it.
            thread::Builder::new()
                .name("ringmq-resolve".to_owned())
                .spawn(move || shared.work())
                .map_err(ResolveError::Thread)?;
            state.started = true;
        }
        state.queue.push_back(Job { endpoint, ipv6, done });
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Resolver")
            .field("waiting", &state.queue.len())
            .field("busy", &state.current.is_some())
            .finish_non_exhaustive()
    }
}

/// Answers everything pending and leaves the thread to end by itself, at once unless a lookup is
/// under way.
impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.shut_down = true;
        let waiting = std::mem::take(&mut state.queue);
        let current = state.current.take();
        drop(state);
        self.shared.changed.notify_one();
        for done in current.into_iter().chain(waiting.into_iter().map(|job| job.done)) {
            call(done, Err(ResolveError::ShutDown));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so the state behind a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker thread.
    fn work(&self) {
        while let Some((endpoint, ipv6)) = self.next() {
            let outcome = (self.lookup)(&endpoint, ipv6);
            let done = self.lock().current.take();
            if let Some(done) = done {
                call(done, outcome);
            }
        }
    }

    /// Waits for a job and makes it the current one; nothing when the resolver is gone.
    fn next(&self) -> Option<(TcpEndpoint, bool)> {
        let mut state = self.lock();
        while !state.shut_down {
            if let Some(job) = state.queue.pop_front() {
                state.current = Some(job.done);
                return Some((job.endpoint, job.ipv6));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

/// Runs a callback; a panic in it is its own affair and has been printed by the panic hook.
fn call(done: Done, outcome: Resolved) {
    let _ = catch_unwind(AssertUnwindSafe(|| done(outcome)));
}

#[cfg(test)]
mod tests;
