//! Frames that are no part of a run: cut by the end of what has arrived, large, in old framing, or
//! commands. They go byte for byte through a small state machine, which owns no heap memory: a
//! header and the head of a command are all that it ever keeps.

use ringmq_pipe::frame;

use super::decoder::{Decoder, Sink};
use crate::ProtocolError;
use crate::command::{Class, HEAD_MAX, UNFLAGGED_MAX, classify, is_unflagged};
use crate::header::Header;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum DecoderState {
    Header,
    /// The body of a frame that was begun, of which `left` bytes are missing.
    Body {
        flags: u8,
        left: u64,
    },
    /// The head of a command of `body` bytes, as far as it has arrived.
    Head {
        body: u64,
        /// Its size came without a flag, so that it is a subscription or nothing.
        unflagged: bool,
        bytes: [u8; HEAD_MAX],
        have: usize,
    },
    /// A command that is ignored, of which `left` bytes are missing.
    Skip {
        left: u64,
    },
    /// The size of a command, eight bytes without the flag that says so; `have` of them were right.
    Unflagged {
        have: usize,
    },
    /// Frames of a [`ForeignReader`](super::foreign::ForeignReader). The only state of its decoder.
    Foreign,
}

impl Decoder {
    /// Takes the next bytes as what they are part of. Returns how many, at least one, and
    /// whether they complete a message.
    // Apart from the run, whose loop is the tighter for it.
    #[inline(never)]
    pub(super) fn step<S: Sink>(
        &mut self,
        input: &[u8],
        sink: &mut S,
    ) -> Result<(usize, bool), ProtocolError> {
        match self.state {
            DecoderState::Header => {
                let (taken, header) = self.header.fill(self.framing, input)?;
                let ended = match header {
                    Some(header) => self.on_header(header, sink)?,
                    None => false,
                };
                Ok((taken, ended))
            }
            DecoderState::Body { flags, left } => {
                let bytes = up_to(left, input);
                sink.body(bytes);
                Ok((bytes.len(), self.in_body(flags, left - bytes.len() as u64, sink)))
            }
            DecoderState::Head { body, unflagged, mut bytes, mut have } => {
                let missing = body.min(HEAD_MAX as u64) - have as u64;
                let taken = up_to(missing, input);
                bytes[have..][..taken.len()].copy_from_slice(taken);
                have += taken.len();
                if (taken.len() as u64) < missing {
                    self.state = DecoderState::Head { body, unflagged, bytes, have };
                    return Ok((taken.len(), false));
                }
                if unflagged && !is_unflagged(&bytes[..have], body) {
                    return Err(ProtocolError::EmptyCommand);
                }
                Ok((taken.len(), self.on_head(&bytes[..have], body, sink)?))
            }
            DecoderState::Skip { left } => {
                let taken = up_to(left, input).len();
                self.skip(left - taken as u64);
                Ok((taken, false))
            }
            DecoderState::Unflagged { have } => {
                self.on_unflagged(have, input[0])?;
                Ok((1, false))
            }
            DecoderState::Foreign => self.step_foreign(input, sink),
        }
    }

    /// A header is complete. Everything a header can do wrong is found here, before its body.
    fn on_header<S: Sink>(&mut self, header: Header, sink: &mut S) -> Result<bool, ProtocolError> {
        let Header { flags, body, .. } = header;
        if body > self.max_body {
            return Err(ProtocolError::FrameTooLarge { length: body, limit: self.max_body });
        }
        if flags & frame::COMMAND == 0 {
            sink.begin(flags, body);
            return Ok(self.in_body(flags, body, sink));
        }
        if flags & frame::MORE != 0 {
            return Err(ProtocolError::CommandWithMore);
        }
        match body {
            0 if self.subscriber && !header.long => {
                self.state = DecoderState::Unflagged { have: 1 }
            }
            0 => return Err(ProtocolError::EmptyCommand),
            _ => self.await_head(body, false),
        }
        Ok(false)
    }

    fn await_head(&mut self, body: u64, unflagged: bool) {
        self.state = DecoderState::Head { body, unflagged, bytes: [0; HEAD_MAX], have: 0 };
    }

    /// The next byte after an empty command, which means nothing. libzmq 4.3.0 to 4.3.4 decides by
    /// the length of the topic whether to set the flag of a long size, and by that of the command
    /// whether to write one: a SUBSCRIBE to 246 to 255 bytes and a CANCEL of 249 to 255 begin like
    /// this, with the first byte of their size, and are longer than 256 bytes by less than ten.
    ///
    /// To 2.0 and 3.0 peers it writes a topic of 255 bytes in the like of that form, as a message.
    /// There it cannot be told from three empty messages; but nobody who speaks 3.1 is ever sent
    /// it.
    fn on_unflagged(&mut self, have: usize, byte: u8) -> Result<(), ProtocolError> {
        match (have, byte) {
            (1..=5, 0) | (6, 1) => self.state = DecoderState::Unflagged { have: have + 1 },
            (7, low @ 0..=UNFLAGGED_MAX) => {
                let body = 256 + u64::from(low);
                if body > self.max_body {
                    let limit = self.max_body;
                    return Err(ProtocolError::FrameTooLarge { length: body, limit });
                }
                self.await_head(body, true);
            }
            _ => return Err(ProtocolError::EmptyCommand),
        }
        Ok(())
    }

    /// Enough of a command has arrived to tell what it is.
    fn on_head<S: Sink>(
        &mut self,
        head: &[u8],
        body: u64,
        sink: &mut S,
    ) -> Result<bool, ProtocolError> {
        let left = body - head.len() as u64;
        match classify(head, body)? {
            Class::Frame if self.in_message => return Err(ProtocolError::CommandInsideMessage),
            Class::Frame => {
                sink.begin(frame::COMMAND, body);
                sink.body(head);
                return Ok(self.in_body(frame::COMMAND, left, sink));
            }
            Class::Session(command) => sink.command(command),
            Class::Unknown => {}
        }
        self.skip(left);
        Ok(false)
    }

    /// Goes on with the body of the frame begun, of which `left` bytes are missing; returns
    /// whether that was the end of a message.
    pub(super) fn in_body<S: Sink>(&mut self, flags: u8, left: u64, sink: &mut S) -> bool {
        if left > 0 {
            self.state = DecoderState::Body { flags, left };
            return false;
        }
        sink.end();
        self.state = DecoderState::Header;
        self.in_message = flags & frame::MORE != 0;
        !self.in_message
    }

    /// Goes on with a command that is ignored, of which `left` bytes are missing.
    fn skip(&mut self, left: u64) {
        self.state = if left > 0 { DecoderState::Skip { left } } else { DecoderState::Header };
    }
}

/// The first `count` bytes of `input`, or as many as there are.
fn up_to(count: u64, input: &[u8]) -> &[u8] {
    &input[..usize::try_from(count).map_or(input.len(), |count| count.min(input.len()))]
}
