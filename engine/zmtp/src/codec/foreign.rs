//! Connections whose frames have another form on the wire than any version of ZMTP gives them.
//!
//! Frames are taken off the wire whole, one by one, and delivered as if they had come in pieces.
//! What a frame is for can be told only when it is read, and it can be read only once: a seal may
//! count how often. So a frame that turns out to need credit when there is none waits here, while
//! its last bytes stay with the caller as if nobody had looked at them.

use std::fmt::Debug;

use ringmq_pipe::frame;

use super::decoder::{Decoder, Sink};
use crate::ProtocolError;
use crate::command::{Class, HEAD_MAX, classify};

/// A frame as the log has it.
#[derive(Debug)]
pub(super) struct WholeFrame {
    /// `frame::MORE`, `frame::COMMAND` or none.
    pub(super) flags: u8,
    /// What ends with its body.
    pub(super) bytes: Vec<u8>,
    pub(super) body_at: usize,
}

impl WholeFrame {
    fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }
}

/// Takes frames off the wire.
pub(super) trait FrameReader: Debug + Send {
    /// Takes bytes from `input`, at least one and none beyond the frame; returns how many, and the
    /// frame once it is whole.
    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError>;

    /// Whether bytes of a frame are kept that is not whole.
    fn is_midway(&self) -> bool;
}

/// Puts frames on the wire.
pub(super) trait FrameWriter: Debug + Send {
    /// Appends to `out` what stands for a frame of the log on the wire.
    fn write(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>);
}

/// The frames of a peer, in order.
#[derive(Debug)]
pub(super) struct ForeignReader {
    frames: Box<dyn FrameReader>,
    /// A frame for which there was no credit, and how many bytes of input it is worth.
    waiting: Option<(WholeFrame, usize)>,
}

impl ForeignReader {
    pub(super) fn new(frames: Box<dyn FrameReader>) -> Self {
        ForeignReader { frames, waiting: None }
    }

    pub(super) fn is_midway(&self) -> bool {
        self.waiting.is_some() || self.frames.is_midway()
    }

    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError> {
        match self.waiting.take() {
            Some((frame, bytes)) => Ok((bytes, Some(frame))),
            None => self.frames.read(input),
        }
    }
}

impl Decoder {
    /// As [`step`](Self::step).
    pub(super) fn step_foreign<S: Sink>(
        &mut self,
        input: &[u8],
        sink: &mut S,
    ) -> Result<(usize, bool), ProtocolError> {
        // Always there in this state.
        let Some(foreign) = &mut self.foreign else { return Ok((input.len(), false)) };
        let (taken, frame) = foreign.read(input)?;
        match frame {
            Some(frame) => Ok((taken, self.deliver(frame, sink)?)),
            None => Ok((taken, false)),
        }
    }

    /// As [`decode_commands`](Self::decode_commands). Bytes of a frame that is not whole are taken
    /// as well: it may be a command.
    pub(super) fn foreign_commands<S: Sink>(
        &mut self,
        input: &[u8],
        sink: &mut S,
    ) -> Result<usize, ProtocolError> {
        let mut consumed = 0;
        while consumed < input.len()
            && let Some(foreign) = &mut self.foreign
        {
            let (taken, frame) = foreign.read(&input[consumed..])?;
            match frame {
                Some(frame) if needs_credit(&frame) => {
                    foreign.waiting = Some((frame, taken));
                    break;
                }
                Some(frame) => {
                    self.deliver(frame, sink)?;
                }
                None => {}
            }
            consumed += taken;
        }
        Ok(consumed)
    }

    /// Hands a whole frame over; returns whether that was the end of a message.
    fn deliver<S: Sink>(&mut self, frame: WholeFrame, sink: &mut S) -> Result<bool, ProtocolError> {
        let flags = frame.flags & (frame::MORE | frame::COMMAND);
        if flags & frame::COMMAND != 0 {
            if flags & frame::MORE != 0 {
                return Err(ProtocolError::CommandWithMore);
            }
            match class(&frame)? {
                Class::Frame if self.in_message => return Err(ProtocolError::CommandInsideMessage),
                Class::Frame => {}
                Class::Session(command) => {
                    sink.command(command);
                    return Ok(false);
                }
                Class::Unknown => return Ok(false),
            }
        }
        sink.whole(flags, frame.bytes, frame.body_at);
        self.in_message = flags & frame::MORE != 0;
        Ok(!self.in_message)
    }
}

fn class(frame: &WholeFrame) -> Result<Class<'_>, ProtocolError> {
    let body = frame.body();
    classify(&body[..body.len().min(HEAD_MAX)], body.len() as u64)
}

/// Whether a frame is for the log. What is wrong with one is found when there is credit.
fn needs_credit(frame: &WholeFrame) -> bool {
    frame.flags & frame::COMMAND == 0
        || !matches!(class(frame), Ok(Class::Session(_) | Class::Unknown))
}

#[cfg(test)]
mod tests {
    //! Codecs to be thrown away, which show that there is room for real ones.
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Command, Encoder, Version};

    /// What is delivered, frame by frame; a command for the session as its name.
    #[derive(Default)]
    struct Delivered(Vec<(u8, Vec<u8>)>);

    impl Sink for Delivered {
        fn span(&mut self, _: &[u8], _: usize, _: usize) {
            panic!("nothing is taken as it is on the wire");
        }
        fn begin(&mut self, flags: u8, _: u64) {
            self.0.push((flags, Vec::new()));
        }
        fn body(&mut self, bytes: &[u8]) {
            self.0.last_mut().unwrap().1.extend_from_slice(bytes);
        }
        fn end(&mut self) {}
        fn command(&mut self, command: Command<'_>) {
            self.0.push((frame::COMMAND, format!("{command:?}").into_bytes()));
        }
    }

    /// WebSocket, as far as frames of up to 125 bytes go: `82 80|length mask(4)`, and masked a byte
    /// of flags, in which 2 is a command, and the body.
    #[derive(Debug, Default)]
    struct WebSocket(Vec<u8>);

    const HEADER: usize = 6;

    fn mask(header: &[u8], content: &[u8]) -> Vec<u8> {
        content.iter().zip(header[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
    }

    impl FrameReader for WebSocket {
        fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError> {
            for (at, byte) in input.iter().enumerate() {
                self.0.push(*byte);
                if self.0.len() > HEADER && self.0.len() == HEADER + usize::from(self.0[1] & 0x7f) {
                    let (header, content) = self.0.split_at(HEADER);
                    let mut content = mask(header, content);
                    let flags = content.remove(0);
                    self.0.clear();
                    let flags = flags & frame::MORE | (flags & 2) << 1;
                    return Ok((at + 1, Some(WholeFrame { flags, bytes: content, body_at: 0 })));
                }
            }
            Ok((input.len(), None))
        }

        fn is_midway(&self) -> bool {
            !self.0.is_empty()
        }
    }

    impl FrameWriter for WebSocket {
        fn write(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
            let header = [0x82, 0x80 | (body.len() as u8 + 1), 1, 2, 3, 4];
            let flags = flags & frame::MORE | (flags & frame::COMMAND) >> 1;
            out.extend_from_slice(&header);
            out.extend_from_slice(&mask(&header, &[&[flags], body].concat()));
        }
    }

    #[test]
    fn frames_of_another_protocol_have_room() {
        let mut encoder = Encoder::foreign(Version::V3_1, Box::new(WebSocket::default()));
        let mut wire = Vec::new();
        encoder.translate(frame::MORE, b"first", &mut wire);
        encoder.translate(0, b"", &mut wire);
        encoder.pong(b"x", &mut wire);
        encoder.translate(frame::COMMAND, b"\x09SUBSCRIBEa", &mut wire);
        let expected = [
            (frame::MORE, b"first".to_vec()),
            (0, Vec::new()),
            (frame::COMMAND, b"Pong { context: [120] }".to_vec()),
            (frame::COMMAND, b"\x09SUBSCRIBEa".to_vec()),
        ];
        for cut in 0..=wire.len() {
            let mut decoder = Decoder::foreign(Version::V3_1, Box::new(WebSocket::default()));
            let mut delivered = Delivered::default();
            let mut messages = 0;
            for piece in [&wire[..cut], &wire[cut..]] {
                let decoded = decoder.decode(piece, usize::MAX, &mut delivered).unwrap();
                assert_eq!(decoded.consumed, piece.len());
                messages += decoded.messages;
            }
            assert_eq!((messages, delivered.0.as_slice()), (2, expected.as_slice()));
        }
    }
}
