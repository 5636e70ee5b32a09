//! The writing half of a connection: from the content of a frame log to bytes for the peer.
//!
//! A log holds ZMTP 3 frames, subscriptions as SUBSCRIBE and CANCEL commands. That is just what a
//! 3.1 peer reads, so to such a peer whole stretches of the log go out as they are; for older
//! peers every frame is translated.

use ringmq_pipe::frame;

use crate::Version;
use crate::command::{PING, PONG, parse_subscription, write_command};
use crate::header::{Framing, write_v1, write_v2};
use crate::limits::CONTEXT_MAX;

/// Writes for one peer.
///
/// ```
/// use ringmq_zmtp::{Encoder, Version, subscribe_frame};
///
/// let mut old = Encoder::new(Version::V3_0);
/// assert!(!old.is_verbatim());
/// let mut out = Vec::new();
/// old.translate(0x04, b"\x09SUBSCRIBEab", &mut out);
/// assert_eq!(out, b"\0\x03\x01ab");
/// ```
#[derive(Debug)]
pub struct Encoder {
    version: Version,
}

impl Encoder {
    /// Writes for a peer of that version.
    pub fn new(version: Version) -> Self {
        Encoder { version }
    }

    /// Whether the log goes out as it is. Never changes during a connection.
    #[inline]
    pub fn is_verbatim(&self) -> bool {
        self.version >= Version::V3_1
    }

    /// Appends to `out` what stands for a frame of the log with that `flags` byte and that whole
    /// `body`. It may be nothing: a version without commands is not bothered with any.
    pub fn translate(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        if flags & frame::COMMAND != 0 && !self.is_verbatim() {
            if let Some(subscription) = parse_subscription(flags, body) {
                self.translate_header(0, 1 + subscription.topic.len() as u64, out);
                out.push(u8::from(subscription.subscribe));
                out.extend_from_slice(subscription.topic);
                return;
            }
            if !self.has_commands() {
                return;
            }
        }
        self.translate_header(flags, body.len() as u64, out);
        out.extend_from_slice(body);
    }

    /// Appends the header alone of a frame whose body of `body` bytes is sent from elsewhere.
    /// Not for commands, which may have to change as a whole.
    pub fn translate_header(&mut self, flags: u8, body: u64, out: &mut Vec<u8>) {
        match Framing::of(self.version) {
            Framing::V1 => write_v1(out, flags, body),
            Framing::V2 | Framing::V3 => {
                write_v2(out, flags & (frame::MORE | frame::COMMAND), body);
            }
        }
    }

    /// Appends a PING, when a [`Heartbeat`](crate::Heartbeat) says so. Nothing before ZMTP 3.
    pub fn ping(&mut self, ttl: u16, out: &mut Vec<u8>) {
        if self.has_commands() {
            write_command(out, &[PING, &ttl.to_be_bytes()]);
        }
    }

    /// Appends the answer to a PING with that context, of which 16 bytes count. Nothing before
    /// ZMTP 3.
    pub fn pong(&mut self, context: &[u8], out: &mut Vec<u8>) {
        if self.has_commands() {
            write_command(out, &[PONG, &context[..context.len().min(CONTEXT_MAX)]]);
        }
    }

    fn has_commands(&self) -> bool {
        self.version >= Version::V3_0
    }
}
