//! The connecter: makes a connection, again whenever it is lost. Runs on an I/O thread.
//!
//! It owns the socket's pipe while there is no connection and lends it to the session while there is
//! one, so that messages queue before the peer is there and survive its absence. Names are looked up
//! on another thread, anew for each attempt. What is needed to connect is made of the endpoint's text when
//! it is needed, and not kept while connected: there may be thousands of connecters.

use crate::address::{describe, peer_address, share};
use crate::backoff::Backoff;
use crate::dial::{Dial, Dialed};
use crate::endpoint::{Endpoint, TcpEndpoint};
use crate::error::ResolveError;
use crate::owner::{Connection, LinkOptions, Owner, Settings, TransportEvent, Wire};
use crate::resolve::Resolver;
use crate::{ipc, tcp};
use ringmq_engine::{
    Carry, Completion, Cx, Descriptor, DisconnectReason, Handler, IoHandle, Notice, Session,
    SessionEnd, SessionOptions, TimerKind, Token,
};
use ringmq_pipe::PipeEnd;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const RETRY: TimerKind = 0;
const LINGER: TimerKind = 1;

/// The addresses of a name, as they come back from the resolver.
struct Resolved(Result<Vec<SocketAddr>, ResolveError>);

/// What the connecter is doing.
enum State {
    /// Waiting for the time of the next attempt.
    Waiting,
    Resolving,
    Dialing(Token),
    Connected(Token),
}

/// Where an attempt goes.
struct Target {
    endpoint: Endpoint,
    /// Addresses that were not tried yet.
    addresses: VecDeque<SocketAddr>,
}

impl Target {
    fn new(endpoint: Endpoint) -> Box<Self> {
        Box::new(Self { endpoint, addresses: VecDeque::new() })
    }
}

/// See the [module's documentation](self).
pub(crate) struct Connecter {
    /// The endpoint, which says all that there is to know of it.
    text: Arc<str>,
    settings: Settings,
    owner: Arc<dyn Owner>,
    resolver: Arc<Resolver>,
    /// How long attempts have waited, since one was of use.
    backoff: Option<Box<Backoff>>,
    /// Where the attempt goes that is made or prepared.
    target: Option<Box<Target>>,
    /// The socket's pipe, unless a session has it or the socket wants one only per connection. Boxed,
    /// because a session has it nearly always.
    carry: Option<Box<Carry>>,
    state: State,
    /// The socket does not want this connection any more.
    abandoned: bool,
}

/// Starts to connect to `endpoint` (tcp or ipc); returns the connecter's name. Without a `pipe`, the
/// socket is asked for one after each handshake.
pub fn connect(
    endpoint: Endpoint,
    pipe: Option<PipeEnd>,
    settings: Settings,
    owner: Arc<dyn Owner>,
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
        target: None,
        carry: pipe.map(Carry::new).map(Box::new),
        state: State::Waiting,
        abandoned: false,
    }))
}

impl Connecter {
    /// Starts an attempt.
    fn attempt(&mut self, cx: &mut Cx<'_>) {
        let target = match self.target.take() {
            Some(target) => target,
            None => match Endpoint::parse_connect(&self.text) {
                Ok(endpoint) => Target::new(endpoint),
                Err(error) => return self.failed(cx, &error.to_string()),
            },
        };
        let target = self.target.insert(target);
        match &target.endpoint {
            Endpoint::Tcp(endpoint) => match endpoint.as_numeric() {
                Some(address) => {
                    target.addresses = [address].into();
                    self.dial_next(cx, "no address");
                }
                None => {
                    let endpoint = endpoint.clone();
                    self.resolve(cx, endpoint);
                }
            },
            Endpoint::Ipc(endpoint) => {
                match ipc::start_connect(endpoint, &self.settings.options.ipc) {
                    Ok((socket, address)) => self.dial(cx, Arc::new(socket), address),
                    Err(error) => self.failed(cx, &error.to_string()),
                }
            }
            // Within a process nothing is dialed: see `Inproc`.
            Endpoint::Inproc(_) => self.stop(cx, None),
        }
    }

    fn resolve(&mut self, cx: &mut Cx<'_>, endpoint: TcpEndpoint) {
        self.state = State::Resolving;
        let (io, token): (IoHandle, Token) = (cx.io.clone(), cx.token);
        let done = move |result| io.tell(token, Notice::Custom(Box::new(Resolved(result))));
        if let Err(error) =
            self.resolver.resolve(endpoint, self.settings.options.tcp.ipv6, Box::new(done))
        {
            self.failed(cx, &error.to_string());
        }
    }

    /// Tries the next address of this attempt.
    fn dial_next(&mut self, cx: &mut Cx<'_>, last_failure: &str) {
        let Some(Target { endpoint: Endpoint::Tcp(endpoint), addresses }) =
            self.target.as_deref_mut()
        else {
            return self.failed(cx, last_failure);
        };
        let Some(address) = addresses.pop_front() else {
            return self.failed(cx, last_failure);
        };
        match tcp::start_connect(address, endpoint.source(), &self.settings.options.tcp) {
            Ok(socket) => self.dial(cx, Arc::new(socket), address.into()),
            Err(error) => self.dial_next(cx, &error.to_string()),
        }
    }

    fn dial(&mut self, cx: &mut Cx<'_>, descriptor: Descriptor, address: socket2::SockAddr) {
        let timeout = self.settings.options.tcp.connect_timeout;
        let dial = Dial { descriptor, address, timeout, connecter: cx.token };
        self.state = State::Dialing(cx.add(Box::new(dial)));
    }

    fn dialed(&mut self, cx: &mut Cx<'_>, dialed: Dialed) {
        if !matches!(self.state, State::Dialing(_)) {
            return;
        }
        match dialed.result {
            Ok(()) => self.connected(cx, dialed.descriptor),
            Err(error) => self.dial_next(cx, &error.to_string()),
        }
    }

    fn connected(&mut self, cx: &mut Cx<'_>, descriptor: Descriptor) {
        let peer = descriptor.peer_addr().map(|address| describe(&address)).unwrap_or_default();
        let connection = Connection {
            route: self.settings.route,
            endpoint: self.text.clone(),
            // The same, unless there was a name to look up.
            peer: if peer == *self.text { self.text.clone() } else { peer.into() },
            peer_address: peer_address(&descriptor).map(share),
        };
        self.owner.event(TransportEvent::Connected(connection.clone()));
        cx.cancel_timer(LINGER);
        // The next attempt looks it up anew.
        self.target = None;
        let session = Session::new(SessionOptions {
            descriptor,
            config: self.settings.options.zmtp.clone(),
            link: Arc::new(Wire { owner: self.owner.clone(), connection }),
            carry: self.carry.take().map(|carry| *carry),
            discard_inbound: self.settings.options.discard_inbound,
            owner: cx.token,
        });
        self.state = State::Connected(cx.add(Box::new(session)));
    }

    fn session_ended(&mut self, cx: &mut Cx<'_>, end: SessionEnd) {
        if !matches!(self.state, State::Connected(session) if session == end.session) {
            return; // Told already: it has panicked as it told others.
        }
        if end.established {
            self.backoff = None;
        }
        if let Some(mut carry) = end.carry {
            carry.install(&cx.io.notifier(), cx.token.key());
            self.carry = Some(Box::new(carry));
        }
        if end.reason.is_final() || self.abandoned {
            return self.stop(cx, Some(&end.reason));
        }
        self.retry(cx, Some(&end.reason));
        self.look_for_close(cx);
    }

    fn failed(&mut self, cx: &mut Cx<'_>, reason: &str) {
        tracing::debug!(endpoint = %self.text, reason, "cannot connect");
        let (endpoint, reason) = (self.text.clone(), reason.into());
        self.owner.event(TransportEvent::ConnectFailed { endpoint, reason });
        self.retry(cx, None);
    }

    fn retry(&mut self, cx: &mut Cx<'_>, reason: Option<&DisconnectReason>) {
        let LinkOptions { reconnect_interval, reconnect_max, .. } = *self.settings.options;
        let backoff = self
            .backoff
            .get_or_insert_with(|| Box::new(Backoff::new(reconnect_interval, reconnect_max)));
        let Some(after) = backoff.next_wait(fastrand::u64(..)) else {
            return self.stop(cx, reason);
        };
        self.state = State::Waiting;
        self.owner.event(TransportEvent::ConnectRetried { endpoint: self.text.clone(), after });
        cx.arrange_timer(RETRY, cx.now.checked_add(after));
    }

    /// Notes that the socket has closed the pipe: what it holds is kept for the linger time.
    fn look_for_close(&mut self, cx: &mut Cx<'_>) {
        let Some(carry) = &mut self.carry else { return };
        let Some(linger) = carry.state().closing() else { return };
        if linger == Some(Duration::ZERO) || carry.is_spent() {
            return self.stop(cx, None);
        }
        // A time too far away to be told is as good as for ever.
        let until = carry.linger_until.or_else(|| cx.now.checked_add(linger?));
        carry.linger_until = until;
        cx.arrange_timer(LINGER, until);
    }

    fn stop(&mut self, cx: &mut Cx<'_>, reason: Option<&DisconnectReason>) {
        match self.state {
            State::Dialing(dial) => cx.tell(dial, Notice::Close),
            State::Connected(session) => cx.tell(session, Notice::Close),
            State::Waiting | State::Resolving => {}
        }
        self.owner.event(TransportEvent::Closed { endpoint: self.text.clone() });
        self.owner.ended(self.settings.route, reason);
        cx.finish();
    }

    fn abandon(&mut self, cx: &mut Cx<'_>) {
        self.abandoned = true;
        match self.state {
            // The session ends at once if it has no pipe, else when the pipe is drained.
            State::Connected(session) => cx.tell(session, Notice::Abandon),
            // The pipe says how long to go on trying.
            _ if self.carry.is_some() => self.look_for_close(cx),
            _ => self.stop(cx, None),
        }
    }
}

impl Handler for Connecter {
    fn start(&mut self, cx: &mut Cx<'_>) {
        if let Some(carry) = &mut self.carry {
            carry.install(&cx.io.notifier(), cx.token.key());
        }
        self.attempt(cx);
        self.look_for_close(cx);
    }

    fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

    fn timer(&mut self, cx: &mut Cx<'_>, kind: TimerKind) {
        match kind {
            RETRY => self.attempt(cx),
            _ => self.stop(cx, None),
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Readable | Notice::Writable => self.look_for_close(cx),
            Notice::Burst | Notice::Lend | Notice::Reclaim => {} // Of a session that is gone.
            Notice::Close => self.stop(cx, None),
            Notice::Abandon => self.abandon(cx),
            Notice::SessionEnded(end) => self.session_ended(cx, *end),
            Notice::Custom(news) => match news.downcast::<Dialed>() {
                Ok(dialed) => self.dialed(cx, *dialed),
                Err(news) => self.resolved(cx, news.downcast::<Resolved>().ok()),
            },
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.stop(cx, None);
    }
}

impl Connecter {
    fn resolved(&mut self, cx: &mut Cx<'_>, resolved: Option<Box<Resolved>>) {
        if !matches!(self.state, State::Resolving) {
            return;
        }
        match resolved.map(|resolved| resolved.0) {
            Some(Ok(addresses)) => {
                if let Some(target) = &mut self.target {
                    target.addresses = addresses.into();
                }
                self.dial_next(cx, "the name has no address");
            }
            Some(Err(error)) => self.failed(cx, &error.to_string()),
            None => {}
        }
    }
}
