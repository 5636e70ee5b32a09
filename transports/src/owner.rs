//! The socket as its transports see it, and what they tell it.

use ringmq_engine::PipeEnd;
use ringmq_engine::{Attach, Link, SessionEvent};
use ringmq_zmtp::Peer;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Which bind or connect of a socket something belongs to; the socket chooses the numbers.
pub type EndpointId = u64;

/// A connection, in words and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Which bind or connect it belongs to.
    pub endpoint_id: EndpointId,
    /// The endpoint that was bound or connected.
    pub endpoint: Arc<str>,
    /// The other end: `tcp://192.0.2.1:5555`; of an ipc peer only what the system tells.
    pub peer: Arc<str>,
    /// The peer's address without a port, as in ZeroMQ's `Peer-Address` property.
    pub peer_address: Option<Arc<str>>,
}

/// What happens to a socket's connections.
#[derive(Clone, Debug)]
pub enum TransportEvent {
    /// The endpoint is bound.
    Listening {
        /// The resolved endpoint.
        endpoint: Arc<str>,
    },
    /// A connection came in; its handshake begins.
    Accepted(Connection),
    /// A connection could not be accepted; the listener tries again in a moment.
    AcceptFailed {
        /// The listener's endpoint.
        endpoint: Arc<str>,
        /// Why.
        error: Arc<io::Error>,
    },
    /// A connection was made; its handshake begins.
    Connected(Connection),
    /// A connection could not be made.
    ConnectFailed {
        /// The connecter's endpoint.
        endpoint: Arc<str>,
        /// Why, in words.
        reason: Arc<str>,
    },
    /// Another attempt will be made.
    ConnectRetried {
        /// The connecter's endpoint.
        endpoint: Arc<str>,
        /// How long from now.
        after: Duration,
    },
    /// A listener or connecter has stopped for good.
    Closed {
        /// Its endpoint.
        endpoint: Arc<str>,
    },
    /// Something happened in the life of a connection.
    Session(Connection, SessionEvent),
}

/// A socket. Called on I/O threads: must be quick and must not block.
pub trait Owner: Send + Sync {
    /// A connection without a pipe has completed its handshake.
    fn attach(&self, connection: &Connection, peer: &Arc<Peer>) -> Attach;

    /// The pipe that a connect had from the start has a peer, for the first time or again.
    fn connected(&self, connection: &Connection, peer: &Arc<Peer>);

    /// As [`connected`](Self::connected), and says how many messages earlier peers have left in that pipe
    /// since it was made.
    fn connected_after(&self, connection: &Connection, peer: &Arc<Peer>, _messages: u64) {
        self.connected(connection, peer);
    }

    /// Appends the ZMTP 3 frames that go before everything else on each connection; see
    /// [`Link::preamble`].
    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64>;

    /// See [`Link::tells_peers_apart`].
    fn tells_peers_apart(&self) -> bool {
        false
    }

    /// Those who wait for messages should look again: how a connection is read has changed.
    fn look_again(&self) {}

    /// Something happened.
    fn event(&self, event: TransportEvent);

    /// A connecter has ended for good, for a reason in words; its pipe, if it had one, is closed.
    fn ended(&self, endpoint_id: EndpointId, reason: &str);
}

/// One connection's way to its socket.
pub(crate) struct Wire {
    pub(crate) owner: Arc<dyn Owner>,
    pub(crate) connection: Connection,
}

impl Link for Wire {
    fn attach(&self, peer: &Arc<Peer>) -> Attach {
        self.owner.attach(&self.connection, peer)
    }

    fn connected(&self, peer: &Arc<Peer>) {
        self.owner.connected(&self.connection, peer);
    }

    fn connected_after(&self, peer: &Arc<Peer>, messages: u64) {
        self.owner.connected_after(&self.connection, peer, messages);
    }

    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64> {
        self.owner.preamble(frames)
    }

    fn tells_peers_apart(&self) -> bool {
        self.owner.tells_peers_apart()
    }

    fn look_again(&self) {
        self.owner.look_again();
    }

    fn event(&self, event: SessionEvent) {
        self.owner.event(TransportEvent::Session(self.connection.clone(), event));
    }
}

/// What every connection of a bind or connect is made with.
#[derive(Clone)]
pub struct Settings {
    /// Which bind or connect this is.
    pub endpoint_id: EndpointId,
    /// The options of the socket.
    pub options: Arc<LinkOptions>,
}

/// The options of a socket that its binds and connects are made with: all those made while the options
/// do not change share them.
pub struct LinkOptions {
    /// The protocol's settings.
    pub zmtp: Arc<ringmq_zmtp::Config>,
    /// For tcp descriptors.
    pub tcp: crate::options::TcpOptions,
    /// For ipc descriptors.
    pub ipc: crate::options::IpcOptions,
    /// Messages that peers send are not wanted.
    pub discard_inbound: bool,
    /// Time between attempts to connect; `None` for a single attempt.
    pub reconnect_interval: Option<Duration>,
    /// Longest time between attempts; zero for no exponential backoff.
    pub reconnect_max: Duration,
    /// What ends the attempts for good.
    pub reconnect_stop: crate::options::ReconnectStop,
}

/// The far end of a pipe within a process, on its way to the socket that has bound the name.
pub struct Offer {
    /// The end. Its high-water marks are those of the connecting socket: whoever takes it adds its own.
    pub end: PipeEnd,
    /// Who connects.
    pub peer: Arc<Peer>,
    /// To be called by whoever takes the end, with who that is.
    pub taken: Taken,
}

/// Learns which socket has taken an [`Offer`].
pub type Taken = Box<dyn FnOnce(&Arc<Peer>) + Send>;
