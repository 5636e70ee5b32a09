//! Frame headers of every framing there is, read from a stream that may be cut anywhere.
//!
//! The ZMTP 3 header itself is [`ringmq_pipe::frame`]'s; what is added here is the framing of
//! older versions, the rules a header must obey, and a header that arrives in pieces.

use ringmq_pipe::frame;

use crate::limits::FRAME_MAX;
use crate::{ProtocolError, Version};

/// How frames are delimited on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `length flags body`, where length counts the flags byte: ZMTP 1.0.
    V1,
    /// `flags size body`, without commands: ZMTP 2.0.
    V2,
    /// `flags size body`, with commands: ZMTP 3.
    V3,
}

/// The first byte of a ZMTP 1.0 frame whose length follows as eight bytes.
pub(crate) const V1_LONG: u8 = 0xFF;
/// Bytes of a ZMTP 1.0 header with a one-byte length.
const V1_SHORT_HEADER: usize = 2;
/// Bytes of a ZMTP 1.0 header with an eight-byte length: the longest header of all.
const V1_LONG_HEADER: usize = 10;
/// The longest body in the short form. A length of 255 would read as [`V1_LONG`].
pub(crate) const V1_SHORT_BODY: u64 = 253;

/// A frame header that obeys the rules of its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// [`frame::MORE`] and, in ZMTP 3 only, [`frame::COMMAND`].
    pub(crate) flags: u8,
    /// Bytes of the body, at most [`FRAME_MAX`].
    pub(crate) body: u64,
    /// Whether flags were set that mean nothing in this framing.
    pub(crate) reserved: bool,
    /// Whether the length had eight bytes.
    pub(crate) long: bool,
}

impl Framing {
    /// The framing that peers of that version use.
    pub(crate) fn of(version: Version) -> Framing {
        match version {
            Version::V1_0 => Framing::V1,
            Version::V2_0 => Framing::V2,
            Version::V3_0 | Version::V3_1 => Framing::V3,
        }
    }

    /// Bytes of the header that begins with `first`.
    fn header_size(self, first: u8) -> usize {
        match self {
            Framing::V1 if first == V1_LONG => V1_LONG_HEADER,
            // An error, for which there is no need to wait.
            Framing::V1 if first == 0 => 1,
            Framing::V1 => V1_SHORT_HEADER,
            Framing::V2 | Framing::V3 if first & frame::LONG != 0 => frame::LONG_HEADER,
            Framing::V2 | Framing::V3 => frame::SHORT_HEADER,
        }
    }

    /// Reads a header of exactly [`header_size`](Self::header_size) bytes.
    fn decode(self, bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
        let (wire, known, body) = match self {
            Framing::V1 => {
                let (&flags, length) = match bytes.split_last() {
                    Some((flags, [V1_LONG, length @ ..])) => (flags, length),
                    Some(short) => short,
                    None => return Ok(None),
                };
                let length = length.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
                let body = length.checked_sub(1).ok_or(ProtocolError::ZeroLengthFrame)?;
                (flags, frame::MORE, body)
            }
            Framing::V2 | Framing::V3 => {
                let (Some(header), Some(&wire)) = (frame::parse(bytes), bytes.first()) else {
                    return Ok(None);
                };
                let command = if self == Framing::V3 { frame::COMMAND } else { 0 };
                (wire & !frame::LONG, frame::MORE | command, header.body)
            }
        };
        if body > FRAME_MAX {
            return Err(ProtocolError::FrameLengthInvalid { length: body });
        }
        let long = bytes.len() >= frame::LONG_HEADER;
        Ok(Some(Header { flags: wire & known, body, reserved: wire & !known != 0, long }))
    }
}

/// Collects the bytes of one header. Empty between frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderBuffer {
    bytes: [u8; V1_LONG_HEADER],
    have: usize,
}

impl HeaderBuffer {
    /// Whether no byte of a header has been taken yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.have == 0
    }

    /// Takes from `input` what is missing; returns how much that was, and the header once whole.
    pub(crate) fn fill(
        &mut self,
        framing: Framing,
        input: &[u8],
    ) -> Result<(usize, Option<Header>), ProtocolError> {
        let first = match (self.have, input.first()) {
            (0, None) => return Ok((0, None)),
            (0, Some(&first)) => first,
            _ => self.bytes[0],
        };
        let size = framing.header_size(first);
        let taken = input.len().min(size - self.have);
        self.bytes[self.have..][..taken].copy_from_slice(&input[..taken]);
        self.have += taken;
        if self.have < size {
            return Ok((taken, None));
        }
        self.have = 0;
        Ok((taken, framing.decode(&self.bytes[..size])?))
    }
}

/// Appends a ZMTP 1.0 header. `flags` other than MORE do not exist there and are left out.
pub(crate) fn write_v1(out: &mut Vec<u8>, flags: u8, body: u64) {
    if body <= V1_SHORT_BODY {
        out.push(body as u8 + 1);
    } else {
        out.push(V1_LONG);
        out.extend_from_slice(&(body + 1).to_be_bytes());
    }
    out.push(flags & frame::MORE);
}

/// Appends a ZMTP 2 or 3 header.
pub(crate) fn write_v2(out: &mut Vec<u8>, flags: u8, body: u64) {
    if body > frame::SHORT_BODY as u64 {
        out.push(flags | frame::LONG);
        out.extend_from_slice(&body.to_be_bytes());
    } else {
        out.extend_from_slice(&[flags, body as u8]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(framing: Framing, bytes: &[u8]) -> Result<(usize, Option<Header>), ProtocolError> {
        HeaderBuffer::default().fill(framing, bytes)
    }

    #[test]
    fn written_headers_are_read_back_however_they_are_cut() {
        for body in [0, 1, 252, 253, 254, 255, 256, 65_536, FRAME_MAX - 1] {
            for framing in [Framing::V1, Framing::V2, Framing::V3] {
                let mut bytes = Vec::new();
                match framing {
                    Framing::V1 => write_v1(&mut bytes, frame::MORE, body),
                    _ => write_v2(&mut bytes, frame::MORE, body),
                }
                let long = bytes.len() > frame::SHORT_HEADER;
                let expected = Header { flags: frame::MORE, body, reserved: false, long };
                for cut in 0..bytes.len() {
                    let mut buffer = HeaderBuffer::default();
                    assert_eq!(buffer.fill(framing, &bytes[..cut]), Ok((cut, None)));
                    let rest = bytes.len() - cut;
                    assert_eq!(buffer.fill(framing, &bytes[cut..]), Ok((rest, Some(expected))));
                    assert!(buffer.is_empty());
                }
            }
        }
    }

    #[test]
    fn reserved_flags_are_masked_and_reported() {
        let (_, header) = read(Framing::V2, &[0x85, 3]).unwrap();
        assert_eq!(
            header,
            Some(Header { flags: frame::MORE, body: 3, reserved: true, long: false })
        );
        let (_, header) = read(Framing::V3, &[0x04, 3]).unwrap();
        assert_eq!(
            header,
            Some(Header { flags: frame::COMMAND, body: 3, reserved: false, long: false })
        );
        let (_, header) = read(Framing::V1, &[4, 0x7F]).unwrap();
        assert_eq!(
            header,
            Some(Header { flags: frame::MORE, body: 3, reserved: true, long: false })
        );
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert_eq!(read(Framing::V1, &[0, 0]), Err(ProtocolError::ZeroLengthFrame));
        let zero = [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(Framing::V1, &zero), Err(ProtocolError::ZeroLengthFrame));
        let huge = [0x02, 0x80, 0, 0, 0, 0, 0, 0, 0];
        let refused = ProtocolError::FrameLengthInvalid { length: 1 << 63 };
        assert_eq!(read(Framing::V3, &huge), Err(refused));
    }
}
