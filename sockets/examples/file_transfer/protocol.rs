//! Numbers in frames, and a hash to compare files by.

use ringmq::Message;
use std::io::{self, Read};

/// Most bytes of a chunk: what one request may cost the sender.
pub(crate) const LARGEST_CHUNK: u64 = 1 << 20;

/// A number as a frame.
pub(crate) fn to_frame(number: u64) -> Message {
    number.to_be_bytes().into()
}

/// The number that a frame is.
pub(crate) fn from_frame(frame: Option<&Message>) -> Option<u64> {
    frame?[..].try_into().ok().map(u64::from_be_bytes)
}

/// Length and FNV-1a hash of what is read: enough to notice a mistake, not to stop a forger.
pub(crate) fn measure(mut file: impl Read) -> io::Result<(u64, u64)> {
    let (mut length, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((length, hash)),
            read => {
                length += read as u64;
                for byte in &buffer[..read] {
                    hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
                }
            }
        }
    }
}
