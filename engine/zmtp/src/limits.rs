//! Every bound of this crate in one place, each with its reason.

/// The longest routing id, in bytes: one length byte describes it in ZMTP 1.0 and in RFC 23.
pub const ROUTING_ID_MAX: usize = 255;

/// The longest frame accepted during a handshake, in bytes. A READY holds a few short properties,
/// a CURVE INITIATE a little more; an unauthenticated peer must not make us hold megabytes.
pub const HANDSHAKE_FRAME_MAX: u64 = 64 * 1024;

/// The properties of an application together, in bytes on the wire: as many as fit into a frame that
/// [a handshake takes](HANDSHAKE_FRAME_MAX), with 4 KiB left for what else is in there.
pub const PROPERTIES_MAX: usize = 60 * 1024;
const _: () = assert!(PROPERTIES_MAX as u64 + 4 * 1024 <= HANDSHAKE_FRAME_MAX);

/// Frame bodies of this many bytes or more are handed over in pieces, never inside a span: they are too
/// large for a block of the log.
pub const APART: usize = ringmq_pipe::APART;

/// Bytes that are set aside at once for a large body of an established connection, of whose length only the peer
/// knows; more follow as bytes really arrive.
pub const TRUST: usize = 256 * 1024;

/// The longest context of a PING, in bytes (RFC 37). What a peer sends beyond that is not echoed.
pub const CONTEXT_MAX: usize = 16;

/// The longest content of a PING on a WebSocket, in bytes (RFC 6455, section 5.5), which is repeated in whole.
pub const LONGEST_CONTEXT: usize = 125;

/// The longest frame body there is (RFC 23: the top bit of the size must be zero).
pub(crate) const FRAME_MAX: u64 = i64::MAX as u64;

/// The longest name or reason in bytes that one length byte can describe.
pub(crate) const SHORT_STRING_MAX: usize = 255;

/// The longest value of a metadata property that a peer may send, in bytes (RFC 23).
pub(crate) const PROPERTY_VALUE_MAX: usize = i32::MAX as usize;

/// How many bytes of a peer's text (a command name, a mechanism) an error quotes.
pub(crate) const QUOTE_MAX: usize = 32;
