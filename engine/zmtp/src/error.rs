//! What a peer can do wrong, one variant a reason. Our own mistakes are never reported here.

use crate::mechanism::{Denial, NoRandomness, ZapFault};
use crate::{SocketType, Version};

/// Why a connection has to be closed. In every case but [`NoRandomness`](Self::NoRandomness) the
/// peer is the one at fault.
///
/// Texts of the peer that are quoted here are cut short and hold printable ASCII only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first bytes are neither a ZMTP greeting nor a ZMTP 1.0 frame: HTTP, TLS, SSH, noise.
    #[error("the peer {}", other_protocol(*began))]
    NotZmtp {
        /// The first two bytes, by which the text tells what else the peer may speak.
        began: [u8; 2],
    },
    /// The peer did not open a WebSocket where one is expected.
    #[error("the peer opened no WebSocket of ZeroMQ: {what}")]
    NotWebSocket {
        /// What is wrong.
        what: &'static str,
    },
    /// The server answered that there is no WebSocket for this end.
    #[error("the peer opened no WebSocket: it answered with status {status} of HTTP")]
    WebSocketRefused {
        /// The status code.
        status: u16,
    },
    /// A frame of WebSocket that has no place on such a connection.
    #[error("the peer sent a frame of WebSocket that {what}")]
    WebSocketFrame {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The peer has closed the WebSocket, in good order: nothing of what it does is wrong.
    #[error("the peer closed the WebSocket")]
    WebSocketClosed,
    /// The peer speaks a version without mechanisms, and a mechanism is required here.
    #[error("the peer speaks ZMTP {version}, which cannot authenticate, as is required here")]
    VersionTooOld {
        /// The peer's version.
        version: Version,
    },
    /// The peer uses another security mechanism.
    #[error("the peer uses mechanism {peer:?} where {own:?} is set here")]
    MechanismMismatch {
        /// The mechanism of this end.
        own: &'static str,
        /// The mechanism that the peer announced.
        peer: String,
    },
    /// The peer did not finish the handshake in time.
    #[error("the peer did not finish the handshake in time")]
    HandshakeTimeout,
    /// A command that has no place in this state of the connection.
    #[error("the peer sent a command {name:?} that has no place here")]
    UnexpectedCommand {
        /// The name of the command.
        name: String,
    },
    /// The peer refused this end with an ERROR command.
    #[error("the peer refused the connection: {reason:?}")]
    PeerError {
        /// The reason that the peer gave: a ZAP status code (300, 400, 500) or free text.
        reason: String,
    },
    /// The authenticator at this end did not let the peer in.
    #[error("the peer was not let in: status {}", denial.status())]
    Denied {
        /// What the authenticator said.
        denial: Denial,
    },
    /// The authenticator at this end did not say whether the peer is to be let in.
    #[error("the peer was not let in, because the authenticator's answer cannot be used: {0}")]
    UnusableAnswer(ZapFault),
    /// A frame that is not what the mechanism has agreed upon: altered, forged or repeated.
    #[error("the peer sent a frame whose seal is broken")]
    BrokenSeal,
    /// A sealed frame with the number of one that has come before: somebody has recorded it and sends it
    /// again.
    #[error("the peer sent a sealed frame again")]
    RepeatedNonce,
    /// What the client has closed with its own key is not for this connection, or not for this server.
    #[error("the peer has not proved that its key is its own")]
    KeyExchange,
    /// A command of the mechanism that does not have the form of its name.
    #[error("the peer sent a malformed {command} command")]
    MalformedHandshake {
        /// The name of the command.
        command: &'static str,
    },
    /// The system gave this end no random bytes.
    #[error("{0}")]
    NoRandomness(#[from] NoRandomness),
    /// An ERROR command whose reason does not fit its frame.
    #[error("the peer sent an ERROR command with a truncated reason")]
    MalformedError,
    /// The metadata of the peer's handshake is not well-formed.
    #[error("the peer sent malformed metadata: {what}")]
    InvalidMetadata {
        /// Which rule it breaks.
        what: &'static str,
    },
    /// The types of the two sockets do not go together.
    #[error("the peer's {peer} socket cannot talk to a {own} socket")]
    IncompatibleSocketType {
        /// The type of the socket at this end.
        own: SocketType,
        /// The type that the peer announced.
        peer: String,
    },
    /// The peer's routing id is longer than [`ROUTING_ID_MAX`](crate::ROUTING_ID_MAX).
    #[error("the peer's routing id has {length} bytes, more than 255")]
    RoutingIdTooLong {
        /// Bytes of the routing id.
        length: u64,
    },
    /// A frame longer than this end is willing to take.
    #[error("the peer sent a frame of {length} bytes, more than the limit of {limit}")]
    FrameTooLarge {
        /// Bytes of the frame body.
        length: u64,
        /// The limit in force.
        limit: u64,
    },
    /// A frame size of 2^63 bytes or more, which the protocol rules out.
    #[error("the peer sent an impossible frame size of {length} bytes")]
    FrameLengthInvalid {
        /// The size as it was on the wire.
        length: u64,
    },
    /// A ZMTP 1.0 frame of length zero: the length counts the flags byte, so it is at least one.
    #[error("the peer sent a ZMTP 1.0 frame of length zero")]
    ZeroLengthFrame,
    /// A message of more frames than this end is willing to take.
    #[error("the peer sent a message of more than {limit} frames, the limit here")]
    TooManyParts {
        /// The limit in force.
        limit: u64,
    },
    /// A message whose frames have more bytes together than this end is willing to take.
    #[error("the peer sent a message of more than {limit} bytes, the limit here")]
    MessageTooLarge {
        /// The limit in force.
        limit: u64,
    },
    /// A command frame without a body, and so without a name.
    #[error("the peer sent an empty command")]
    EmptyCommand,
    /// A command whose name is empty or does not fit its frame.
    #[error("the peer sent a command whose name is empty or truncated")]
    MalformedCommand,
    /// A PING too short to hold its time-to-live.
    #[error("the peer sent a PING of {length} bytes, too short for its time-to-live")]
    MalformedPing {
        /// Bytes of the frame body.
        length: u64,
    },
    /// A command frame with the MORE flag: a command is never part of a message.
    #[error("the peer sent a command with the MORE flag")]
    CommandWithMore,
    /// A subscription or group command between two frames of one message.
    #[error("the peer sent a subscription in the middle of a message")]
    CommandInsideMessage,
}

/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND`.
const UNEXPECTED_COMMAND: u32 = 0x1000_0001;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE`.
const INVALID_SEQUENCE: u32 = 0x1000_0002;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE`.
const KEY_EXCHANGE: u32 = 0x1000_0003;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_` for a command of a mechanism.
const MALFORMED: [(&str, u32); 5] = [
    ("MESSAGE", 0x1000_0012),
    ("HELLO", 0x1000_0013),
    ("INITIATE", 0x1000_0014),
    ("READY", 0x1000_0016),
    ("WELCOME", 0x1000_0017),
];
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED`.
const MALFORMED_COMMAND: u32 = 0x1000_0011;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR`.
const MALFORMED_ERROR: u32 = 0x1000_0015;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA`.
const INVALID_METADATA: u32 = 0x1000_0018;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC`.
const CRYPTOGRAPHIC: u32 = 0x1100_0001;
/// libzmq's `ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH`.
const MECHANISM_MISMATCH: u32 = 0x1100_0002;

impl ProtocolError {
    /// The value of libzmq's `HANDSHAKE_FAILED_PROTOCOL` monitor event for this error, where
    /// libzmq has one. A time-out is an event of its own, and so is
    /// [`auth_status`](Self::auth_status); a socket type mismatch raises none.
    ///
    /// ```
    /// use ringmq_zmtp::ProtocolError;
    /// let error = ProtocolError::UnexpectedCommand { name: "PING".into() };
    /// assert_eq!(error.code(), Some(0x1000_0001));
    /// ```
    pub fn code(&self) -> Option<u32> {
        match self {
            ProtocolError::UnexpectedCommand { .. } => Some(UNEXPECTED_COMMAND),
            ProtocolError::EmptyCommand
            | ProtocolError::MalformedCommand
            | ProtocolError::MalformedPing { .. }
            | ProtocolError::CommandWithMore
            | ProtocolError::CommandInsideMessage => Some(MALFORMED_COMMAND),
            ProtocolError::MalformedError => Some(MALFORMED_ERROR),
            ProtocolError::InvalidMetadata { .. } | ProtocolError::RoutingIdTooLong { .. } => {
                Some(INVALID_METADATA)
            }
            ProtocolError::UnusableAnswer(fault) => Some(fault.code()),
            ProtocolError::BrokenSeal => Some(CRYPTOGRAPHIC),
            ProtocolError::RepeatedNonce => Some(INVALID_SEQUENCE),
            ProtocolError::KeyExchange => Some(KEY_EXCHANGE),
            ProtocolError::MalformedHandshake { command } => {
                let known = MALFORMED.iter().find(|(name, _)| name == command);
                Some(known.map_or(MALFORMED_COMMAND, |&(_, code)| code))
            }
            ProtocolError::MechanismMismatch { .. } => Some(MECHANISM_MISMATCH),
            ProtocolError::NotZmtp { .. }
            | ProtocolError::NotWebSocket { .. }
            | ProtocolError::WebSocketRefused { .. }
            | ProtocolError::WebSocketFrame { .. }
            | ProtocolError::WebSocketClosed
            | ProtocolError::VersionTooOld { .. }
            | ProtocolError::HandshakeTimeout
            | ProtocolError::PeerError { .. }
            | ProtocolError::Denied { .. }
            | ProtocolError::NoRandomness(_)
            | ProtocolError::IncompatibleSocketType { .. }
            | ProtocolError::FrameTooLarge { .. }
            | ProtocolError::TooManyParts { .. }
            | ProtocolError::MessageTooLarge { .. }
            | ProtocolError::FrameLengthInvalid { .. }
            | ProtocolError::ZeroLengthFrame => None,
        }
    }

    /// The value of libzmq's `HANDSHAKE_FAILED_AUTH` monitor event: the ZAP status with which one end
    /// refused the other.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::ProtocolError;
    /// let refused = |reason: &str| ProtocolError::PeerError { reason: reason.into() };
    /// assert_eq!(refused("400").auth_status(), Some(400));
    /// assert_eq!(refused("go away").auth_status(), None);
    /// ```
    pub fn auth_status(&self) -> Option<u16> {
        match self {
            ProtocolError::PeerError { reason } => match reason.as_str() {
                "300" => Some(300),
                "400" => Some(400),
                "500" => Some(500),
                _ => None,
            },
            ProtocolError::Denied { denial } => Some(denial.status()),
            _ => None,
        }
    }

    /// Whether the peer has done something that it must not do, or one end has refused the other, rather
    /// than nothing at all for too long.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::ProtocolError;
    /// assert!(ProtocolError::BrokenSeal.is_protocol_violation());
    /// assert!(!ProtocolError::HandshakeTimeout.is_protocol_violation());
    /// ```
    pub fn is_protocol_violation(&self) -> bool {
        !matches!(
            self,
            ProtocolError::HandshakeTimeout
                | ProtocolError::WebSocketClosed
                | ProtocolError::NoRandomness(_)
                | ProtocolError::UnusableAnswer(_)
        )
    }
}

/// What a peer speaks that is not ZMTP, as far as two bytes can tell.
fn other_protocol(began: [u8; 2]) -> String {
    let name = match &began {
        // A status line, or the method of a request.
        b"HT" | b"GE" | b"PO" | b"PU" => "HTTP",
        b"SS" => "SSH",
        // Change of cipher, alert, handshake or data, of any version since SSL 3.
        [0x14..=0x17, 3] => "TLS",
        // The status with which these servers greet.
        b"22" => "SMTP or FTP",
        b"AM" => "AMQP",
        b"-E" => "the protocol of Redis",
        [first, second] => {
            return format!(
                "does not speak ZMTP: it began with the bytes {first:02x} {second:02x}"
            );
        }
    };
    format!("speaks {name}, not ZMTP")
}

/// A peer's text, fit for a log: at most `max` bytes, anything but printable ASCII as a dot.
pub(crate) fn quote(text: &[u8], max: usize) -> String {
    let printable = |&byte: &u8| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    };
    text.iter().take(max).map(printable).collect()
}
