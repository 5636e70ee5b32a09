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
//! | WebSocket | its frames, one by one ([`web_socket`](crate::web_socket)) | frame by frame, subscriptions as messages |
//! | of a STREAM | whatever has arrived ([`raw`]) | bodies, without headers |
//!
//! The last three rows are where everything goes whose form on the wire is no version's of ZMTP: a
//! [`FrameReader`](foreign::FrameReader) that turns bytes into whole frames, and a
//! [`FrameWriter`](foreign::FrameWriter) that does the reverse. Such a codec costs the others
//! nothing: it is one more state of a machine that runs of plain frames never enter. What a mechanism
//! has sealed goes inside the frames of a WebSocket, as it goes inside those of ZMTP.

mod decoder;
mod encoder;
mod foreign;
mod legacy;
pub(crate) mod raw;
mod seal;
mod short_frames;
mod stepwise;
mod zmtp3;

pub use decoder::{Decoded, Decoder, Measured, Rest, Sink};
pub use encoder::Encoder;
pub(crate) use foreign::{FrameReader, FrameWriter, WholeFrame};
pub use seal::{Open, Opened, Protection, Seal};
pub use short_frames::{ShortRun, short_frames_from_v1, short_frames_to_v1};

use crate::web_socket::frames::WebSocketWriter;
use crate::{Config, Peer, SocketType};

/// Both directions of a connection whose handshake is done. `wants_all`: the peer subscribes to
/// everything without saying so. `web_socket`: writes the frames of one, which carries the connection.
pub(crate) fn choose(
    config: &Config,
    peer: &Peer,
    protection: Option<Protection>,
    wants_all: bool,
    web_socket: Option<WebSocketWriter>,
) -> (Decoder, Encoder) {
    if let Some(writer) = web_socket {
        return writer.codec(config, protection);
    }
    if let Some(protection) = protection {
        return seal::codec(peer.version, config, protection);
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
