//! How a session, a listener or a connecter speaks to the socket it works for, without knowing what
//! that is.

use crate::PipeEnd;
#[cfg(doc)]
use crate::PipeState;
use crate::connection_span::ConnectionSpan;
use crate::io_thread::IoHandle;
use crate::io_thread::handler::Notice;
use crate::io_thread::token::Token;
use crate::monitor::MonitorEvent;
use crate::unix_peer::UnixPeer;
use bytes::Bytes;
use ringmq_pipe::Message;
use ringmq_zmtp::{AuthAnswer, AuthRequest, Denial, Peer};
use std::sync::{Arc, OnceLock, Weak};

/// Which bind or connect of a socket something belongs to; the socket chooses the numbers.
pub type EndpointId = u64;

/// The system's number of a socket: a file descriptor, or a SOCKET of Windows.
pub type Descriptor = u64;

/// A connection, in words and numbers: one of its own each, which its session, its socket and its messages
/// share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Which bind or connect it belongs to.
    pub endpoint_id: EndpointId,
    /// The endpoint that was bound or connected.
    pub endpoint: Arc<str>,
    /// The other end: `tcp://192.0.2.1:5555`; of an ipc peer only what the system tells.
    pub peer: Arc<str>,
    /// The peer's address without a port, as in ZeroMQ's `Peer-Address` property.
    pub peer_address: Option<Arc<str>>,
    /// The process at the other end of an ipc connection, where the system tells.
    pub unix_peer: Option<UnixPeer>,
    /// The system's number of its socket.
    pub descriptor: Option<Descriptor>,
    /// The routing id that the socket has chosen for the peer, which mostly has none of its own; unset as
    /// long as it has not.
    pub assigned_id: OnceLock<Box<[u8]>>,
}

impl Connection {
    /// The routing id under which the socket knows the peer: the one that was chosen for it, or else its
    /// `own`, which it has told. Empty if there is none.
    pub fn routing_id<'a>(&'a self, own: &'a [u8]) -> &'a [u8] {
        self.assigned_id.get().map_or(own, |id| id)
    }
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

/// A peer that waits to be let in, and may do so for as long as the handshake may take. Nobody
/// waits for the answer: it may come from any thread and at any time, or not at all.
pub struct Applicant {
    request: AuthRequest,
    io: IoHandle,
    session: Token,
    /// Of whoever waits for the answer.
    waiting: Weak<()>,
}

impl Applicant {
    /// `waiting` is kept by the session for as long as it waits.
    pub(crate) fn new(
        request: AuthRequest,
        io: IoHandle,
        session: Token,
        waiting: &Arc<()>,
    ) -> Self {
        Self { request, io, session, waiting: Arc::downgrade(waiting) }
    }

    /// What is to be decided.
    pub fn request(&self) -> &AuthRequest {
        &self.request
    }

    /// Whether the connection is gone, so that nobody waits for the answer any more.
    pub fn is_gone(&self) -> bool {
        self.waiting.strong_count() == 0
    }

    /// Gives the answer. Nothing happens if the connection is gone.
    pub fn answer(self, answer: AuthAnswer) {
        self.io.tell(self.session, Notice::Authenticated(Box::new(answer)));
    }
}

/// The socket as what works for it on I/O threads sees it: must be quick and must not block.
pub trait SessionOwner: Send + Sync {
    /// A connection without a pipe has completed its handshake: makes one, gives its other end to the
    /// socket and returns this end.
    fn attach(&self, connection: &Arc<Connection>, peer: &Arc<Peer>) -> Attach;

    /// The pipe that the connection has had from the start has a peer, for the first time or again.
    /// Comes before any message of that peer. `earlier` is how many messages other peers have left in that
    /// pipe since it was made.
    fn connected(&self, connection: &Arc<Connection>, peer: &Arc<Peer>, earlier: u64);

    /// Appends the ZMTP 3 frames that go before everything else on each connection: subscriptions. Says
    /// which change of them was the latest, see [`PipeState::told`]; subscriptions that are in the pipe
    /// by then are not sent. `None` if there is nothing of the kind to be told.
    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64>;

    /// Whether a pipe that outlives its connection is to say where one peer's messages end and those of
    /// the next begin: with an empty command, which no peer can send.
    fn tells_peers_apart(&self) -> bool {
        false
    }

    /// What every peer is sent first, as a message: empty for nothing.
    fn hello(&self) -> Bytes {
        Bytes::new()
    }

    /// What is received first of a connection, before all that comes from the peer.
    fn beginning(&self) -> Option<Message> {
        None
    }

    /// What is received last of a connection, made by this side (`connected`) or accepted, after all that has come
    /// from the peer.
    fn end(&self, _connected: bool) -> [Option<Message>; 2] {
        [None, None]
    }

    /// A peer's mechanism leaves it to an authenticator whether the peer is let in, who is also
    /// told the peer's address. Where there is no authenticator, the peer is not let in.
    fn authenticate(&self, _connection: &Connection, applicant: Applicant) {
        applicant.answer(AuthAnswer::Deny(Denial::Internal));
    }

    /// Those who wait for messages should look again: how a connection is read has changed.
    fn look_again(&self) {}

    /// There is a burst on a connection, which a thread that is about to wait for messages may
    /// [finish](crate::Direct::finish_burst).
    fn note_burst(&self) {}

    /// Something happened that who watches the socket is to hear of.
    fn event(&self, event: MonitorEvent);

    /// The same, on a connection: what is logged of that is logged in its span.
    fn connection_event(&self, _span: &Arc<ConnectionSpan>, event: MonitorEvent) {
        self.event(event);
    }

    /// A connecter has ended for good, for a reason in words; its pipe, if it had one, is closed.
    fn ended(&self, endpoint_id: EndpointId, reason: &str);
}
