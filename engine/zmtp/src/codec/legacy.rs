//! What peers older than ZMTP 3.1 get instead of the frames of a log.

use std::borrow::Cow;

use ringmq_pipe::frame;

use crate::Version;
use crate::command::parse_subscription;
use crate::header::{Framing, write_v1, write_v2};

/// The frame that a peer of that version gets for one of the log's. `None` for a command in which
/// it is not interested: a version without commands is not bothered with any.
pub(super) fn translate(version: Version, flags: u8, body: &[u8]) -> Option<(u8, Cow<'_, [u8]>)> {
    if flags & frame::COMMAND != 0 && version < Version::V3_1 {
        if let Some(subscription) = parse_subscription(flags, body) {
            let message = [&[u8::from(subscription.subscribe)], subscription.topic].concat();
            return Some((0, message.into()));
        }
        if version < Version::V3_0 {
            return None;
        }
    }
    Some((flags, body.into()))
}

/// Appends the header of a frame, in the framing of that version.
pub(super) fn write_header(version: Version, flags: u8, body: u64, out: &mut Vec<u8>) {
    match Framing::of(version) {
        Framing::V1 => write_v1(out, flags, body),
        Framing::V2 | Framing::V3 => write_v2(out, flags & (frame::MORE | frame::COMMAND), body),
    }
}
