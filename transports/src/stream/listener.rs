//! The listener: accepts connections and makes a session of each. Runs on an I/O thread.

use crate::address::{RemoteEnd, descriptor, share};
use crate::endpoint::Endpoint;
use crate::error::BindError;
use crate::owner::Settings;
use crate::stream::visitors::Visitors;
use crate::transport::{Admits, Listening, Tune};
use ringmq_engine::{
    Completion, Connection, Cx, Handler, IoHandle, MonitorEvent, Notice, PeerLimit, Session,
    SessionOptions, SessionOwner, TimerKind, Token,
};
use ringmq_pipe::Section;
use ringmq_zmtp::Carrier;
use socket2::Socket;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RETRY: TimerKind = 0;
/// Time between attempts to accept while descriptors are used up.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// How long a bind waits for an address that is in use, and how often it looks.
const BIND_PATIENCE: Duration = Duration::from_millis(500);
const BIND_STEP: Duration = Duration::from_millis(2);

/// See the [module's documentation](self).
pub(crate) struct Listener {
    socket: Arc<Socket>,
    admits: Admits,
    tune: Tune,
    carrier: Carrier,
    endpoint: Arc<str>,
    settings: Settings,
    owner: Arc<dyn SessionOwner>,
    /// Keeps the endpoint's name in being.
    _guard: Option<Box<dyn Send>>,
    visitors: Visitors,
}

/// An endpoint that is bound: connections to it wait until somebody [listens](Self::listen). Dropping it
/// gives it up.
pub struct BoundListener {
    listening: Listening,
    endpoint: Arc<str>,
    settings: Settings,
}

/// Binds `endpoint` (tcp, ipc or ws).
///
/// Blocks: for as long as the system takes to look a host name up, and for a moment if the address is in
/// use, unless `wanted` says that nobody waits for it any more. So it is not to be called with a lock held
/// that others need.
///
/// # Errors
/// Why the endpoint cannot be bound.
pub fn bind(
    endpoint: &Endpoint,
    settings: Settings,
    wanted: impl Fn() -> bool,
) -> Result<BoundListener, BindError> {
    let mut listening = patiently(&wanted, || endpoint.listen(&settings.options))?;
    let endpoint = std::mem::take(&mut listening.resolved).into();
    Ok(BoundListener { listening, endpoint, settings })
}

/// Listens on what somebody else has bound, and gives away.
///
/// # Errors
/// What is wrong with it.
pub fn adopt(
    endpoint: &Endpoint,
    listener: Socket,
    settings: Settings,
) -> Result<BoundListener, BindError> {
    let mut listening = endpoint.adopt(listener)?;
    let endpoint = std::mem::take(&mut listening.resolved).into();
    Ok(BoundListener { listening, endpoint, settings })
}

impl BoundListener {
    /// The endpoint, resolved.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.endpoint
    }

    /// Starts to accept, for `owner`; returns the listener's name. Does not block.
    pub fn listen(self, owner: Arc<dyn SessionOwner>, io: &IoHandle) -> Token {
        let Self { listening, endpoint, settings } = self;
        let Listening { socket, guard, admits, tune, carrier, .. } = listening;
        io.add(Box::new(Listener {
            socket: Arc::new(socket),
            admits,
            tune,
            carrier,
            endpoint,
            settings,
            owner,
            _guard: guard,
            visitors: Visitors::default(),
        }))
    }
}

/// Binds, again for a moment if the address is in use.
///
/// The kernel tears the ring of a process that was killed down after the process is gone, and until
/// then the ring's requests hold the listening socket: 5 to 10 ms were seen, and over 100 on a machine
/// with far more work than cores. A server that is started again at once must not fail because of that.
fn patiently<T>(
    wanted: impl Fn() -> bool,
    mut bind: impl FnMut() -> Result<T, BindError>,
) -> Result<T, BindError> {
    let start = Instant::now();
    loop {
        match bind() {
            Err(BindError::AddressInUse { .. }) if start.elapsed() < BIND_PATIENCE && wanted() => {
                std::thread::sleep(BIND_STEP);
            }
            result => return result,
        }
    }
}

impl Listener {
    fn accepted(&mut self, cx: &mut Cx<'_>, socket: Socket) {
        let remote = RemoteEnd::of(&socket).carrying(&self.carrier);
        if !(self.admits)(&remote, &self.settings.options) {
            let why = format!("{} is none of those who may come", remote.endpoint);
            let (kind, endpoint) = (io::ErrorKind::PermissionDenied, self.endpoint.clone());
            let error = Arc::new(io::Error::new(kind, why));
            return self.owner.event(MonitorEvent::AcceptFailed { endpoint, error });
        }
        let address = remote.address.map(share);
        let full = || cx.io.is_overfull().then_some(PeerLimit::ContextBytes);
        let limits = &self.settings.options.limits;
        if let Some(limit) = self.visitors.refuse(limits, address.as_ref()).or_else(full) {
            let (endpoint, peer) = (self.endpoint.clone(), remote.endpoint.into());
            return self.owner.event(MonitorEvent::Refused { endpoint, peer, limit });
        }
        let connection = Connection {
            endpoint_id: self.settings.endpoint_id,
            endpoint: self.endpoint.clone(),
            peer: remote.endpoint.into(),
            peer_address: address.clone(),
            unix_peer: remote.unix_peer,
            descriptor: Some(descriptor(&socket)),
            ..Connection::default()
        };
        if let Err(error) = (self.tune)(&socket, &self.settings.options) {
            // The connection works without the option.
            let endpoint = self.endpoint.clone();
            Section::run_after(
                move || tracing::warn!(%error, %endpoint, "cannot tune a connection"),
            );
        }
        let Connection { endpoint, peer, descriptor, .. } = connection.clone();
        self.owner.event(MonitorEvent::Accepted { endpoint, peer: peer.clone(), descriptor });
        let session = Session::new(SessionOptions {
            stream: socket.into(),
            config: self.settings.options.zmtp.clone(),
            carrier: self.carrier.clone(),
            owner: self.owner.clone(),
            connection: Arc::new(connection),
            pipe: None,
            discard_inbound: self.settings.options.discard_inbound,
            max_waiting_bytes: self.settings.options.max_waiting_bytes,
            early: Vec::new(),
            parent: cx.token,
        });
        if let Some((unlucky, peer)) = self.visitors.make_room(&self.settings.options.limits) {
            let (endpoint, limit) = (self.endpoint.clone(), PeerLimit::Handshakes);
            self.owner.event(MonitorEvent::Refused { endpoint, peer, limit });
            cx.tell(unlucky, Notice::Close);
        }
        let session = cx.add(Box::new(session));
        self.visitors.came(session, peer, address);
    }

    fn accept_failed(&mut self, cx: &mut Cx<'_>, error: io::Error) {
        let (endpoint, error) = (self.endpoint.clone(), Arc::new(error));
        self.owner.event(MonitorEvent::AcceptFailed { endpoint, error });
        cx.set_timer(RETRY, cx.now + RETRY_INTERVAL);
    }

    fn stop(&mut self, cx: &mut Cx<'_>, news: fn() -> Notice) {
        for session in self.visitors.drain() {
            cx.tell(session, news());
        }
        self.owner.event(MonitorEvent::Closed { endpoint: self.endpoint.clone() });
        cx.finish();
    }
}

impl Handler for Listener {
    fn start(&mut self, cx: &mut Cx<'_>) {
        let (endpoint, descriptor) = (self.endpoint.clone(), Some(descriptor(&self.socket)));
        self.owner.event(MonitorEvent::Listening { endpoint, descriptor });
        cx.backend.accept(cx.token, &self.socket);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        match completion {
            Completion::Accepted(Ok(socket)) => self.accepted(cx, socket),
            Completion::Accepted(Err(error)) => self.accept_failed(cx, error),
            _ => {} // Never asked for.
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, _: TimerKind) {
        cx.backend.accept(cx.token, &self.socket);
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Close => self.stop(cx, || Notice::Close),
            Notice::Abandon => self.stop(cx, || Notice::Abandon),
            Notice::SessionGreeted(session) => self.visitors.greeted(session),
            Notice::SessionEstablished(session) => self.visitors.stays(session),
            Notice::SessionEnded(end) => self.visitors.left(end.session),
            _ => {} // Nobody tells a listener anything else.
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.stop(cx, || Notice::Abandon);
    }
}
