//! ZMTP, the wire protocol of ZeroMQ, without any I/O: bytes in, bytes and events out.
//!
//! Versions 3.1, 3.0, 2.0 and 1.0 (RFC 37, 23, 15 and 13), with the habits of libzmq where a
//! specification is silent. Nothing here opens a socket, starts a thread, reads a clock or makes
//! random bytes; time and randomness come in as arguments. Nothing here panics on, or allocates by,
//! what a peer sends.
//!
//! A connection begins as a [`Handshake`]. When that is done it falls apart into [`Established`]: a
//! [`Decoder`] for the reading half, an [`Encoder`] for the writing half, both chosen by what the
//! handshake has found, and a [`Heartbeat`]. These are separate values because two threads may
//! drive the two halves.
//!
//! ```
//! use ringmq_zmtp::{Config, Handshake, SocketType, Version};
//! use std::{sync::Arc, time::Instant};
//!
//! let now = Instant::now();
//! // NULL needs no random bytes. Others are given those of the system here.
//! let random = &mut |_: &mut [u8]| Ok(());
//! let mut push = Handshake::new(Arc::new(Config::new(SocketType::Push)), now);
//! let mut pull = Handshake::new(Arc::new(Config::new(SocketType::Pull)), now);
//!
//! // The "network": whatever one end puts out is what the other end takes in.
//! while !(push.is_done() && pull.is_done()) {
//!     let mut wire = Vec::new();
//!     push.take_output(&mut wire);
//!     pull.input(now, random, &wire)?;
//!     wire.clear();
//!     pull.take_output(&mut wire);
//!     push.input(now, random, &wire)?;
//! }
//! let established = push.established().expect("both ends are done");
//! assert_eq!(established.peer.version, Version::V3_1);
//! assert_eq!(established.peer.socket_type, Some(SocketType::Pull));
//! # Ok::<(), ringmq_zmtp::ProtocolError>(())
//! ```
#![forbid(unsafe_code)]

mod body_collector;
mod codec;
mod command;
mod config;
mod error;
mod frame_collector;
mod greeting;
mod handshake;
mod header;
mod heartbeat;
mod limits;
mod line;
mod mechanism;
mod metadata;
mod socket_type;
mod version;
mod web_socket;
mod z85;

pub use codec::{
    Decoded, Decoder, Encoder, Measured, Open, Opened, Protection, Rest, Seal, ShortRun, Sink,
    short_frames_from_v1, short_frames_to_v1,
};
pub use command::{
    Command, Subscription, cancel_frame, error_frame, join_frame, leave_frame, parse_membership,
    parse_subscription, subscribe_frame,
};
pub use config::{Config, ConfigError, HeartbeatConfig};
pub use error::ProtocolError;
pub use handshake::{Established, Handshake, Peer};
pub use heartbeat::{Action, Heartbeat};
pub use limits::{
    APART, CONTEXT_MAX, HANDSHAKE_FRAME_MAX, LONGEST_CONTEXT, PROPERTIES_MAX, ROUTING_ID_MAX, TRUST,
};
pub use line::Line;
pub use mechanism::{
    Agreed, AuthAnswer, AuthRequest, Credentials, Denial, Mechanism, MechanismConfig,
    MechanismFactory, NoRandomness, PlainClient, PlainServer, Random, ZapFault,
};
#[cfg(feature = "curve")]
pub use mechanism::{
    CurveClient, CurveKeyPair, CurvePublicKey, CurveSecretKey, CurveServer, KeyError,
};
pub use socket_type::SocketType;
pub use version::Version;
pub use web_socket::{Carrier, WebSocketTarget};
pub use z85::{Z85Error, z85_decode, z85_encode};
