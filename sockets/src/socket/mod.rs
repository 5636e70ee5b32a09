//! The socket as the application holds it.

pub(crate) mod close;
mod datagrams;
pub(crate) mod events;
pub(crate) mod flush;
pub(crate) mod frames;
pub(crate) mod given_listener;
mod in_process;
pub(crate) mod monitor;
pub(crate) mod multipart;
mod parts;
pub(crate) mod payload;
mod peers;
pub(crate) mod recv;
pub(crate) mod send;
#[cfg(feature = "futures")]
pub(crate) mod sink;
pub(crate) mod stats;
#[cfg(feature = "futures")]
pub(crate) mod stream;
mod within;

use crate::context::{Context, ContextInner, is_bound_elsewhere};
use crate::error::Error;
use crate::inner::endpoints::{EndpointKind, Entry, LinkSide, Matches, goes_with};
use crate::inner::mailbox::SocketMailbox;
use crate::inner::pipes::Pipe;
use crate::inner::{ClosedBy, Core};
use crate::kind::Kind;
use crate::socket::monitor::Monitor;
use crate::wait::{Reading, Wants};
use ringmq_engine::{EndpointId, Parker, SessionOwner};
use ringmq_pipe::{BiasedMutex, BiasedMutexGuard, OwnerGuard, Section};
use ringmq_transports::endpoint::Endpoint;
use ringmq_transports::{Settings, bind, connect};
use ringmq_zmtp::SocketType;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

/// A ZeroMQ socket of some [`Kind`](crate::kind::Kind).
///
/// Made by a [`Context`](crate::Context). All methods take `&self`, and a socket may be shared between
/// threads; what several threads do to it at once is done one after the other. Dropping it closes it:
/// what was sent and is not delivered yet goes on being delivered for the [linger time](Self::set_linger).
///
/// To wait for it together with descriptors, add both to a [`Poller`](crate::Poller), and under an executor use
/// the futures; for the event loops of others it has an [event descriptor](Self::event_fd) (libzmq's `ZMQ_FD`).
#[doc(alias = "zmq_socket")]
#[doc(alias = "zmq_close")]
pub struct Socket<K: Kind> {
    pub(crate) inner: Arc<Inner>,
    kind: PhantomData<K>,
}

/// How often an operation is tried at once while there may be something for it.
const TRIES: usize = 4;

pub(crate) struct Inner {
    core: BiasedMutex<Core>,
    pub(crate) shared: Arc<SocketMailbox>,
    context: Arc<ContextInner>,
    /// Of threads that wait for messages, where there are many connections.
    pub(crate) reading: Arc<Reading>,
    /// Tells the event loops of others of changes.
    event: OnceLock<Parker>,
}

impl Inner {
    /// Waits until nobody else uses the socket; [`Error::Reentered`] if this very thread does.
    #[inline]
    pub(crate) fn lock(&self) -> Result<BiasedMutexGuard<'_, Core>, Error> {
        Ok(self.core.lock()?)
    }

    /// For what is nearly always done by the same thread: `None` if that is another one.
    #[inline(always)]
    pub(crate) fn lock_as_owner(&self) -> Option<OwnerGuard<'_, Core>> {
        self.core.lock_as_owner()
    }

    /// Tries an operation once.
    #[inline(always)]
    pub(crate) fn attempt<T>(
        &self,
        operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // The guard of a lock's owner is the lighter one.
        let Some(mut core) = self.lock_as_owner() else { return self.attempt_as_other(operation) };
        core.enter()?;
        operation(&mut core)
    }

    #[inline(never)]
    fn attempt_as_other<T>(
        &self,
        operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut core = self.lock()?;
        core.enter()?;
        operation(&mut core)
    }

    /// Tries an operation; if it would block, puts the pipes to sleep, so that the next message tells its
    /// waiter. A pipe that has something instead is tried again, and then put to sleep like the others:
    /// what it had may have been thrown away, and an awake pipe tells nobody of what comes next. Where peers
    /// send what is thrown away faster than that is done, the caller, a waiter by now, is woken to try again:
    /// its time may be over, and others may want the socket.
    pub(crate) fn attempt_then_settle<T>(
        &self,
        wants: Wants,
        operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut core = self.lock()?;
        core.enter()?;
        for _ in 0..TRIES {
            match operation(&mut core) {
                // A pipe without room has armed its notifier by refusing.
                Err(Error::WouldBlock) if wants == Wants::Messages && core.settle() => {}
                Err(Error::WouldBlock) if wants == Wants::Room => {
                    core.look_at_doubts();
                    return Err(Error::WouldBlock);
                }
                result => return result,
            }
        }
        core.shared.waiters.wake();
        Err(Error::WouldBlock)
    }

    /// The context of the socket.
    pub(crate) fn context(&self) -> Context {
        Context::of(self.context.clone())
    }

    /// The same, for those who are not to keep it in being.
    pub(crate) fn context_inner(&self) -> Weak<ContextInner> {
        Arc::downgrade(&self.context)
    }

    /// Closes the socket: every operation fails from then on, also those that wait. From inside of one of
    /// the calling thread, it is closed when that is over.
    pub(crate) fn close(self: &Arc<Self>, by: ClosedBy) {
        match self.lock() {
            Ok(mut core) => core.close(by),
            Err(_) => {
                let this = self.clone();
                Section::run_after(move || this.close(by));
            }
        }
    }
}

impl<K: Kind> Drop for Socket<K> {
    fn drop(&mut self) {
        if self.inner.is_inherited() {
            // The parent's: for good, and as it is.
            std::mem::forget(self.inner.clone());
            return;
        }
        // A poller may still hold the inside.
        self.inner.close(ClosedBy::Application);
    }
}

impl<K: Kind> Socket<K> {
    pub(crate) fn new(core: Core, shared: Arc<SocketMailbox>, context: Arc<ContextInner>) -> Self {
        let reading = Arc::default();
        let (core, event) = (BiasedMutex::new(core), OnceLock::new());
        let inner = Arc::new(Inner { core, shared, context, reading, event });
        // Nobody else has set it.
        let _ = inner.shared.inner.set(Arc::downgrade(&inner));
        inner.context.register(&inner);
        Self { inner, kind: PhantomData }
    }

    /// Takes connections on an endpoint and returns it resolved: `tcp://127.0.0.1:*` becomes
    /// `tcp://127.0.0.1:49152`, say.
    ///
    /// Any number of endpoints of any transport can be bound and connected by one socket: `tcp://interface:port`,
    /// [`ws://interface:port/path`](crate::guide::web_sockets), `ipc://path`, `ipc://@abstract`, `inproc://name`;
    /// with `*` for any interface, any free port, any free path.
    ///
    /// # Errors
    /// [`Error::Endpoint`] for a malformed endpoint, [`Error::Bind`] or [`Error::AddressInUse`] for one
    /// that cannot be had.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let socket = context.pull()?;
    /// let endpoint = socket.bind("tcp://127.0.0.1:*")?;
    /// assert_eq!(endpoint, socket.last_endpoint());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_bind")]
    pub fn bind(&self, endpoint: &str) -> Result<String, Error> {
        let parsed = Endpoint::parse_bind(endpoint)?;
        goes_with(self.socket_type(), &parsed, LinkSide::Bind)?;
        let mut core = self.inner.lock()?;
        core.enter()?;
        let endpoint_id = core.endpoints.endpoint_id();
        let asked = parsed.to_string();
        let (mut core, mut entry) = match parsed {
            Endpoint::Inproc(name) => {
                let entry = self.bind_inproc(&core, endpoint_id, name)?;
                (core, entry)
            }
            parsed if parsed.is_of_datagrams() => self.bind_datagrams(core, endpoint_id, parsed)?,
            parsed => self.bind_address(core, endpoint_id, &parsed)?,
        };
        let resolved = entry.endpoint.to_string();
        entry.asked = (asked != resolved).then(|| asked.into());
        core.add_bound(entry);
        Ok(resolved)
    }

    /// Binds what the system has to give. That may take a while, and goes on without the lock: others send
    /// and receive meanwhile, or close the socket.
    fn bind_address<'a>(
        &'a self,
        mut core: BiasedMutexGuard<'a, Core>,
        endpoint_id: EndpointId,
        endpoint: &Endpoint,
    ) -> Result<(BiasedMutexGuard<'a, Core>, Entry), Error> {
        let settings = Self::settings(&mut core, endpoint_id)?;
        let affinity = core.options.affinity;
        drop(core);
        let Inner { shared, context, .. } = &*self.inner;
        let io = context.io(affinity)?;
        // SeqCst: as everywhere. A look that is too early only waits a little longer.
        let bound = bind(endpoint, settings, || !shared.closed.load(Ordering::SeqCst));
        let mut core = self.inner.lock()?;
        // Of a socket that is closed by now, nobody would stop the listener.
        core.enter()?;
        let bound = bound?;
        let endpoint = bound.endpoint().clone();
        let token = bound.listen(shared.clone(), &io);
        Ok((core, Entry { endpoint, asked: None, endpoint_id, place: EndpointKind::Io(io, token) }))
    }

    /// Connects to an endpoint, now and again whenever the connection is lost.
    ///
    /// The peer need not be there yet: unless [immediate](Self::set_immediate) is set, messages queue
    /// until it is. A second connect of a DEALER, PUB, SUB or REQ to the same endpoint does nothing.
    ///
    /// # Errors
    /// [`Error::Endpoint`] for a malformed endpoint. That nobody listens is no error.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.connect("inproc://work")?;
    /// push.send("queued")?;
    /// pull.bind("inproc://work")?;
    /// assert_eq!(pull.recv()?, "queued");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_connect")]
    pub fn connect(&self, endpoint: &str) -> Result<(), Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        self.connect_as(&mut core, endpoint).map(drop)
    }

    /// Connects, and says as what; nothing if it was connected already and need not be twice.
    fn connect_as(&self, core: &mut Core, endpoint: &str) -> Result<Option<EndpointId>, Error> {
        let parsed = Endpoint::parse_connect(endpoint)?;
        goes_with(self.socket_type(), &parsed, LinkSide::Connect)?;
        let text: Arc<str> = parsed.to_string().into();
        let once = self.inner.shared.traits.connects_once;
        core.forget_deserted(&text);
        if once && core.endpoints.is_connected(&text) {
            return Ok(None);
        }
        let endpoint_id = core.endpoints.endpoint_id();
        let place = match parsed {
            Endpoint::Inproc(name) => {
                let waits = self.connect_inproc(core, endpoint_id, &name, text.clone());
                let names = &self.inner.context.inproc;
                if waits.is_some() {
                    core.doubt(&text, is_bound_elsewhere(names, &name));
                }
                EndpointKind::InprocConnect(waits.map(|ticket| (names.clone(), name, ticket)))
            }
            parsed if parsed.is_of_datagrams() => {
                self.connect_datagrams(core, endpoint_id, parsed)?
            }
            parsed => {
                let settings = Self::settings(core, endpoint_id)?;
                let io = self.inner.context.io(core.options.affinity)?;
                let owner: Arc<dyn SessionOwner> = self.inner.shared.clone();
                let far = if core.options.immediate {
                    None
                } else {
                    let (near, far) = self.inner.shared.make_pipe();
                    core.attach(Pipe::new(near, endpoint_id, false));
                    Some(far)
                };
                let resolver = self.inner.context.resolver.clone();
                let token = connect(parsed, far, settings, owner, resolver, &io);
                EndpointKind::Io(io, token)
            }
        };
        core.add_connected(Entry { endpoint: text, asked: None, endpoint_id, place });
        Ok(Some(endpoint_id))
    }

    /// Stops taking connections on an endpoint and closes those that were taken there.
    ///
    /// The endpoint is what [`bind`](Self::bind) returned, or what it was given: `tcp://*:5555`,
    /// `tcp://localhost:5555`, `ipc://*`. What has arrived can still be received.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] unless `endpoint` is bound, [`Error::AmbiguousEndpoint`] if several binds
    /// were given that text, such as `tcp://127.0.0.1:*`.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.bind("tcp://localhost:*")?;
    /// socket.unbind("tcp://localhost:*")?;
    /// let resolved = socket.bind("tcp://localhost:*")?;
    /// socket.unbind(&resolved)?;
    /// assert!(socket.unbind(&resolved).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_unbind")]
    pub fn unbind(&self, endpoint: &str) -> Result<(), Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        let entry = match core.endpoints.unbind(&canonical(endpoint, Endpoint::parse_bind)) {
            Matches::One(entry) => entry,
            Matches::None => {
                return Err(Error::NoSuchEndpoint { endpoint: endpoint.to_owned() });
            }
            Matches::Several => {
                return Err(Error::AmbiguousEndpoint { endpoint: endpoint.to_owned() });
            }
        };
        if matches!(entry.place, EndpointKind::InprocBind(..)) {
            // No session stands between to end them.
            for key in core.pipes.all_of_endpoint(entry.endpoint_id) {
                core.pipes.hang_up(key);
            }
            // Nothing tells those who wait for room in there that it is of no use any more.
            self.inner.shared.waiters.wake();
        }
        Ok(())
    }

    /// Ends a connection made by [`connect`](Self::connect); what was sent to it is delivered for the
    /// [linger time](Self::set_linger).
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] unless `endpoint` is connected. A connection that has ended for good is not:
    /// one within the process whose peer has closed it, or a connect that has given up.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.connect("tcp://localhost:9")?;
    /// socket.disconnect("tcp://localhost:9")?;
    /// assert!(socket.disconnect("tcp://localhost:9").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_disconnect")]
    pub fn disconnect(&self, endpoint: &str) -> Result<(), Error> {
        let text = canonical(endpoint, Endpoint::parse_connect);
        let mut core = self.inner.lock()?;
        let known = core.endpoints.is_connected(&text);
        core.enter()?;
        let Some(entry) = core.endpoints.disconnect(&text) else {
            // It may have ended by itself, which this socket has not heard of before.
            let error = Error::NoSuchEndpoint { endpoint: endpoint.to_owned() };
            return if known { Ok(()) } else { Err(error) };
        };
        while let Some(key) = core.pipes.of_endpoint(entry.endpoint_id) {
            core.close_pipe(key, entry.endpoint.clone());
        }
        drop(core);
        entry.disconnect();
        // What took the place of those pipes may have messages that it told nobody of.
        self.inner.shared.waiters.wake();
        Ok(())
    }

    /// The endpoint bound or connected last, resolved; empty if none was, and from inside
    /// [`recv_with`](Self::recv_with).
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// assert_eq!(socket.last_endpoint(), "");
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// assert!(socket.last_endpoint().starts_with("tcp://127.0.0.1:"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_LAST_ENDPOINT")]
    pub fn last_endpoint(&self) -> String {
        self.inner.lock().map_or_else(|_| String::new(), |core| core.endpoints.last().to_owned())
    }

    /// The socket's type.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// assert_eq!(socket.socket_type(), ringmq::SocketType::Pull);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TYPE")]
    pub fn socket_type(&self) -> SocketType {
        self.inner.shared.socket_type
    }

    /// Watches the socket: a stream of what happens to its connections from now on.
    ///
    /// # Examples
    /// ```
    /// use ringmq::MonitorEvent;
    /// let context = ringmq::Context::new();
    /// let socket = context.pull()?;
    /// let monitor = socket.monitor();
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// assert!(matches!(monitor.recv()?, MonitorEvent::Listening { .. }));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_socket_monitor")]
    #[doc(alias = "zmq_socket_monitor_versioned")]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.inner.shared.reporter.monitors.add())
    }

    fn settings(core: &mut Core, id: EndpointId) -> Result<Settings, Error> {
        let discards_input = core.shared.traits.discards_input;
        Ok(Settings { endpoint_id: id, options: core.options.for_links(discards_input)? })
    }
}

/// The text under which an endpoint is kept.
fn canonical<E>(text: &str, parse: fn(&str) -> Result<Endpoint, E>) -> String {
    parse(text).map_or_else(|_| text.to_owned(), |endpoint| endpoint.to_string())
}

impl<K: Kind> fmt::Debug for Socket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("type", &self.socket_type().name()).finish_non_exhaustive()
    }
}
