//! Codecs: what lies between the bytes of a connection and the frames of a log.
//!
//! A log holds ZMTP 3 frames, whatever the peer speaks. A [`Decoder`] and an [`Encoder`], one for
//! each direction, are made together when the handshake ends, and stay what they are:
//!
//! | the connection | read by | written by |
//! |---|---|---|
//! | ZMTP 3.1 | runs of frames as they are ([`zmtp3`]), the rest [`stepwise`] | nobody: the log goes out as it is |
//! | ZMTP 3.0 | as 3.1 | frame by frame: subscriptions become messages ([`legacy`]) |
//! | ZMTP 2.0 | as 3.1, without commands | frame by frame, without commands ([`legacy`]) |
//! | ZMTP 1.0 | all of it [`stepwise`] | frame by frame, in another framing ([`legacy`]) |
//! | sealed by a mechanism | whole frames, each opened ([`foreign`]) | frame by frame, each [sealed](Seal) |
//! | of a STREAM | whatever has arrived ([`raw`]) | bodies, without headers |
//!
//! The last two rows are where everything goes whose form on the wire is no version's of ZMTP: a
//! [`FrameReader`](foreign::FrameReader) that turns bytes into whole frames, and a
//! [`FrameWriter`](foreign::FrameWriter) that does the reverse. Such a codec costs the others
//! nothing: it is one more state of a machine that runs of plain frames never enter. There is room
//! for
//! * WebSocket (ZWS 2.0): a reader and a writer of its frames, whose content is a byte of flags and
//!   a body, with masks from a seed that the writer is made with; what a mechanism has sealed goes
//!   inside, as it goes inside ZMTP frames. The tests of [`foreign`] have one, to be thrown away.

mod decoder;
mod encoder;
mod foreign;
mod legacy;
pub(crate) mod raw;
mod seal;
mod stepwise;
mod zmtp3;

pub use decoder::{Decoded, Decoder, Measured, Rest, Sink};
pub use encoder::Encoder;
pub use seal::{Open, Opened, Protection, Seal};

use crate::{Config, Peer, SocketType};

/// Both directions of a connection whose handshake is done. `wants_all`: the peer subscribes to
/// everything without saying so.
pub(crate) fn choose(
    config: &Config,
    peer: &Peer,
    protection: Option<Protection>,
    wants_all: bool,
) -> (Decoder, Encoder) {
    if let Some(protection) = protection {
        return seal::codec(peer.version, config.max_body, protection);
    }
    let mut decoder = Decoder::new(peer.version, config.max_body, crate::APART);
    if wants_all {
        decoder.subscribe_to_all();
    }
    if !matches!(config.socket_type, SocketType::Pub | SocketType::XPub) {
        decoder.expect_no_subscriptions();
    }
    (decoder, Encoder::new(peer.version))
}
