//! Codecs: what lies between the bytes of a connection and the frames of a log.
//!
//! Most of what arrives is whole, small ZMTP 3 frames, one after the other. Such a run is only
//! looked through and then handed over as it is ([`zmtp3`]). All else goes byte for byte through a small
//! state machine ([`stepwise`]).

mod decoder;
mod encoder;
mod stepwise;
mod zmtp3;

pub use decoder::{Decoded, Decoder, Measured, Rest, Sink};
pub use encoder::Encoder;
