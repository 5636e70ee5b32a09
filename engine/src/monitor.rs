//! What those who watch a socket are told: the one event, from the session, listener or connecter that it
//! happens in to the application.

use ringmq_zmtp::{Peer, ProtocolError};
use std::io;
use std::sync::Arc;
use std::time::Duration;

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
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::DisconnectReason;
    /// assert!(DisconnectReason::Local.is_final());
    /// assert!(!DisconnectReason::Panicked.is_final());
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Local)
    }
}

/// What happened to a socket's connections. `endpoint` is the one that was bound or connected, `peer`
/// the address of the other end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// An endpoint is bound.
    Listening {
        /// The resolved endpoint.
        endpoint: Arc<str>,
    },
    /// A connection came in; its handshake begins.
    Accepted {
        /// The endpoint it came in on.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
    },
    /// A connection could not be accepted; the listener tries again shortly.
    AcceptFailed {
        /// The endpoint that is bound, resolved.
        endpoint: Arc<str>,
        /// The system's answer.
        error: Arc<io::Error>,
    },
    /// A connection was made; its handshake begins.
    Connected {
        /// The endpoint it was made to.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// The endpoint that was connected.
        endpoint: Arc<str>,
        /// Why, in words: the system's answer, or what was wrong with the name.
        reason: Arc<str>,
    },
    /// Another attempt to connect will be made.
    ConnectRetried {
        /// The endpoint that was connected.
        endpoint: Arc<str>,
        /// How long from now.
        after: Duration,
    },
    /// A handshake is done: messages may flow.
    HandshakeSucceeded {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
        /// What the other end said about itself.
        identity: Arc<Peer>,
    },
    /// A handshake failed.
    HandshakeFailed {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
        /// Why, as its `Display` says in a sentence.
        reason: DisconnectReason,
    },
    /// A connection is over.
    Disconnected {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
        /// Why, as its `Display` says in a sentence.
        reason: DisconnectReason,
    },
    /// A bind or connect has ended for good.
    Closed {
        /// The endpoint that was bound or connected.
        endpoint: Arc<str>,
    },
}
