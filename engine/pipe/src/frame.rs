//! The header of a ZMTP 3 frame: the only framing that a frame log ever holds.
//!
//! `flags size body`, where size is one byte, or eight (big-endian) when [`LONG`] is set
//! (RFC 23, section "Framing"). Pure functions over bytes; the meaning of a command is not known here.

/// More frames of the same message follow.
pub const MORE: u8 = 0x01;
/// The size field has eight bytes.
pub const LONG: u8 = 0x02;
/// The frame is a command, not part of a message.
pub const COMMAND: u8 = 0x04;
/// The bits of the flags byte that carry a meaning; the rest is reserved and ignored on receive.
pub const KNOWN: u8 = MORE | LONG | COMMAND;

/// Bytes of a header with a one-byte size.
pub const SHORT_HEADER: usize = 2;
/// Bytes of a header with an eight-byte size: the longest there is.
pub const LONG_HEADER: usize = 9;
/// The longest body that a one-byte size can describe.
pub const SHORT_BODY: usize = 255;

/// A decoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// [`MORE`] and [`COMMAND`] as they were on the wire; [`LONG`] and reserved bits are cleared.
    pub flags: u8,
    /// Bytes of the body. Not checked against anything here: up to `u64::MAX` from a hostile peer.
    pub body: u64,
    /// Bytes of this header: [`SHORT_HEADER`] or [`LONG_HEADER`].
    pub size: usize,
}

/// Reads the header at the start of `bytes`; `None` when more bytes are needed to tell.
#[inline(always)]
pub fn parse(bytes: &[u8]) -> Option<FrameHeader> {
    let &[flags, size, ..] = bytes else {
        return None;
    };
    if flags & LONG == 0 {
        return Some(FrameHeader {
            flags: flags & (MORE | COMMAND),
            body: u64::from(size),
            size: SHORT_HEADER,
        });
    }
    let long: [u8; 8] = bytes.get(1..LONG_HEADER)?.try_into().ok()?;
    Some(FrameHeader {
        flags: flags & (MORE | COMMAND),
        body: u64::from_be_bytes(long),
        size: LONG_HEADER,
    })
}

/// Bytes that the header of a body of `body` bytes takes.
#[inline(always)]
pub const fn header_size(body: usize) -> usize {
    if body > SHORT_BODY { LONG_HEADER } else { SHORT_HEADER }
}

/// Writes the header of a frame into `out` and returns its size.
///
/// `flags` may hold [`MORE`] and [`COMMAND`]; [`LONG`] is set as the size demands.
///
/// # Panics
/// If `out` is shorter than [`header_size`]`(body)`.
#[inline(always)]
pub fn write(out: &mut [u8], flags: u8, body: usize) -> usize {
    if body > SHORT_BODY {
        write_long(out, flags, body)
    } else {
        out[0] = flags;
        out[1] = body as u8;
        SHORT_HEADER
    }
}

/// As [`write()`], with the size in eight bytes however small it is.
///
/// # Panics
/// If `out` is shorter than [`LONG_HEADER`].
#[inline(always)]
pub fn write_long(out: &mut [u8], flags: u8, body: usize) -> usize {
    out[0] = flags | LONG;
    out[1..LONG_HEADER].copy_from_slice(&(body as u64).to_be_bytes());
    LONG_HEADER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_round_trip() {
        for body in [0usize, 1, 254, 255, 256, 65_535, 1 << 40] {
            for flags in [0, MORE, COMMAND] {
                let mut out = [0u8; LONG_HEADER];
                let size = write(&mut out, flags, body);
                assert_eq!(size, header_size(body));
                let header = parse(&out[..size]).expect("complete");
                assert_eq!(header, FrameHeader { flags, body: body as u64, size });
                for cut in 0..size {
                    assert_eq!(parse(&out[..cut]), None, "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn reserved_bits_are_ignored() {
        let header = parse(&[0x81, 3]).expect("complete");
        assert_eq!((header.flags, header.body), (MORE, 3));
    }
}
