//! STREAM: bytes without frames. Whatever has arrived is a message, and bodies are all that is sent.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::foreign::{FrameReader, FrameWriter, WholeFrame};
use crate::{ProtocolError, Version};

/// The longest message that is made of what has arrived, in bytes. libzmq reads so much at a time unless told
/// otherwise, and programs have buffers of that size.
const LONGEST: usize = 8192;

#[derive(Debug)]
struct Raw;

/// Both directions of a connection that speaks no ZMTP.
pub(crate) fn codec() -> (Decoder, Encoder) {
    let version = Version::V3_1;
    (Decoder::foreign(version, Box::new(Raw)), Encoder::foreign(version, Box::new(Raw)))
}

impl FrameReader for Raw {
    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError> {
        let taken = input.len().min(LONGEST);
        let bytes = input[..taken].to_vec();
        Ok((taken, Some(WholeFrame { flags: 0, bytes, body_at: 0 })))
    }

    fn is_midway(&self) -> bool {
        false
    }
}

impl FrameWriter for Raw {
    fn write(&mut self, _: u8, body: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Command, Sink};

    #[derive(Default)]
    struct Bodies(Vec<Vec<u8>>);

    impl Sink for Bodies {
        fn span(&mut self, _: &[u8], _: usize, _: usize) {
            panic!("nothing is taken as it is on the wire");
        }
        fn begin(&mut self, flags: u8, _: u64) {
            assert_eq!(flags, 0);
            self.0.push(Vec::new());
        }
        fn body(&mut self, bytes: &[u8]) {
            self.0.last_mut().unwrap().extend_from_slice(bytes);
        }
        fn end(&mut self) {}
        fn command(&mut self, command: Command<'_>) {
            panic!("{command:?}");
        }
    }

    #[test]
    fn what_arrives_is_a_message_and_what_is_sent_has_no_header() {
        let (mut decoder, mut encoder) = codec();
        let mut bodies = Bodies::default();
        for piece in [b"GET / ".as_slice(), b"HTTP/1.1\r\n", b"\x04\x07\x04PING\0\0"] {
            // Nothing is read without credit, and then all of it.
            assert_eq!(decoder.decode_commands(piece, &mut bodies).unwrap(), 0);
            let decoded = decoder.decode(piece, 1, &mut bodies).unwrap();
            assert_eq!((decoded.consumed, decoded.messages), (piece.len(), 1));
            assert_eq!(bodies.0.pop().unwrap(), piece);
        }
        let mut wire = Vec::new();
        encoder.translate(0, b"200 OK", &mut wire);
        assert_eq!(wire, b"200 OK");
    }

    #[test]
    fn no_message_is_longer_than_programs_have_room_for() {
        let (mut decoder, _) = codec();
        let mut bodies = Bodies::default();
        let decoded = decoder.decode(&[7; 20_000], usize::MAX, &mut bodies).unwrap();
        assert_eq!((decoded.consumed, decoded.messages), (20_000, 3));
        let sizes: Vec<_> = bodies.0.iter().map(Vec::len).collect();
        assert_eq!(sizes, [LONGEST, LONGEST, 20_000 - 2 * LONGEST]);
    }
}
