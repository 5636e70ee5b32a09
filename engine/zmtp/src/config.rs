//! What one end of a connection says about itself and demands of its peer.

use std::time::Duration;

use crate::limits::{PROPERTIES_MAX, ROUTING_ID_MAX, SHORT_STRING_MAX};
use crate::metadata::{self, IDENTITY, SOCKET_TYPE};
use crate::{MechanismConfig, SocketType};

/// How many frames a message may have unless set otherwise.
const MAX_PARTS: u32 = 1_000_000;

/// How long a handshake may take unless set otherwise: libzmq's `ZMQ_HANDSHAKE_IVL`.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings of the connections of a socket; shared by all of them.
///
/// ```
/// use ringmq_zmtp::{Config, SocketType};
/// let mut config = Config::new(SocketType::Dealer);
/// config.set_routing_id(b"alice")?;
/// config.max_body = Some(1 << 20);
/// # Ok::<(), ringmq_zmtp::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The type of the socket at this end.
    pub socket_type: SocketType,
    /// The security mechanism, which the peer must share.
    pub mechanism: MechanismConfig,
    /// Rejects peers that speak a version without mechanisms (1.0, 2.0), even if the mechanism is
    /// NULL: for sockets whose peers have to pass ZAP.
    pub require_mechanism: bool,
    /// Whether an authenticator is asked about peers even if the mechanism is NULL and there is no
    /// [domain](Self::zap_domain).
    pub asks_about_null: bool,
    /// What an authenticator is told of whom the peer wants to talk to. Default empty.
    pub zap_domain: String,
    /// The longest frame body to accept, in bytes; `None` for no limit but the protocol's. The
    /// handshake has a [limit](crate::HANDSHAKE_FRAME_MAX) of its own.
    pub max_body: Option<u64>,
    /// The most frames of one message to accept; `None` for no limit.
    pub max_parts: Option<u32>,
    /// The most bytes that the frame bodies of one message may have together; `None` for no limit.
    pub max_message_bytes: Option<u64>,
    /// How long the handshake may take; `None` for ever.
    pub handshake_timeout: Option<Duration>,
    /// Whether and how to probe the peer; `None` to only answer.
    pub heartbeat: Option<HeartbeatConfig>,
    /// At most [`ROUTING_ID_MAX`] bytes.
    routing_id: Vec<u8>,
    /// Sorted by name, each name once.
    properties: Vec<(String, Vec<u8>)>,
}

/// How often to probe a peer, and when to give up on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatConfig {
    /// From one PING to the next.
    pub interval: Duration,
    /// How long the peer may be silent after a PING; zero to never give up.
    pub timeout: Duration,
    /// How long the peer should wait for our next sign of life; zero to not ask for that. Rounded
    /// down to tenths of a second, at most 65,535 of them.
    pub ttl: Duration,
}

impl HeartbeatConfig {
    /// A PING every `interval`, the same as time-out, no time-to-live: libzmq's defaults.
    pub const fn every(interval: Duration) -> Self {
        HeartbeatConfig { interval, timeout: interval, ttl: Duration::ZERO }
    }
}

/// A setting that cannot be put on the wire. The caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The routing id is longer than [`ROUTING_ID_MAX`].
    #[error("a routing id has at most {ROUTING_ID_MAX} bytes, not {length}")]
    RoutingIdTooLong {
        /// Bytes of the routing id.
        length: usize,
    },
    /// A name or a password is longer than one length byte can tell.
    #[error("a user name and a password have at most 255 bytes each, not {length}")]
    CredentialTooLong {
        /// Bytes of the longer one.
        length: usize,
    },
    /// A host or a path that a request of HTTP cannot hold.
    #[error(
        "{target:?} is no place of a WebSocket: a host, and a path that begins with / and has at most \
         1024 visible ASCII characters, none of them #"
    )]
    WebSocketTarget {
        /// Host and path.
        target: String,
    },
    /// The name of a property does not begin with `X-`, is too long, or holds other characters
    /// than letters, digits and `-_.+`.
    #[error("{name:?} is no property name: X-, then letters, digits and -_.+, 255 in all")]
    PropertyName {
        /// The name.
        name: String,
    },
    /// The properties would be longer than [`PROPERTIES_MAX`].
    #[error(
        "all properties have at most {PROPERTIES_MAX} bytes together, names included and 5 more for \
         each, not {length}"
    )]
    PropertiesTooLong {
        /// Bytes that they would have.
        length: usize,
    },
}

impl Config {
    /// The settings of a `socket_type` socket with libzmq's defaults: mechanism NULL, no routing
    /// id, no limit, 30 seconds for the handshake, no heartbeats.
    pub fn new(socket_type: SocketType) -> Self {
        Config {
            socket_type,
            mechanism: MechanismConfig::Null,
            require_mechanism: false,
            asks_about_null: false,
            zap_domain: String::new(),
            max_body: None,
            max_parts: Some(MAX_PARTS),
            max_message_bytes: None,
            handshake_timeout: Some(HANDSHAKE_TIMEOUT),
            heartbeat: None,
            routing_id: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// The name under which ROUTER peers are to know this end; empty to let them choose.
    pub fn routing_id(&self) -> &[u8] {
        &self.routing_id
    }

    /// Sets [`routing_id`](Self::routing_id).
    ///
    /// # Errors
    /// [`ConfigError::RoutingIdTooLong`] above 255 bytes.
    pub fn set_routing_id(&mut self, id: &[u8]) -> Result<(), ConfigError> {
        if id.len() > ROUTING_ID_MAX {
            return Err(ConfigError::RoutingIdTooLong { length: id.len() });
        }
        self.routing_id = id.to_vec();
        Ok(())
    }

    /// The application's own properties, by name.
    pub fn properties(&self) -> &[(String, Vec<u8>)] {
        &self.properties
    }

    /// Sets a property of the application, which peers of version 3 learn in the handshake.
    ///
    /// # Errors
    /// [`ConfigError::PropertyName`] unless the name is `X-` and 1 to 253 letters, digits or
    /// `-_.+`; [`ConfigError::PropertiesTooLong`] if all of them together do not fit into a handshake.
    pub fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), ConfigError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        if !name.starts_with("X-")
            || !(3..=SHORT_STRING_MAX).contains(&name.len())
            || !name.bytes().all(valid)
        {
            return Err(ConfigError::PropertyName { name: name.to_owned() });
        }
        let others = self.properties.iter().filter(|(known, _)| known != name);
        let others = others.map(|(name, value)| metadata::size(name, value)).sum::<usize>();
        let length = others.saturating_add(metadata::size(name, value));
        if length > PROPERTIES_MAX {
            return Err(ConfigError::PropertiesTooLong { length });
        }
        match self.properties.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(at) => self.properties[at].1 = value.to_vec(),
            Err(at) => self.properties.insert(at, (name.to_owned(), value.to_vec())),
        }
        Ok(())
    }

    /// What this end says about itself, as a mechanism tells it to the peer: metadata in libzmq's
    /// order.
    ///
    /// ```
    /// use ringmq_zmtp::{Config, SocketType};
    /// assert_eq!(Config::new(SocketType::Pub).metadata(), b"\x0bSocket-Type\0\0\0\x03PUB");
    /// ```
    pub fn metadata(&self) -> Vec<u8> {
        let mut out = Vec::new();
        metadata::write(&mut out, SOCKET_TYPE, self.socket_type.name().as_bytes());
        if self.socket_type.announces_routing_id() {
            metadata::write(&mut out, IDENTITY, self.routing_id());
        }
        for (name, value) in self.properties() {
            metadata::write(&mut out, name, value);
        }
        out
    }

    /// Whether an authenticator judges peers of NULL.
    pub(crate) fn judges_null(&self) -> bool {
        self.asks_about_null || !self.zap_domain.is_empty()
    }

    /// Whether peers without mechanisms are to be turned away, which no authenticator judges.
    pub(crate) fn rejects_unauthenticated(&self) -> bool {
        self.require_mechanism
            || !matches!(self.mechanism, MechanismConfig::Null)
            || self.judges_null()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn properties_are_sorted_and_replaced() {
        let mut config = Config::new(SocketType::Dealer);
        config.set_property("X-b", b"1").unwrap();
        config.set_property("X-a", b"2").unwrap();
        config.set_property("X-b", b"3").unwrap();
        let expected = [("X-a".to_owned(), b"2".to_vec()), ("X-b".to_owned(), b"3".to_vec())];
        assert_eq!(config.properties(), expected);
    }

    #[test]
    fn settings_that_no_frame_can_hold_are_refused() {
        let mut config = Config::new(SocketType::Dealer);
        assert!(config.set_routing_id(&[7; 255]).is_ok());
        let too_long = ConfigError::RoutingIdTooLong { length: 256 };
        assert_eq!(config.set_routing_id(&[7; 256]), Err(too_long));
        assert_eq!(config.routing_id().len(), 255);
        let longest = format!("X-{}", "n".repeat(253));
        assert!(config.set_property(&longest, b"").is_ok());
        for name in ["", "X-", "Socket-Type", "x-a", "X-a b", "X-ä", &format!("{longest}n")] {
            let refused = ConfigError::PropertyName { name: name.to_owned() };
            assert_eq!(config.set_property(name, b""), Err(refused));
        }
    }

    #[test]
    fn no_more_properties_are_taken_than_fit_into_a_handshake() {
        let mut config = Config::new(SocketType::Dealer);
        let half = vec![0; PROPERTIES_MAX / 2 - "X-a".len() - 5];
        config.set_property("X-a", &half).unwrap();
        config.set_property("X-b", &half).unwrap();
        let length = PROPERTIES_MAX + 8;
        let refused = Err(ConfigError::PropertiesTooLong { length });
        assert_eq!(config.set_property("X-c", b""), refused);
        // What it takes the place of does not count.
        config.set_property("X-b", b"").unwrap();
        config.set_property("X-b", &half).unwrap();
        assert!(config.set_property("X-b", &vec![0; 1 << 20]).is_err());
        assert_eq!(config.properties()[1].1.len(), half.len(), "it stays as it was");
    }
}
