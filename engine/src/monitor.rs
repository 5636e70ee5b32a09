//! What those who watch a socket are told: the one event, from the session, listener, connecter or socket
//! that it happens in to the application.

mod text;

pub use text::RoutingIdText;

use crate::owner::Descriptor;
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
    /// The peer had more than a limit of this end allows.
    #[error("{0}")]
    Refused(PeerLimit),
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

    /// The limit that the peer has reached, if that is why.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::{DisconnectReason, PeerLimit};
    /// let refused = DisconnectReason::Refused(PeerLimit::Subscriptions);
    /// assert_eq!(refused.limit(), Some(PeerLimit::Subscriptions));
    /// assert_eq!(DisconnectReason::PeerClosed.limit(), None);
    /// ```
    pub fn limit(&self) -> Option<PeerLimit> {
        match self {
            Self::Refused(limit) => Some(*limit),
            Self::Protocol(ProtocolError::FrameTooLarge { .. }) => Some(PeerLimit::FrameBytes),
            Self::Protocol(ProtocolError::TooManyParts { .. }) => Some(PeerLimit::Parts),
            Self::Protocol(ProtocolError::MessageTooLarge { .. }) => Some(PeerLimit::MessageBytes),
            _ => None,
        }
    }

    /// Whether the peer has looked at what this end has shown, and does not let it in.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::DisconnectReason;
    /// use ringmq_zmtp::ProtocolError;
    /// let refused = ProtocolError::PeerError { reason: "400".into() };
    /// assert!(DisconnectReason::Protocol(refused).is_denial());
    /// assert!(!DisconnectReason::PeerClosed.is_denial());
    /// ```
    pub fn is_denial(&self) -> bool {
        match self {
            Self::Protocol(error) => {
                matches!(error, ProtocolError::PeerError { .. }) && error.auth_status().is_some()
            }
            _ => false,
        }
    }

    /// libzmq's number for it: of its events `HANDSHAKE_FAILED_AUTH`, the status with which one end refused the
    /// other.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::DisconnectReason;
    /// use ringmq_zmtp::{Denial, ProtocolError};
    /// let refused = ProtocolError::Denied { denial: Denial::Credentials };
    /// assert_eq!(DisconnectReason::Protocol(refused).auth_status(), Some(400));
    /// ```
    pub fn auth_status(&self) -> Option<u16> {
        match self {
            Self::Protocol(error) => error.auth_status(),
            _ => None,
        }
    }

    /// libzmq's number for it: of its events `HANDSHAKE_FAILED_PROTOCOL`, what the peer did wrong.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::DisconnectReason;
    /// use ringmq_zmtp::ProtocolError;
    /// let broken = DisconnectReason::Protocol(ProtocolError::BrokenSeal);
    /// assert_eq!(broken.protocol_code(), Some(0x1100_0001));
    /// ```
    pub fn protocol_code(&self) -> Option<u32> {
        match self {
            Self::Protocol(error) => error.code(),
            _ => None,
        }
    }
}

/// What a connection could not be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The host's name led to no address: it is misspelt, or the name system cannot be asked.
    Lookup,
    /// Nobody listens at the endpoint.
    Refused,
    /// Something else.
    Other,
}

/// Why messages were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The peer's queue was at its high-water mark, and this type of socket does not wait.
    #[error("the peer takes them too slowly, and its queue is at the high-water mark")]
    Full,
    /// The first frame of a message named a peer that a ROUTER does not have.
    #[error("no peer has the routing id that their first frame names")]
    NoSuchPeer,
    /// The connection that they were queued for is over, and no other one takes its place.
    #[error("the connection that they were queued for is over")]
    Gone,
    /// They were received, and are nobody's to have: out of turn, without an envelope, or more than are kept.
    #[error("nobody is to receive them")]
    Unwanted,
    /// They came as datagrams, and the application's queue was at its high-water mark.
    #[error("the application takes them too slowly, and its queue is at the high-water mark")]
    Overrun,
    /// They cannot go out as datagrams: they are too long, say no address, or the system refused them.
    #[error(
        "they are too long for a datagram, have no address to go to, or the system does not send them"
    )]
    Unsendable,
}

/// A limit of what peers may hold and send, so that others have their share. Each is an option of the socket or of
/// the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PeerLimit {
    /// Connections of a bind.
    #[error("the bind has as many connections as it may have")]
    Connections,
    /// Connections of a bind from one address.
    #[error("the bind has as many connections from that address as it may have")]
    ConnectionsOfAddress,
    /// Connections of a bind whose handshake is not done: one of the address that has the most of them goes.
    #[error(
        "too many connections of the bind have not finished their handshakes: one of them goes"
    )]
    Handshakes,
    /// Bytes of a frame.
    #[error("the peer has sent a frame of more bytes than it may have")]
    FrameBytes,
    /// Frames of a message.
    #[error("the peer has sent a message of more frames than it may have")]
    Parts,
    /// Bytes of a message, of all its frames.
    #[error("the peer has sent a message of more bytes than it may have")]
    MessageBytes,
    /// Subscriptions of one peer.
    #[error("the peer has subscribed to as many topics as it may")]
    Subscriptions,
    /// Bytes of the topics that one peer has subscribed to.
    #[error("the topics that the peer has subscribed to have as many bytes as they may")]
    SubscriptionBytes,
    /// Bytes in all connections of the context that the application has not taken: of a peer in the midst of a
    /// large message, and of any new one once there are more than that by an eighth.
    #[error("as many bytes wait in the context as may wait there")]
    ContextBytes,
}

/// Something that has no effect, which whoever does it hardly means. Each is told once a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A SUB waits for messages, and has subscribed to none.
    #[error(
        "a SUB receives nothing until it subscribes to something: subscribe(\"\") is everything"
    )]
    NotSubscribed,
    /// A connect within the process waits for a name that nobody has bound.
    #[error("nobody has bound that name yet in this context: the connect waits for a bind")]
    NameNotBound,
    /// A connect within the process waits for a name that is bound in another context.
    #[error(
        "that name is bound in another context of this process: both sockets have to be made by the same \
         context, or clones of it"
    )]
    NameInOtherContext,
    /// A ROUTER was given a message of one frame, which was taken for a routing id.
    #[error(
        "a message of one frame sent by a ROUTER goes nowhere: the first frame is the routing id of the \
         peer, and the body follows"
    )]
    NoBody,
    /// A REP or REQ has received a message without the empty frame that ends its envelope.
    #[error(
        "a message without the empty frame before its body was thrown away: a peer that is a DEALER or \
         ROUTER has to send that frame"
    )]
    NoEnvelope,
    /// A peer of a ROUTER has the routing id of another one, and waits until that has left.
    #[error(
        "another peer has that routing id: this one is not heard until the other has left; give each peer \
         an id of its own, or set handover"
    )]
    RoutingIdTaken,
    /// A peer of a ROUTER has taken a routing id over from another one, as the handover option wants it.
    #[error(
        "the peer has taken that routing id over from another one, which is not sent to any more"
    )]
    RoutingIdTakenOver,
    /// A publisher does not take what a SUB or XSUB tells it of its subscriptions. From now on changes of them are
    /// put together until it does: nothing is lost, but what it sends meanwhile goes by what it knew before.
    #[error(
        "a publisher does not take changes of subscriptions, of which as many wait for it as may: they are \
         put together until it does"
    )]
    SubscriptionsNotTaken,
    /// An option was changed that does not count for what there is already.
    #[error(
        "option {option} was set late: it counts for {counts_for}, not for those there are already"
    )]
    OptionTooLate {
        /// The option.
        option: &'static str,
        /// What the new value counts for.
        counts_for: &'static str,
    },
}

/// What happened to a socket's connections. `endpoint` is the one that was bound or connected, `peer`
/// the address of the other end. It prints as a sentence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// An endpoint is bound.
    Listening {
        /// The resolved endpoint.
        endpoint: Arc<str>,
        /// The system's number of the socket that listens.
        descriptor: Option<Descriptor>,
    },
    /// A connection came in; its handshake begins.
    Accepted {
        /// The endpoint it came in on.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has
        /// none.
        peer: Arc<str>,
        /// The system's number of its socket, a file descriptor or a SOCKET of Windows; `None` if there is none. To
        /// ask the system about it, as long as the connection is there: it is the library's to use.
        descriptor: Option<Descriptor>,
    },
    /// A connection was refused or ended, because a limit is reached.
    Refused {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The peer's address.
        peer: Arc<str>,
        /// Which limit.
        limit: PeerLimit,
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
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has
        /// none.
        peer: Arc<str>,
        /// The system's number of its socket, a file descriptor or a SOCKET of Windows; `None` if there is none. To
        /// ask the system about it, as long as the connection is there: it is the library's to use.
        descriptor: Option<Descriptor>,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// The endpoint that was connected.
        endpoint: Arc<str>,
        /// Why, in words: the system's answer, or what was wrong with the name.
        reason: Arc<str>,
        /// The same, for programs.
        failure: ConnectFailure,
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
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has
        /// none.
        peer: Arc<str>,
        /// What the other end said about itself.
        identity: Arc<Peer>,
    },
    /// A handshake failed.
    HandshakeFailed {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has
        /// none.
        peer: Arc<str>,
        /// Why, as its `Display` says in a sentence.
        reason: DisconnectReason,
    },
    /// A ROUTER has chosen a routing id for a peer that has none of its own.
    RoutingIdAssigned {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has none.
        peer: Arc<str>,
        /// The id: what the first frame of each message from and to the peer is.
        routing_id: Arc<[u8]>,
    },
    /// Messages were dropped. Told of the first one, then at most every ten seconds, and when the connection
    /// is over.
    Dropped {
        /// The endpoint of the connection that they were for or from; empty if they were for none.
        endpoint: Arc<str>,
        /// The address of the other end; empty if there is none, or it is not known.
        peer: Arc<str>,
        /// The routing id of the peer; of messages to nobody the one that the last of them named. Empty if
        /// there is none.
        routing_id: Arc<[u8]>,
        /// Why.
        reason: DropReason,
        /// How many since this was told last.
        messages: u64,
    },
    /// Somebody has begun to send to a group over PGM. It may have sent to others before.
    SourceBegan {
        /// The endpoint of the group.
        endpoint: Arc<str>,
        /// Its session, which has an id as no other has: `0123456789ab.port`.
        session: Arc<str>,
    },
    /// Packets of a source of PGM are lost and cannot be had again, with the messages in them. What follows is
    /// received.
    PacketsLost {
        /// The endpoint of the group.
        endpoint: Arc<str>,
        /// The session of the source.
        session: Arc<str>,
        /// The sequence number of the first of them.
        first: u32,
        /// How many since this was told last.
        packets: u64,
        /// Why the first is.
        reason: Arc<str>,
    },
    /// A source of PGM is over.
    SourceEnded {
        /// The endpoint of the group.
        endpoint: Arc<str>,
        /// Its session.
        session: Arc<str>,
        /// How many packets of it were lost in all.
        lost: u64,
        /// Why it is.
        reason: Arc<str>,
    },
    /// The application or a peer has done something that has no effect, which it hardly means.
    Problem {
        /// What it is, as its `Display` says in a sentence, with what to do about it.
        problem: Problem,
        /// The endpoint it has to do with; empty if none.
        endpoint: Arc<str>,
        /// The address of the peer it has to do with; empty if none.
        peer: Arc<str>,
        /// The routing id it has to do with; empty if none.
        routing_id: Arc<[u8]>,
    },
    /// A connection is over.
    Disconnected {
        /// The endpoint that was bound or connected, as the application would have to write it.
        endpoint: Arc<str>,
        /// The address of the other end, such as `tcp://192.0.2.1:5555`; empty if the system has
        /// none.
        peer: Arc<str>,
        /// The routing id of the peer, its own or one that was chosen for it; empty if it has none.
        routing_id: Arc<[u8]>,
        /// Why, as its `Display` says in a sentence.
        reason: DisconnectReason,
        /// Its handshake was done.
        established: bool,
        /// The number that its socket had.
        descriptor: Option<Descriptor>,
    },
    /// A connect has ended for good although the socket wants it, as its options say. What was queued for it
    /// is dropped.
    GaveUp {
        /// The endpoint that was connected.
        endpoint: Arc<str>,
        /// Why the last attempt, or the connection, has failed.
        reason: Arc<str>,
    },
    /// Linger has given up messages of an endpoint that was disconnected: its time was over, or the peer had
    /// gone. Of a socket that is closed nobody hears events any more; its context has the
    /// figure in all.
    LingerGaveUp {
        /// The endpoint that was bound or connected.
        endpoint: Arc<str>,
        /// How many messages were not delivered.
        messages: u64,
    },
    /// A bind or connect has ended for good.
    Closed {
        /// The endpoint that was bound or connected.
        endpoint: Arc<str>,
    },
}
