//! The listener: accepts connections and makes a session of each. Runs on an I/O thread.

use crate::address::{describe, peer_address, share};
use crate::endpoint::Endpoint;
use crate::error::BindError;
use crate::ipc::{self, IpcGuard};
use crate::owner::{Connection, Owner, Settings, TransportEvent, Wire};
use crate::tcp;
use ringmq_engine::{
    Completion, Cx, Handler, IoHandle, Notice, Session, SessionOptions, TimerKind, Token,
};
use socket2::Socket;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RETRY: TimerKind = 0;
/// Time between attempts to accept while descriptors are used up.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// How long a bind waits for an address that is in use, and how often it looks.
const BIND_PATIENCE: Duration = Duration::from_millis(500);
const BIND_STEP: Duration = Duration::from_millis(2);

/// What a listener listens on, and what keeps its name in being.
enum BoundTo {
    Tcp,
    Ipc { _guard: IpcGuard },
}

/// See the [module's documentation](self).
pub(crate) struct Listener {
    socket: Arc<Socket>,
    place: BoundTo,
    endpoint: Arc<str>,
    settings: Settings,
    owner: Arc<dyn Owner>,
    sessions: HashSet<Token>,
}

/// An endpoint that is bound: connections to it wait until somebody [listens](Self::listen). Dropping it
/// gives it up.
pub struct BoundListener {
    socket: Arc<Socket>,
    place: BoundTo,
    endpoint: Arc<str>,
    settings: Settings,
}

/// Binds `endpoint` (tcp or ipc).
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
    let (socket, resolved, place) = match endpoint {
        Endpoint::Tcp(tcp) => {
            let (socket, resolved) =
                patiently(&wanted, || tcp::listen(tcp, &settings.options.tcp))?;
            (socket, resolved, BoundTo::Tcp)
        }
        Endpoint::Ipc(ipc) => {
            let (socket, resolved, guard) =
                patiently(&wanted, || ipc::listen(ipc, &settings.options.ipc))?;
            (socket, resolved, BoundTo::Ipc { _guard: guard })
        }
        Endpoint::Inproc(name) => {
            // Within a process there is nothing to listen on: see `Inproc`.
            return Err(BindError::NotSupported { endpoint: name.to_string() });
        }
    };
    Ok(BoundListener { socket: Arc::new(socket), place, endpoint: resolved.into(), settings })
}

impl BoundListener {
    /// The endpoint, resolved.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.endpoint
    }

    /// Starts to accept, for `owner`; returns the listener's name. Does not block.
    pub fn listen(self, owner: Arc<dyn Owner>, io: &IoHandle) -> Token {
        let Self { socket, place, endpoint, settings } = self;
        let sessions = HashSet::new();
        io.add(Box::new(Listener { socket, place, endpoint, settings, owner, sessions }))
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
        let peer = socket.peer_addr().map(|address| describe(&address)).unwrap_or_default();
        let connection = Connection {
            endpoint_id: self.settings.endpoint_id,
            endpoint: self.endpoint.clone(),
            peer: peer.into(),
            peer_address: peer_address(&socket).map(share),
        };
        let tuned = match self.place {
            BoundTo::Tcp => tcp::tune_stream(&socket, &self.settings.options.tcp),
            BoundTo::Ipc { .. } => ipc::tune_stream(&socket, &self.settings.options.ipc),
        };
        if let Err(error) = tuned {
            // The connection works without the option.
            tracing::warn!(%error, endpoint = %self.endpoint, "cannot tune a connection");
        }
        self.owner.event(TransportEvent::Accepted(connection.clone()));
        let session = Session::new(SessionOptions {
            stream: socket.into(),
            config: self.settings.options.zmtp.clone(),
            link: Arc::new(Wire { owner: self.owner.clone(), connection }),
            carry: None,
            discard_inbound: self.settings.options.discard_inbound,
            owner: cx.token,
        });
        self.sessions.insert(cx.add(Box::new(session)));
    }

    fn accept_failed(&mut self, cx: &mut Cx<'_>, error: io::Error) {
        tracing::warn!(%error, endpoint = %self.endpoint, "cannot accept a connection");
        let (endpoint, error) = (self.endpoint.clone(), Arc::new(error));
        self.owner.event(TransportEvent::AcceptFailed { endpoint, error });
        cx.set_timer(RETRY, cx.now + RETRY_INTERVAL);
    }

    fn stop(&mut self, cx: &mut Cx<'_>, news: fn() -> Notice) {
        for session in self.sessions.drain() {
            cx.tell(session, news());
        }
        self.owner.event(TransportEvent::Closed { endpoint: self.endpoint.clone() });
        cx.finish();
    }
}

impl Handler for Listener {
    fn start(&mut self, cx: &mut Cx<'_>) {
        self.owner.event(TransportEvent::Listening { endpoint: self.endpoint.clone() });
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
            Notice::SessionEnded(end) => {
                self.sessions.remove(&end.session);
            }
            _ => {} // Nobody tells a listener anything else.
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.stop(cx, || Notice::Abandon);
    }
}
