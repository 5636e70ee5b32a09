//! Frames under a mechanism's protection: each goes out as the body of a frame of its own.
//!
//! The outer frame is a ZMTP 3 frame without flags, although what is in it usually has the form of
//! a command: libzmq drops what comes with the COMMAND flag, and adds the outer MORE to the inner
//! one.

use std::fmt::Debug;

use super::foreign::{FrameReader, FrameWriter, WholeFrame};
use super::{Decoder, Encoder};
use crate::frame_collector::FrameCollector;
use crate::header::{Framing, write_v2};
use crate::limits::{FRAME_MAX, TRUST};
use crate::{Config, ProtocolError, Version};

/// Seals what goes out after the handshake, frame by frame, in the order in which it goes out:
/// messages, subscriptions and heartbeats alike. What it shows of itself as [`Debug`] holds no
/// keys.
pub trait Seal: Debug + Send {
    /// By how many bytes the body of the outer frame is longer than the frame's own, always.
    fn overhead(&self) -> usize;

    /// Appends to `out` what is sent instead of a frame with these `flags` (`frame::MORE`,
    /// `frame::COMMAND` or none) and this `body`: the body of the outer frame. How it says what the
    /// flags were is the mechanism's own affair.
    fn seal(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>);
}

/// Opens what the peer has sealed, frame by frame, in the order in which it arrives. As [`Debug`]
/// it shows no keys either.
pub trait Open: Debug + Send {
    /// Takes the body of an outer frame, and returns the frame in it.
    ///
    /// # Errors
    /// [`ProtocolError::BrokenSeal`], or whatever else it finds wrong: the connection is closed.
    fn open(&mut self, sealed: Vec<u8>) -> Result<Opened, ProtocolError>;
}

/// A frame that was sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// `frame::MORE`, `frame::COMMAND` or none.
    pub flags: u8,
    /// What ends with its body: the memory in which it came.
    pub bytes: Vec<u8>,
    /// Where in there the body begins, at most at the end.
    pub body_at: usize,
}

/// Without the bytes, which were sealed for a reason.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// How the two directions of a connection are protected after the handshake.
#[derive(Debug)]
pub struct Protection {
    /// For what goes out.
    pub seal: Box<dyn Seal>,
    /// For what comes in.
    pub open: Box<dyn Open>,
}

/// The codec of a protected connection. `max_body` of the settings counts with all that the seal adds, as in
/// libzmq.
pub(super) fn codec(
    version: Version,
    config: &Config,
    protection: Protection,
) -> (Decoder, Encoder) {
    let limit = config.max_body.unwrap_or(FRAME_MAX).min(FRAME_MAX);
    let outer = FrameCollector::new(Framing::V3, limit, TRUST)
        .within_message(config.max_message_bytes, protection.seal.overhead());
    let reader = Opener { outer, open: protection.open };
    let writer = Sealer { seal: protection.seal };
    (Decoder::foreign(version, Box::new(reader)), Encoder::foreign(version, Box::new(writer)))
}

#[derive(Debug)]
struct Opener {
    outer: FrameCollector,
    open: Box<dyn Open>,
}

impl FrameReader for Opener {
    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError> {
        let taken = self.outer.fill(input)?;
        if !self.outer.is_whole() {
            return Ok((taken, None));
        }
        let Opened { flags, bytes, body_at } = self.open.open(self.outer.take())?;
        Ok((taken, Some(WholeFrame { flags, bytes, body_at })))
    }

    fn is_midway(&self) -> bool {
        self.outer.is_begun()
    }
}

#[derive(Debug)]
struct Sealer {
    seal: Box<dyn Seal>,
}

impl FrameWriter for Sealer {
    fn write(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        write_v2(out, 0, (self.seal.overhead() + body.len()) as u64);
        self.seal.seal(flags, body, out);
    }
}
