//! How a session, a listener or a connecter speaks to the socket it works for, without knowing what that is.

use crate::PipeEnd;
#[cfg(doc)]
use crate::PipeState;
use crate::monitor::MonitorEvent;
use ringmq_zmtp::Peer;
use std::sync::Arc;

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

/// What a socket says to a new connection.
#[expect(clippy::large_enum_variant, reason = "made once a connection and taken apart at once")]
pub enum Attach {
    /// Here is the connection's end of a pipe.
    Pipe(PipeEnd),
    /// There is no room for it: whatever the peer sends is ignored.
    Ignored,
    /// The socket is closed.
    Closed,
}

/// The socket as what works for it on I/O threads sees it: must be quick and must not block.
pub trait SessionOwner: Send + Sync {
    /// A connection without a pipe has completed its handshake: makes one, gives its other end to the
    /// socket and returns this end.
    fn attach(&self, connection: &Connection, peer: &Arc<Peer>) -> Attach;

    /// The pipe that the connection has had from the start has a peer, for the first time or again.
    /// Comes before any message of that peer. `earlier` is how many messages other peers have left in that
    /// pipe since it was made.
    fn connected(&self, connection: &Connection, peer: &Arc<Peer>, earlier: u64);

    /// Appends the ZMTP 3 frames that go before everything else on each connection: subscriptions. Says
    /// which change of them was the latest, see [`PipeState::told`]; subscriptions that are in the pipe
    /// by then are not sent. `None` if there is nothing of the kind to be told.
    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64>;

    /// Whether a pipe that outlives its connection is to say where one peer's messages end and those of
    /// the next begin: with an empty command, which no peer can send.
    fn tells_peers_apart(&self) -> bool {
        false
    }

    /// Those who wait for messages should look again: how a connection is read has changed.
    fn look_again(&self) {}

    /// Something happened that who watches the socket is to hear of.
    fn event(&self, event: MonitorEvent);

    /// A connecter has ended for good, for a reason in words; its pipe, if it had one, is closed.
    fn ended(&self, endpoint_id: EndpointId, reason: &str);
}
