//! The connecter: makes a connection, again whenever it is lost. Runs on an I/O thread.
//!
//! It ends for good when its socket does not want it any more, or when its options say so: no interval, or
//! one of the conditions of [`ReconnectStop`](crate::options::ReconnectStop). Whatever a peer says or does
//! is no reason: the next one may do better.
//!
//! It owns the socket's pipe while there is no connection and lends it to the session while there is
//! one, so that messages queue before the peer is there and survive its absence. Names are looked up
//! on another thread, anew for each attempt. What is needed to connect is made of the endpoint's text when
//! it is needed, and not kept while connected: there may be thousands of connecters.

use super::dial::{Dial, Dialed, ProxyRequest};
use crate::address::{RemoteEnd, descriptor, share};
use crate::backoff::Backoff;
use crate::endpoint::{Endpoint, TcpAddress, TcpEndpoint};
use crate::error::EndpointError;
use crate::owner::{LinkOptions, Settings};
use crate::resolver::{PendingLookup, Resolved, Resolver};
use crate::tcp::socks::SocksHandshake;
use crate::transport::FirstStep;
use ringmq_engine::{
    Completion, ConnectFailure, Connection, Cx, DetachedPipe, DisconnectReason, DropReason,
    Handler, IoHandle, MonitorEvent, Notice, PipeEnd, Session, SessionEnd, SessionOptions,
    SessionOwner, TimerKind, Token,
};
use ringmq_zmtp::Carrier;
use socket2::{SockAddr, Socket};
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RETRY: TimerKind = 0;
const LINGER: TimerKind = 1;

/// The addresses of a name, as they come back from the resolver.
pub(crate) struct LookupDone(pub(crate) Resolved);

/// The application has disconnected the endpoint.
pub(crate) struct Disconnect;

/// What the connecter is doing.
enum ConnecterState {
    /// Waiting for the time of the next attempt.
    Waiting,
    /// Waiting for the addresses of a name, which are not wanted any more when this is dropped.
    Resolving {
        _pending: PendingLookup,
    },
    Dialing(Token),
    Connected(Token),
}

/// Where an attempt goes.
struct Target {
    /// What is connected to: the endpoint's, or a proxy that connects to that.
    endpoint: Endpoint,
    /// What that proxy is asked for.
    proxied: Option<TcpAddress>,
    /// What carries the frames of the connection once there is one.
    carrier: Carrier,
    /// Addresses that were not tried yet.
    addresses: VecDeque<SocketAddr>,
    /// All those of this attempt that were tried have refused.
    refused: bool,
}

impl Target {
    /// Where the attempts to connect to an endpoint go.
    ///
    /// # Errors
    /// What is wrong with it, or with the proxy.
    fn new(text: &str, options: &LinkOptions) -> Result<Box<Self>, EndpointError> {
        let endpoint = Endpoint::parse_connect(text)?;
        let carrier = endpoint.carrier();
        let (endpoint, proxied) = match (endpoint, &options.tcp.socks_proxy) {
            (Endpoint::Tcp(peer), Some(proxy)) => {
                let (proxy, peer) = peer.through(proxy)?;
                (Endpoint::Tcp(proxy), Some(peer))
            }
            (Endpoint::Ws(peer), Some(proxy)) => {
                let (proxy, peer) = peer.through(proxy)?;
                (Endpoint::Ws(proxy), Some(peer))
            }
            (endpoint, _) => (endpoint, None),
        };
        let addresses = VecDeque::new();
        Ok(Box::new(Self { endpoint, proxied, carrier, addresses, refused: true }))
    }
}

/// See the [module's documentation](self).
pub(crate) struct Connecter {
    /// The endpoint, which says all that there is to know of it.
    text: Arc<str>,
    settings: Settings,
    owner: Arc<dyn SessionOwner>,
    resolver: Arc<Resolver>,
    /// How long attempts have waited, since one was of use.
    backoff: Option<Box<Backoff>>,
    /// When the last connection was made.
    since: Option<Instant>,
    /// Where the attempt goes that is made or prepared.
    target: Option<Box<Target>>,
    /// The socket's pipe, unless a session has it or the socket wants one only per connection. Boxed,
    /// because a session has it nearly always.
    detached: Option<Box<DetachedPipe>>,
    state: ConnecterState,
    /// The socket does not want this connection any more.
    abandoned: bool,
    /// Because the application has disconnected it, not because the socket is closed.
    disconnected: bool,
}

/// Starts to connect to `endpoint` (tcp, ipc or ws); returns the connecter's name. Without a `pipe`, the
/// socket is asked for one after each handshake.
pub fn connect(
    endpoint: Endpoint,
    pipe: Option<PipeEnd>,
    settings: Settings,
    owner: Arc<dyn SessionOwner>,
    resolver: Arc<Resolver>,
    io: &IoHandle,
) -> Token {
    io.add(Box::new(Connecter {
        // Some connect to one endpoint thousands of times.
        text: share(endpoint.to_string()),
        settings,
        owner,
        resolver,
        backoff: None,
        since: None,
        target: None,
        detached: pipe.map(DetachedPipe::new).map(Box::new),
        state: ConnecterState::Waiting,
        abandoned: false,
        disconnected: false,
    }))
}

/// Tells a connecter that the application has disconnected its endpoint: it ends when what the socket has
/// written to its pipe is sent, or the linger time is over.
pub fn disconnect(io: &IoHandle, connecter: Token) {
    io.tell(connecter, Notice::Custom(Box::new(Disconnect)));
}

/// Whether nobody listens at the address. A path that does not exist says the same as a refusal.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

impl Connecter {
    /// Starts an attempt.
    fn attempt(&mut self, cx: &mut Cx<'_>) {
        let target = match self.target.take() {
            Some(target) => target,
            None => match Target::new(&self.text, &self.settings.options) {
                Ok(target) => target,
                Err(error) => {
                    return self.failed(cx, &error.to_string(), ConnectFailure::Other);
                }
            },
        };
        let target = self.target.insert(target);
        target.refused = true;
        match target.endpoint.dial(&self.settings.options) {
            FirstStep::LookUp(endpoint) => {
                let endpoint = endpoint.clone();
                self.resolve(cx, endpoint);
            }
            FirstStep::Addresses(addresses) => {
                target.addresses = addresses;
                self.dial_next(cx, "no address");
            }
            FirstStep::Connect(socket, address) => self.dial(cx, Arc::new(socket), address),
            FirstStep::Failed(reason) => self.failed(cx, &reason, ConnectFailure::Other),
            FirstStep::Never(reason) => self.give_up(cx, reason),
        }
    }

    fn resolve(&mut self, cx: &mut Cx<'_>, endpoint: TcpEndpoint) {
        let (io, token): (IoHandle, Token) = (cx.io.clone(), cx.token);
        let done = move |result| io.tell(token, Notice::Custom(Box::new(LookupDone(result))));
        let ipv6 = self.settings.options.tcp.ipv6;
        match self.resolver.resolve(endpoint, ipv6, Box::new(done)) {
            Ok(pending) => self.state = ConnecterState::Resolving { _pending: pending },
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Lookup),
        }
    }

    /// Tries the next address of this attempt.
    fn dial_next(&mut self, cx: &mut Cx<'_>, last_failure: &str) {
        let Some(target) = self.target.as_deref_mut() else {
            return self.failed(cx, last_failure, ConnectFailure::Other);
        };
        let Some(address) = target.addresses.pop_front() else {
            let refused = target.refused;
            let failure = if refused { ConnectFailure::Refused } else { ConnectFailure::Other };
            return self.failed(cx, last_failure, failure);
        };
        match target.endpoint.dial_address(address, &self.settings.options) {
            Ok(socket) => self.dial(cx, Arc::new(socket), address.into()),
            Err(reason) => {
                target.refused = false;
                self.dial_next(cx, &reason);
            }
        }
    }

    fn dial(&mut self, cx: &mut Cx<'_>, socket: Arc<Socket>, address: SockAddr) {
        let LinkOptions { tcp, zmtp, .. } = &*self.settings.options;
        let proxied = self.target.as_ref().and_then(|target| target.proxied.as_ref());
        let proxy = proxied.map(|peer| {
            ProxyRequest::new(
                SocksHandshake::new(peer, tcp.socks_login.clone()),
                zmtp.handshake_timeout,
            )
        });
        let dial =
            Dial { socket, address, timeout: tcp.connect_timeout, proxy, connecter: cx.token };
        self.state = ConnecterState::Dialing(cx.add(Box::new(dial)));
    }

    fn dialed(&mut self, cx: &mut Cx<'_>, dialed: Dialed) {
        if !matches!(self.state, ConnecterState::Dialing(_)) {
            return;
        }
        match dialed.result {
            Ok(()) => self.connected(cx, dialed.socket, dialed.early),
            Err(error) => {
                // Closed before anything else is tried.
                drop(dialed.socket);
                if let Some(target) = &mut self.target {
                    target.refused &= is_refusal(&error);
                }
                self.dial_next(cx, &error.to_string());
            }
        }
    }

    fn connected(&mut self, cx: &mut Cx<'_>, socket: Arc<Socket>, early: Vec<u8>) {
        // The next attempt looks it up anew.
        let carrier = self.target.take().map(|target| target.carrier).unwrap_or_default();
        let remote = RemoteEnd::of(&socket).carrying(&carrier);
        let same = remote.endpoint == *self.text;
        let connection = Connection {
            endpoint_id: self.settings.endpoint_id,
            endpoint: self.text.clone(),
            // The same, unless there was a name to look up.
            peer: if same { self.text.clone() } else { remote.endpoint.into() },
            peer_address: remote.address.map(share),
            unix_peer: remote.unix_peer,
            descriptor: Some(descriptor(&socket)),
            ..Connection::default()
        };
        let Connection { endpoint, peer, descriptor, .. } = connection.clone();
        self.owner.event(MonitorEvent::Connected { endpoint, peer, descriptor });
        cx.cancel_timer(LINGER);
        let session = Session::new(SessionOptions {
            stream: socket.into(),
            config: self.settings.options.zmtp.clone(),
            carrier,
            owner: self.owner.clone(),
            connection: Arc::new(connection),
            pipe: self.detached.take().map(|pipe| *pipe),
            discard_inbound: self.settings.options.discard_inbound,
            max_waiting_bytes: self.settings.options.max_waiting_bytes,
            early,
            parent: cx.token,
        });
        self.since = Some(cx.now);
        self.state = ConnecterState::Connected(cx.add(Box::new(session)));
    }

    fn session_ended(&mut self, cx: &mut Cx<'_>, end: SessionEnd) {
        if !matches!(self.state, ConnecterState::Connected(session) if session == end.session) {
            return; // Told already: it has panicked as it told others.
        }
        self.state = ConnecterState::Waiting;
        let stood = self.since.map_or(Duration::ZERO, |since| cx.now.duration_since(since));
        if end.established {
            self.backoff.take_if(|backoff| backoff.is_outlasted(stood));
        }
        if let Some(mut pipe) = end.pipe {
            pipe.install(&cx.io.notifier(), cx.token.key());
            self.detached = Some(Box::new(pipe));
        }
        let reason = end.reason.to_string();
        let unwanted = self.abandoned && self.detached.is_none();
        // A peer that does not let this end in would say the same again, as libzmq sees it too.
        let stopped = !end.established
            && (self.settings.options.reconnect_stop.handshake_failed || end.reason.is_denial());
        if end.reason.is_final() || unwanted {
            return self.stop(cx, &reason);
        }
        if stopped {
            return self.give_up(cx, &reason);
        }
        if !self.look_for_close(cx) {
            self.retry(cx, &reason);
        }
    }

    /// An attempt has failed.
    fn failed(&mut self, cx: &mut Cx<'_>, reason: &str, failure: ConnectFailure) {
        let endpoint = self.text.clone();
        self.owner.event(MonitorEvent::ConnectFailed { endpoint, reason: reason.into(), failure });
        let stop = self.settings.options.reconnect_stop;
        if failure == ConnectFailure::Refused && stop.connection_refused {
            return self.give_up(cx, reason);
        }
        self.retry(cx, reason);
    }

    fn retry(&mut self, cx: &mut Cx<'_>, reason: &str) {
        if self.stops_disconnected() {
            return self.stop(cx, reason);
        }
        let LinkOptions { reconnect_interval, reconnect_max, .. } = *self.settings.options;
        let backoff = self
            .backoff
            .get_or_insert_with(|| Box::new(Backoff::new(reconnect_interval, reconnect_max)));
        let Some(after) = backoff.next_wait(fastrand::u64(..)) else {
            return self.give_up(cx, reason);
        };
        self.state = ConnecterState::Waiting;
        self.owner.event(MonitorEvent::ConnectRetried { endpoint: self.text.clone(), after });
        cx.arrange_timer(RETRY, cx.now.checked_add(after));
    }

    /// Whether no more attempts are to be made because the application has disconnected the endpoint.
    fn stops_disconnected(&self) -> bool {
        self.disconnected && self.settings.options.reconnect_stop.after_disconnect
    }

    /// Notes that the socket has closed the pipe: what it holds is kept for the linger time. `true` if that
    /// was the end.
    fn look_for_close(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(pipe) = &mut self.detached else { return false };
        let Some(linger) = pipe.state().closing() else { return false };
        if pipe.state().take_linger_change() {
            pipe.linger_until = None;
        }
        if linger == Some(Duration::ZERO) || pipe.is_spent() {
            self.stop_wanted(cx);
            return true;
        }
        // A time too far away to be told is as good as for ever.
        let until = pipe.linger_until.or_else(|| cx.now.checked_add(linger?));
        pipe.linger_until = until;
        cx.arrange_timer(LINGER, until);
        false
    }

    /// Ends as the socket wants it.
    fn stop_wanted(&mut self, cx: &mut Cx<'_>) {
        self.stop(cx, &DisconnectReason::Local.to_string());
    }

    /// Ends for good although the socket may want the connection: its options say so, or this is broken.
    fn give_up(&mut self, cx: &mut Cx<'_>, reason: &str) {
        if !self.abandoned {
            let (endpoint, reason) = (self.text.clone(), reason.into());
            self.owner.event(MonitorEvent::GaveUp { endpoint, reason });
        }
        self.stop(cx, reason);
    }

    /// Ends for good.
    fn stop(&mut self, cx: &mut Cx<'_>, reason: &str) {
        match self.state {
            ConnecterState::Dialing(dial) => cx.tell(dial, Notice::Close),
            ConnecterState::Connected(session) => cx.tell(session, Notice::Close),
            ConnecterState::Waiting | ConnecterState::Resolving { .. } => {}
        }
        // Closes the pipe, so that nothing more is written to it.
        let messages = self.detached.take().map_or(0, |pipe| pipe.discard());
        if messages > 0 {
            self.owner.event(MonitorEvent::Dropped {
                endpoint: self.text.clone(),
                peer: "".into(),
                routing_id: [].into(),
                reason: DropReason::Gone,
                messages,
            });
        }
        self.owner.event(MonitorEvent::Closed { endpoint: self.text.clone() });
        self.owner.ended(self.settings.endpoint_id, reason);
        cx.finish();
    }

    fn abandon(&mut self, cx: &mut Cx<'_>) {
        self.abandoned = true;
        match self.state {
            // The session ends at once if it has no pipe, else when the pipe is drained.
            ConnecterState::Connected(session) => cx.tell(session, Notice::Abandon),
            _ if self.detached.is_none() || self.stops_disconnected() => self.stop_wanted(cx),
            // The pipe says how long to go on trying.
            _ => drop(self.look_for_close(cx)),
        }
    }
}

impl Handler for Connecter {
    fn start(&mut self, cx: &mut Cx<'_>) {
        if let Some(pipe) = &mut self.detached {
            pipe.install(&cx.io.notifier(), cx.token.key());
        }
        if !self.look_for_close(cx) {
            self.attempt(cx);
        }
    }

    fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

    fn timer(&mut self, cx: &mut Cx<'_>, kind: TimerKind) {
        match kind {
            RETRY => self.attempt(cx),
            _ => self.stop_wanted(cx),
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Readable | Notice::Writable | Notice::LingerChanged => {
                self.look_for_close(cx);
            }
            // Of a session that is gone.
            Notice::Burst
            | Notice::Lend
            | Notice::Reclaim
            | Notice::Refuse(_)
            | Notice::Authenticated(_) => {}
            // The end of the session says whether there was one.
            Notice::SessionGreeted(_) | Notice::SessionEstablished(_) => {}
            Notice::Close => self.stop_wanted(cx),
            Notice::Abandon => self.abandon(cx),
            Notice::SessionEnded(end) => self.session_ended(cx, *end),
            Notice::Custom(news) => self.heard(cx, news),
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.give_up(cx, &DisconnectReason::Panicked.to_string());
    }
}

impl Connecter {
    fn heard(&mut self, cx: &mut Cx<'_>, news: Box<dyn Any + Send>) {
        let news = match news.downcast::<Dialed>() {
            Ok(dialed) => return self.dialed(cx, *dialed),
            Err(news) => news,
        };
        match news.downcast::<LookupDone>() {
            Ok(resolved) => self.resolved(cx, *resolved),
            Err(news) if news.is::<Disconnect>() => {
                self.disconnected = true;
                self.abandon(cx);
            }
            Err(_) => {} // Nobody tells a connecter anything else.
        }
    }

    fn resolved(&mut self, cx: &mut Cx<'_>, resolved: LookupDone) {
        if !matches!(self.state, ConnecterState::Resolving { .. }) {
            return;
        }
        match resolved.0 {
            Ok(addresses) => {
                if let Some(target) = &mut self.target {
                    target.addresses = addresses.into();
                }
                self.dial_next(cx, "the name has no address");
            }
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Lookup),
        }
    }
}

#[cfg(test)]
mod tests;
