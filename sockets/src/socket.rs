//! The socket as the application holds it.

use crate::context::ContextInner;
use crate::core::Core;
use crate::core::endpoints::{Entry, Place};
use crate::core::shared::{Binder, Command, Shared};
use crate::error::Error;
use crate::kind::Kind;
use crate::monitor::Monitor;
use crate::stats::PipeStats;
use ringmq_pipe::{Bound, Exclusive, ExclusiveGuard, OwnerGuard};
use ringmq_transports::endpoint::{Endpoint, InprocName};
use ringmq_transports::inproc::Acceptor;
use ringmq_transports::{Offer, Owner, Route, Settings, connect, listen};
use ringmq_zmtp::{Peer, SocketType, Version};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A ZeroMQ socket of some [`Kind`](crate::kind::Kind).
///
/// Made by a [`Context`](crate::Context). All methods take `&self`, and a socket may be shared between
/// threads; what several threads do to it at once is done one after the other. Dropping it closes it:
/// what was sent and is not delivered yet goes on being delivered for the [linger time](Self::set_linger).
pub struct Socket<K: Kind> {
    pub(crate) inner: Arc<Inner>,
    kind: PhantomData<K>,
}

pub(crate) struct Inner {
    core: Exclusive<Core>,
    pub(crate) shared: Arc<Shared>,
    context: Arc<ContextInner>,
}

impl Inner {
    #[inline]
    pub(crate) fn lock(&self) -> ExclusiveGuard<'_, Core> {
        self.core.lock()
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
        let mut core = self.lock();
        core.enter()?;
        operation(&mut core)
    }

    /// Tries an operation; if it would block, puts the pipes to sleep, and tries again if one of them
    /// has something.
    pub(crate) fn attempt_then_settle<T>(
        &self,
        operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut core = self.lock();
        core.enter()?;
        match operation(&mut core) {
            Err(Error::WouldBlock) => {}
            result => return result,
        }
        if core.settle() { operation(&mut core) } else { Err(Error::WouldBlock) }
    }

    /// Closes the socket: every operation fails from then on, also those that wait.
    pub(crate) fn close(&self) {
        self.lock().close();
    }
}

impl<K: Kind> Drop for Socket<K> {
    fn drop(&mut self) {
        // A poller may still hold the inside.
        self.inner.close();
    }
}

impl<K: Kind> Socket<K> {
    pub(crate) fn new(core: Core, shared: Arc<Shared>, context: Arc<ContextInner>) -> Self {
        let inner = Arc::new(Inner { core: Exclusive::new(core), shared, context });
        inner.context.register(&inner);
        Self { inner, kind: PhantomData }
    }

    /// Takes connections on an endpoint and returns it resolved: `tcp://127.0.0.1:*` becomes
    /// `tcp://127.0.0.1:49152`, say.
    ///
    /// Any number of endpoints of any transport can be bound and connected by one socket:
    /// `tcp://interface:port`, `ipc://path`, `ipc://@abstract`, `inproc://name`; with `*` for any
    /// interface, any free port, any free path.
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
    pub fn bind(&self, endpoint: &str) -> Result<String, Error> {
        let parsed = Endpoint::parse_bind(endpoint)?;
        let mut core = self.inner.lock();
        core.enter()?;
        let route = core.endpoints.route();
        let entry = match parsed {
            Endpoint::Inproc(name) => self.bind_inproc(&core, route, name)?,
            parsed => {
                let settings = Self::settings(&mut core, route);
                let io = self.inner.context.io(core.options.affinity)?;
                let owner: Arc<dyn Owner> = self.inner.shared.clone();
                let (token, endpoint) = listen(&parsed, settings, owner, &io)?;
                Entry { endpoint, route, place: Place::Io(io, token) }
            }
        };
        let resolved = entry.endpoint.to_string();
        core.endpoints.add_bound(entry);
        Ok(resolved)
    }

    fn bind_inproc(&self, core: &Core, route: Route, name: InprocName) -> Result<Entry, Error> {
        let names = self.inner.context.inproc.clone();
        let endpoint: Arc<str> = Endpoint::Inproc(name.clone()).to_string().into();
        let binder: Arc<dyn Acceptor> =
            Arc::new(Binder { shared: self.inner.shared.clone(), route, itself: itself(core) });
        if !names.bind(name.clone(), &binder) {
            return Err(Error::AddressInUse { endpoint: endpoint.to_string() });
        }
        Ok(Entry { endpoint, route, place: Place::InprocBind(names, name) })
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
    pub fn connect(&self, endpoint: &str) -> Result<(), Error> {
        let parsed = Endpoint::parse_connect(endpoint)?;
        let mut core = self.inner.lock();
        core.enter()?;
        let text: Arc<str> = parsed.to_string().into();
        let once = matches!(
            self.inner.shared.socket_type,
            SocketType::Dealer | SocketType::Pub | SocketType::Sub | SocketType::Req
        );
        if once && core.endpoints.is_connected(&text) {
            return Ok(());
        }
        let route = core.endpoints.route();
        let place = match parsed {
            Endpoint::Inproc(name) => {
                self.connect_inproc(&mut core, route, &name);
                Place::InprocConnect
            }
            parsed => {
                let settings = Self::settings(&mut core, route);
                let io = self.inner.context.io(core.options.affinity)?;
                let owner: Arc<dyn Owner> = self.inner.shared.clone();
                let far = if core.options.immediate {
                    None
                } else {
                    let (near, far) = self.inner.shared.make_pipe();
                    core.attach(near, route, None, false);
                    Some(far)
                };
                let resolver = self.inner.context.resolver.clone();
                let token = connect(parsed, far, settings, owner, resolver, &io);
                Place::Io(io, token)
            }
        };
        core.endpoints.add_connected(Entry { endpoint: text, route, place });
        Ok(())
    }

    fn connect_inproc(&self, core: &mut Core, route: Route, name: &InprocName) {
        let shared = self.inner.shared.clone();
        let (near, far) = if core.options.conflate {
            ringmq_pipe::pipe(Bound::Latest, Bound::Latest)
        } else {
            let hwm = Bound::Messages;
            ringmq_pipe::pipe(hwm(core.options.send_hwm), hwm(core.options.recv_hwm))
        };
        core.attach(near, route, None, true);
        let taken = Box::new(move |peer: &Arc<Peer>| {
            shared.post(Command::PeerKnown { route, peer: peer.clone(), earlier: 0 });
        });
        self.inner.context.inproc.connect(name, Offer { end: far, peer: itself(core), taken });
    }

    /// Stops taking connections on an endpoint and closes those that were taken there.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] unless `endpoint` is what [`bind`](Self::bind) returned.
    pub fn unbind(&self, endpoint: &str) -> Result<(), Error> {
        let mut core = self.inner.lock();
        core.enter()?;
        if core.endpoints.unbind(&canonical(endpoint, Endpoint::parse_bind)) {
            return Ok(());
        }
        Err(Error::NoSuchEndpoint { endpoint: endpoint.to_owned() })
    }

    /// Ends a connection made by [`connect`](Self::connect); what was sent to it is delivered for the
    /// [linger time](Self::set_linger).
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] unless `endpoint` is connected.
    pub fn disconnect(&self, endpoint: &str) -> Result<(), Error> {
        let mut core = self.inner.lock();
        core.enter()?;
        let entry = core.endpoints.disconnect(&canonical(endpoint, Endpoint::parse_connect));
        let Some(entry) = entry else {
            return Err(Error::NoSuchEndpoint { endpoint: endpoint.to_owned() });
        };
        while let Some(key) = core.pipes.of_route(entry.route) {
            let linger = core.options.linger;
            core.detach(key, linger);
        }
        drop(core);
        entry.stop();
        // What took the place of those pipes may have messages that it told nobody of.
        self.inner.shared.waiters.wake();
        Ok(())
    }

    /// The endpoint bound or connected last, resolved; empty if none was.
    pub fn last_endpoint(&self) -> String {
        self.inner.lock().endpoints.last().to_owned()
    }

    /// The socket's type.
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
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.inner.shared.monitors.add())
    }

    /// Queue depths and drop counters, one entry for each connection or pending connect.
    pub fn stats(&self) -> Vec<PipeStats> {
        let mut core = self.inner.lock();
        // A terminated socket has no pipes left to tell about.
        let _ = core.enter();
        core.sweep();
        core.pipes.iter().map(|(_, pipe)| PipeStats::new(pipe)).collect()
    }

    fn settings(core: &mut Core, route: Route) -> Settings {
        let discard_inbound = core.shared.socket_type == SocketType::Push;
        Settings { route, options: core.options.for_links(discard_inbound) }
    }
}

/// This socket as a peer of others in the same process.
fn itself(core: &Core) -> Arc<Peer> {
    Arc::new(Peer {
        version: Version::V3_1,
        socket_type: Some(core.shared.socket_type),
        routing_id: core.options.zmtp.routing_id().to_vec(),
        metadata: Vec::new(),
    })
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
