//! How a session speaks to the socket it works for, without knowing what that is.

use crate::PipeEnd;
#[cfg(doc)]
use crate::PipeState;
use crate::io_thread::IoHandle;
use crate::io_thread::handler::Notice;
use crate::io_thread::token::Token;
use ringmq_zmtp::{AuthAnswer, AuthRequest, Denial, Peer, ProtocolError};
use std::io;
use std::sync::Arc;

/// Why a connection is over.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer closed it.
    #[error("the peer closed the connection")]
    PeerClosed,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(Arc<io::Error>),
    /// The peer broke the protocol, or refused this end.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The peer was silent for longer than the heartbeat allows.
    #[error("the peer was silent for longer than the heartbeat allows")]
    HeartbeatExpired,
    /// This end closed it.
    #[error("closed from this end")]
    Local,
    /// This end has failed at it: something panicked on the I/O thread. The pipe is lost with it.
    #[error("this end has failed: a panic on the I/O thread")]
    Panicked,
}

impl DisconnectReason {
    /// Whether a connecter leaves it at that: only where this end wanted the connection to be over. A
    /// peer that does not speak the protocol may be replaced by one that does.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Local)
    }
}

/// What happens in the life of a session.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The handshake is done.
    HandshakeSucceeded(Arc<Peer>),
    /// The handshake failed; a `Disconnected` follows.
    HandshakeFailed(DisconnectReason),
    /// The connection is over.
    Disconnected(DisconnectReason),
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

/// A peer that waits to be let in, and may do so for as long as the handshake may take. Nobody waits for
/// the answer: it may come from any thread and at any time, or not at all.
pub struct Applicant {
    request: AuthRequest,
    io: IoHandle,
    session: Token,
}

impl Applicant {
    pub(crate) fn new(request: AuthRequest, io: IoHandle, session: Token) -> Self {
        Self { request, io, session }
    }

    /// What is to be decided.
    pub fn request(&self) -> &AuthRequest {
        &self.request
    }

    /// Gives the answer. Nothing happens if the connection is gone.
    pub fn answer(self, answer: AuthAnswer) {
        self.io.tell(self.session, Notice::Authenticated(Box::new(answer)));
    }
}

/// The socket as its sessions see it. Called on I/O threads: must be quick and must not block.
pub trait Link: Send + Sync {
    /// A connection without a pipe has completed its handshake: makes one, gives its other end to the
    /// socket and returns this end.
    fn attach(&self, peer: &Arc<Peer>) -> Attach;

    /// The pipe that the connection has had from the start has a peer, for the first time or again.
    /// Comes before any message of that peer.
    fn connected(&self, peer: &Arc<Peer>);

    /// As [`connected`](Self::connected), and says how many messages earlier peers have left in that pipe
    /// since it was made: the next one is of this peer.
    fn connected_after(&self, peer: &Arc<Peer>, _messages: u64) {
        self.connected(peer);
    }

    /// Appends the ZMTP 3 frames that go before everything else on each connection: subscriptions. Says
    /// which change of them was the latest, see [`PipeState::told`]; subscriptions that are in the pipe
    /// by then are not sent. `None` if there is nothing of the kind to be told.
    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64>;

    /// Whether a pipe that outlives its connection is to say where one peer's messages end and those of
    /// the next begin: with an empty command, which no peer can send.
    fn tells_peers_apart(&self) -> bool {
        false
    }

    /// A peer's mechanism leaves it to an authenticator whether the peer is let in, who is also told the
    /// peer's address: a link serves one connection, and has it. Where there is no authenticator, the
    /// peer is not let in.
    fn authenticate(&self, applicant: Applicant) {
        applicant.answer(AuthAnswer::Deny(Denial::Internal));
    }

    /// Those who wait for messages should look again: how the connection is read has changed.
    fn look_again(&self) {}

    /// Something happened.
    fn event(&self, event: SessionEvent);
}
