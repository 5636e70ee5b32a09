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
use crate::command::{Class, LONGEST_HEAD, PING, PONG, classify};
use crate::limits::CONTEXT_MAX;

/// A frame as the log has it.
#[derive(Debug)]
pub(crate) struct WholeFrame {
    /// `frame::MORE`, `frame::COMMAND` or none.
    pub(crate) flags: u8,
    /// What ends with its body.
    pub(crate) bytes: Vec<u8>,
    pub(crate) body_at: usize,
}

impl WholeFrame {
    /// Whether it is a sign of life.
    pub(crate) fn is_beat(&self) -> bool {
        let body = self.body();
        self.flags & frame::COMMAND != 0 && (body.starts_with(PING) || body.starts_with(PONG))
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }
}

/// Takes frames off the wire.
pub(crate) trait FrameReader: Debug + Send {
    /// Takes bytes from `input`, at least one and none beyond the frame; returns how many, and the
    /// frame once it is whole.
    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError>;

    /// Whether bytes of a frame are kept that is not whole.
    fn is_midway(&self) -> bool;
}

/// Puts frames on the wire.
pub(crate) trait FrameWriter: Debug + Send {
    /// Appends to `out` what stands for a frame of the log on the wire.
    fn write(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>);

    /// Appends a PING.
    fn ping(&mut self, ttl: u16, out: &mut Vec<u8>) {
        self.write(frame::COMMAND, &[PING, &ttl.to_be_bytes()].concat(), out);
    }

    /// Appends a PONG with that context, as much of it as there is room for.
    fn pong(&mut self, context: &[u8], out: &mut Vec<u8>) {
        let context = &context[..context.len().min(CONTEXT_MAX)];
        self.write(frame::COMMAND, &[PONG, context].concat(), out);
    }

    /// Appends what says that nothing more comes, where there are words for that.
    fn close(&mut self, _out: &mut Vec<u8>) {}
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
    classify(&body[..body.len().min(LONGEST_HEAD)], body.len() as u64)
}

/// Whether a frame is for the log. What is wrong with one is found when there is credit.
fn needs_credit(frame: &WholeFrame) -> bool {
    frame.flags & frame::COMMAND == 0
        || !matches!(class(frame), Ok(Class::Session(_) | Class::Unknown))
}
