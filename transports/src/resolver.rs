//! Name lookups off the I/O threads.
//!
//! A [`Resolver`] belongs to a context and may be used from any thread. The system's resolver cannot be
//! interrupted, and a name server that is silent keeps it for many seconds. So each name has a thread to
//! itself while it is looked up, of which there are at most [`RESOLVE_THREADS`]; whoever asks for a name
//! that is asked for already gets the same answer. Threads start when there is nobody to take a name, and
//! end when there is none left, but for one, which waits for the next.
//!
//! Nothing ever waits for a thread: a shutdown answers what is pending, the lookups under way included, and
//! leaves the threads to end by themselves.
//!
//! What always holds: a callback that was accepted runs exactly once, unless its [`PendingLookup`]
//! is dropped before; it runs without any lock held, and its panic ends nothing but itself.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::endpoint::{Host, TcpEndpoint};
use crate::error::ResolveError;
use crate::options::{RESOLVE_QUEUE, RESOLVE_THREADS};
use crate::tcp;
use ringmq_engine::spawn_in_background;
use ringmq_pipe::Section;

/// What a lookup ends in.
pub type Resolved = Result<Vec<SocketAddr>, ResolveError>;

/// Called with the outcome of a lookup.
pub type Done = Box<dyn FnOnce(Resolved) + Send>;

/// Looks names up, several at a time, on threads of its own.
///
/// ```
/// use ringmq_transports::endpoint::Endpoint;
/// use ringmq_transports::resolver::Resolver;
///
/// let resolver = Resolver::new();
/// let Endpoint::Tcp(peer) = Endpoint::parse_connect("tcp://localhost:5555")? else { panic!() };
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let done = move |outcome| sender.send(outcome).unwrap();
/// let _pending = resolver.resolve(peer, false, Box::new(done))?;
/// assert_eq!(receiver.recv()??[0].port(), 5555);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Resolver {
    shared: Arc<ResolverPool>,
}

/// A lookup that somebody waits for. Dropping it gives the lookup up: its callback is dropped and not
/// called, unless that has begun.
#[must_use = "a lookup is given up when this is dropped"]
pub struct PendingLookup {
    shared: Arc<ResolverPool>,
    name: HostQuery,
    number: u64,
}

/// How a thread looks one endpoint up; the tests put their own in the place of the system's.
type Lookup = dyn Fn(&TcpEndpoint, bool) -> Resolved + Send + Sync;

struct ResolverPool {
    state: Mutex<LookupTable>,
    /// Told after each change of `state` that idle threads wait for.
    changed: Condvar,
    lookup: Box<Lookup>,
}

#[derive(Default)]
struct LookupTable {
    /// Each name that is in the queue or being looked up.
    names: HashMap<HostQuery, Asked>,
    /// Names whose lookup has not begun: at most [`RESOLVE_QUEUE`] of them.
    queue: VecDeque<HostQuery>,
    /// Threads that there are, and how many of them wait for a name.
    threads: usize,
    idle: usize,
    /// What the next [`PendingLookup`] is called.
    next: u64,
    shut_down: bool,
}

/// What answers are shared under: the port is no part of the question.
#[derive(Clone, PartialEq, Eq, Hash)]
struct HostQuery {
    host: Host,
    ipv6: bool,
}

/// A name, and who waits for its addresses.
struct Asked {
    /// The endpoint of whoever asked first.
    endpoint: TcpEndpoint,
    /// By the numbers of their [`PendingLookup`]. A name in the queue has one at least; one that is
    /// being looked up may have lost all.
    waiting: BTreeMap<u64, Waiter>,
}

struct Waiter {
    port: u16,
    done: Done,
}

impl Resolver {
    /// A resolver without a thread: those start with the first lookup.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lookup(Box::new(tcp::resolve))
    }

    pub(crate) fn with_lookup(lookup: Box<Lookup>) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(ResolverPool { state, changed, lookup }) }
    }

    /// Callbacks that have not been called yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.shared.lock().names.values().map(|asked| asked.waiting.len()).sum()
    }

    /// Looks `endpoint` up and calls `done` with the outcome, unless what this returns is dropped before.
    ///
    /// `done` runs on a thread of the resolver, or with [`ResolveError::ShutDown`] on the thread that
    /// drops the resolver; never on this one before the call returns. It should only pass the
    /// outcome on, because others may wait for the same name.
    ///
    /// # Errors
    /// When too many names wait already or no thread can be started; `done` is then dropped
    /// and not called.
    pub fn resolve(
        &self,
        endpoint: TcpEndpoint,
        ipv6: bool,
        done: Done,
    ) -> Result<PendingLookup, ResolveError> {
        let address = endpoint.address();
        let (name, port) = (HostQuery { host: address.host.clone(), ipv6 }, address.port);
        // What is logged is logged when the lock is let go of.
        let _section = Section::enter();
        let mut state = self.shared.lock();
        if !state.names.contains_key(&name) {
            self.staff(&mut state)?;
            state.queue.push_back(name.clone());
            self.shared.changed.notify_one();
        }
        let number = state.next;
        state.next += 1;
        let asked = state.names.entry(name.clone());
        let asked = asked.or_insert_with(|| Asked { endpoint, waiting: BTreeMap::new() });
        asked.waiting.insert(number, Waiter { port, done });
        drop(state);
        Ok(PendingLookup { shared: self.shared.clone(), name, number })
    }

    /// Sees to it that one more name in the queue will be looked up: at once, if there may be another thread.
    fn staff(&self, state: &mut LookupTable) -> Result<(), ResolveError> {
        if state.queue.len() >= RESOLVE_QUEUE {
            return Err(ResolveError::QueueFull(RESOLVE_QUEUE));
        }
        if state.queue.len() < state.idle || state.threads >= RESOLVE_THREADS {
            return Ok(());
        }
        let shared = self.shared.clone();
        // The handle is dropped: nobody waits for it.
        match spawn_in_background("ringmq-resolve", move || shared.work()) {
            Ok(_) => state.threads += 1,
            Err(error) if state.threads == 0 => return Err(ResolveError::Thread(Arc::new(error))),
            // One of those there are takes the name when it has done with its own.
            Err(error) => {
                Section::run_after(move || tracing::debug!(%error, "no further thread for names"));
            }
        }
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
            .field("busy", &(state.names.len() - state.queue.len()))
            .finish_non_exhaustive()
    }
}

/// Answers everything pending and leaves the threads to end by themselves, at once unless a lookup is
/// under way.
impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.shut_down = true;
        state.queue.clear();
        let names = std::mem::take(&mut state.names);
        drop(state);
        self.shared.changed.notify_all();
        for waiter in names.into_values().flat_map(|asked| asked.waiting.into_values()) {
            call(waiter.done, Err(ResolveError::ShutDown));
        }
    }
}

impl std::fmt::Debug for PendingLookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingLookup").field("host", &self.name.host).finish_non_exhaustive()
    }
}

impl Drop for PendingLookup {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let LookupTable { names, queue, .. } = &mut *state;
        let Some(asked) = names.get_mut(&self.name) else { return };
        let waiter = asked.waiting.remove(&self.number);
        if waiter.is_some()
            && asked.waiting.is_empty()
            && let Some(at) = queue.iter().position(|name| *name == self.name)
        {
            // Nobody wants to know any more. (A lookup that has begun goes on, for whoever asks next.)
            queue.remove(at);
            names.remove(&self.name);
        }
        drop(state);
        // What the callback holds is dropped without the lock.
        drop(waiter);
    }
}

impl ResolverPool {
    fn lock(&self) -> MutexGuard<'_, LookupTable> {
        // Nothing that can panic runs under the lock, so the state behind a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        while let Some((name, endpoint)) = self.next() {
            let outcome = (self.lookup)(&endpoint, name.ipv6);
            let asked = self.lock().names.remove(&name);
            for waiter in asked.into_iter().flat_map(|asked| asked.waiting.into_values()) {
                call(waiter.done, with_port(&outcome, waiter.port));
            }
        }
    }

    /// Waits for a name to look up; nothing when the thread shall end.
    fn next(&self) -> Option<(HostQuery, TcpEndpoint)> {
        let mut state = self.lock();
        while !state.shut_down {
            if let Some(name) = state.queue.pop_front()
                && let Some(asked) = state.names.get(&name)
            {
                let endpoint = asked.endpoint.clone();
                return Some((name, endpoint));
            }
            if state.idle > 0 {
                break;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        state.threads -= 1;
        None
    }
}

/// The outcome as it is for one who asked for this port.
fn with_port(outcome: &Resolved, port: u16) -> Resolved {
    let mut addresses = outcome.clone()?;
    addresses.iter_mut().for_each(|address| address.set_port(port));
    Ok(addresses)
}

/// Runs a callback; a panic in it is its own affair and has been printed by the panic hook.
fn call(done: Done, outcome: Resolved) {
    let _ = catch_unwind(AssertUnwindSafe(|| done(outcome)));
}

#[cfg(test)]
mod tests;
