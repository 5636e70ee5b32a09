//! What follows the handshake: each frame in a MESSAGE command of its own, encrypted.
//!
//! A MESSAGE is its name, the number of its nonce, and a box of a byte of flags and the body. Numbers
//! go up: one that does not is a frame that somebody has sent before.

use super::boxes::{MAC, SharedKey};
use super::message_key::{MessageKey, Name};
use super::{MESSAGE, SHORT_NONCE, malformed};
use crate::codec::{Open, Opened, Seal};
use crate::{Protection, ProtocolError};

/// Where the box begins.
const BOX: usize = MESSAGE.len() + SHORT_NONCE;
/// Where the body begins, after its flags.
const BODY: usize = BOX + MAC + 1;

/// The flags of a frame in the box: `frame::MORE` is the same there.
const MORE: u8 = 1;
const COMMAND: u8 = 2;

pub(super) const OF_CLIENT: &Name = b"CurveZMQMESSAGEC";
pub(super) const OF_SERVER: &Name = b"CurveZMQMESSAGES";

/// Protects both directions with the key of this connection. The last numbers are those of the
/// handshake.
pub(super) fn protection(
    key: std::sync::Arc<SharedKey>,
    (own, last_sent): (&'static Name, u64),
    (peers, last_received): (&'static Name, u64),
) -> Protection {
    Protection {
        seal: Box::new(BoxSealer { key: MessageKey::new(key.clone(), own), last: last_sent }),
        open: Box::new(BoxOpener { key: MessageKey::new(key, peers), last: last_received }),
    }
}

#[derive(Debug)]
struct BoxSealer {
    key: MessageKey,
    last: u64,
}

impl Seal for BoxSealer {
    fn overhead(&self) -> usize {
        BODY
    }

    fn seal(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        // 2^64 frames are more than any connection sees.
        self.last += 1;
        let inner = flags & ringmq_pipe::frame::MORE
            | if flags & ringmq_pipe::frame::COMMAND != 0 { COMMAND } else { 0 };
        out.reserve(BODY + body.len());
        out.extend_from_slice(MESSAGE);
        out.extend_from_slice(&self.last.to_be_bytes());
        self.key.append(self.last, &[&[inner], body], out);
    }
}

#[derive(Debug)]
struct BoxOpener {
    key: MessageKey,
    last: u64,
}

impl Open for BoxOpener {
    fn open(&mut self, mut sealed: Vec<u8>) -> Result<Opened, ProtocolError> {
        let number = sealed
            .strip_prefix(MESSAGE)
            .ok_or_else(|| crate::command::unexpected(&sealed))?
            .first_chunk()
            .map(|number| u64::from_be_bytes(*number))
            .filter(|_| sealed.len() >= BODY)
            .ok_or_else(|| malformed("MESSAGE"))?;
        if number <= self.last {
            return Err(ProtocolError::RepeatedNonce);
        }
        let content = self.key.open(number, &mut sealed[BOX..])?;
        // Only now: a forged one must not keep the real ones out.
        self.last = number;
        let inner = content.first().copied().unwrap_or_default();
        let flags =
            inner & MORE | if inner & COMMAND != 0 { ringmq_pipe::frame::COMMAND } else { 0 };
        Ok(Opened { flags, bytes: sealed, body_at: BODY })
    }
}
