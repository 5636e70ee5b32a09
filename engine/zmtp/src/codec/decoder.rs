//! The reading half of a connection: from bytes of the peer to frames for a log.

use ringmq_pipe::frame;

use super::foreign::{ForeignReader, FrameReader};
use super::stepwise::DecoderState;
use super::zmtp3::is_plain;
use crate::command::Command;
use crate::header::{Framing, HeaderBuffer};
use crate::limits::FRAME_MAX;
use crate::{ProtocolError, Version};

/// What a [`Decoder`] delivers to, in the order of the wire.
pub trait Sink {
    /// One or more whole ZMTP 3 frames, as they can be stored; all bodies are shorter than the
    /// limit that the decoder was made with. `messages` of them end a message (or are commands);
    /// the last `tail` bytes belong to a message that goes on.
    fn span(&mut self, frames: &[u8], messages: usize, tail: usize);

    /// A single frame begins, with a body of `body` bytes. `flags` are MORE or COMMAND or none.
    fn begin(&mut self, flags: u8, body: u64);

    /// The next bytes of the frame begun last. Not called for an empty body.
    fn body(&mut self, bytes: &[u8]);

    /// The frame begun last is complete.
    fn end(&mut self);

    /// A whole frame that came in memory of its own, of which the body is what begins at `body_at`. Unless a sink
    /// has a use for the memory, it is the same as [`begin`](Self::begin), [`body`](Self::body) and
    /// [`end`](Self::end).
    fn whole(&mut self, flags: u8, bytes: Vec<u8>, body_at: usize) {
        let body = bytes.get(body_at..).unwrap_or_default();
        self.begin(flags, body.len() as u64);
        if !body.is_empty() {
            self.body(body);
        }
        self.end();
    }

    /// A command for the session. It may come between frames of a message, but not within one.
    fn command(&mut self, command: Command<'_>);
}

/// How far [`Decoder::decode`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are dealt with.
    pub consumed: usize,
    /// Messages that were completed, counting SUBSCRIBE, CANCEL, JOIN and LEAVE as one each.
    pub messages: usize,
}

/// Reads what one peer sends after the handshake.
///
/// ```
/// use ringmq_zmtp::{APART, Command, Decoder, Sink, Version};
///
/// #[derive(Default)]
/// struct Log(Vec<u8>);
/// impl Sink for Log {
///     fn span(&mut self, frames: &[u8], _messages: usize, _tail: usize) {
///         self.0.extend_from_slice(frames);
///     }
///     fn begin(&mut self, flags: u8, body: u64) {
///         self.0.extend_from_slice(&[flags, body as u8]); // Short ones only, in this example.
///     }
///     fn body(&mut self, bytes: &[u8]) {
///         self.0.extend_from_slice(bytes);
///     }
///     fn end(&mut self) {}
///     fn command(&mut self, _command: Command<'_>) {}
/// }
///
/// let mut log = Log::default();
/// let mut decoder = Decoder::new(Version::V3_1, None, APART);
/// let stream = b"\x01\x00\x00\x05Hello\x00\x05Wo";
/// let decoded = decoder.decode(stream, usize::MAX, &mut log)?;
/// assert_eq!((decoded.consumed, decoded.messages), (stream.len(), 1));
/// assert_eq!(decoder.decode(b"rld", usize::MAX, &mut log)?.messages, 1);
/// assert_eq!(log.0, b"\x01\x00\x00\x05Hello\x00\x05World");
/// # Ok::<(), ringmq_zmtp::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    pub(super) framing: Framing,
    /// The longest body that the peer may send, in bytes.
    pub(super) max_body: u64,
    /// The longest body that may be part of a span, in bytes; at most `max_body`.
    pub(super) max_span_body: u64,
    /// Whether a subscription to everything is still to be delivered for the peer.
    pub(super) implicit_subscribe_all: bool,
    /// Whether the peer may subscribe to something.
    pub(super) subscriber: bool,
    /// Whether the last frame of a message is still to come.
    pub(super) in_message: bool,
    /// The header that is being read, if `state` says so.
    pub(super) header: HeaderBuffer,
    pub(super) state: DecoderState,
    /// Where frames come from whose form on the wire is no version's of ZMTP: then `state` says so
    /// for ever.
    pub(super) foreign: Option<Box<ForeignReader>>,
}

/// What [`Decoder::measure`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Frames that can be stored as they are.
    pub run: Decoded,
    /// Bytes at the end of those that belong to a message that goes on.
    pub tail: usize,
    /// What comes after them.
    pub rest: Rest,
}

/// What comes after a run of whole frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing, or nothing that the credit allows.
    Nothing,
    /// The beginning of a frame that is to be stored as it is, and that takes `whole` bytes or
    /// more.
    Partial {
        /// Bytes of the frame, as far as that can be told.
        whole: usize,
    },
    /// Something else: a command, a long body, a mistake.
    Other,
}

/// What stands in for the subscription that a 2.x subscriber never sends.
const SUBSCRIBE_TO_ALL: &[u8] = b"\x04\x0A\x09SUBSCRIBE";

impl Decoder {
    /// Reads from a peer of that version. `max_body` is the longest frame body to accept;
    /// `apart` is from which length on a body is never part of a span.
    pub fn new(version: Version, max_body: Option<u64>, apart: usize) -> Self {
        let max_body = max_body.unwrap_or(FRAME_MAX).min(FRAME_MAX);
        Decoder {
            framing: Framing::of(version),
            max_body,
            max_span_body: max_body.min(apart.saturating_sub(1) as u64),
            implicit_subscribe_all: false,
            subscriber: true,
            in_message: false,
            header: HeaderBuffer::default(),
            state: DecoderState::Header,
            foreign: None,
        }
    }

    /// Reads what `frames` makes of the bytes of a peer of that version.
    pub(crate) fn foreign(version: Version, frames: Box<dyn FrameReader>) -> Self {
        let mut decoder = Decoder::new(version, None, 0);
        decoder.state = DecoderState::Foreign;
        decoder.foreign = Some(Box::new(ForeignReader::new(frames)));
        decoder
    }

    /// Delivers a subscription to everything first, on behalf of a peer that cannot send one.
    pub(crate) fn subscribe_to_all(&mut self) {
        self.implicit_subscribe_all = true;
    }

    /// Has no patience with what only a subscriber may say.
    pub(crate) fn expect_no_subscriptions(&mut self) {
        self.subscriber = false;
    }

    /// Delivers what has arrived to `sink`, but not more than `credit` whole messages; stops right
    /// after the last of them, and takes nothing at all if `credit` is zero. Otherwise all of
    /// `input` is consumed, and what is incomplete goes on with the next call.
    ///
    /// Call it once with empty input right after the handshake: there are peers on whose behalf
    /// something is delivered though they never send anything.
    ///
    /// # Errors
    /// What the peer did wrong. What came before that has been delivered; the connection is to be
    /// closed, for nothing of what follows makes sense.
    pub fn decode<S: Sink>(
        &mut self,
        input: &[u8],
        credit: usize,
        sink: &mut S,
    ) -> Result<Decoded, ProtocolError> {
        let mut done = Decoded::default();
        if self.implicit_subscribe_all && credit > 0 {
            self.implicit_subscribe_all = false;
            done.messages = 1;
            sink.span(SUBSCRIBE_TO_ALL, 1, 0);
        }
        while done.messages < credit && done.consumed < input.len() {
            let rest = &input[done.consumed..];
            let (run, tail) = self.run(rest, credit - done.messages);
            if run.consumed > 0 {
                sink.span(&rest[..run.consumed], run.messages, tail);
                done.consumed += run.consumed;
                done.messages += run.messages;
                continue;
            }
            let commands = self.session_commands(rest, sink);
            done.consumed += commands;
            if commands == 0 {
                let (taken, ended) = self.step(rest, sink)?;
                done.consumed += taken;
                done.messages += usize::from(ended);
            }
        }
        Ok(done)
    }

    /// Delivers the whole commands for the session at the start of `input`, for which nobody needs credit:
    /// a peer whose messages have filled the pipe to the last may ask for a sign of life behind them.
    /// Returns how many bytes are dealt with by that.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_commands<S: Sink>(
        &mut self,
        input: &[u8],
        sink: &mut S,
    ) -> Result<usize, ProtocolError> {
        if self.foreign.is_some() {
            return self.foreign_commands(input, sink);
        }
        Ok(self.session_commands(input, sink))
    }

    /// Measures what is at the start of `input` that can be stored as it is, without delivering it, for
    /// bytes that are in their place already. What is not to be stored so goes through
    /// [`decode`](Self::decode). Takes nothing for a peer whose frames have to be changed.
    pub fn measure(&mut self, input: &[u8], credit: usize) -> Measured {
        if !self.is_between_frames() {
            return Measured { run: Decoded::default(), tail: 0, rest: Rest::Other };
        }
        let (run, tail) = self.run(input, credit);
        let rest = &input[run.consumed..];
        let rest = match frame::parse(rest) {
            _ if rest.is_empty() || run.messages == credit => Rest::Nothing,
            None if rest[0] & !(frame::MORE | frame::LONG) == 0 => {
                Rest::Partial { whole: frame::LONG_HEADER }
            }
            Some(header) if header.body <= self.max_span_body && is_plain(rest[0], &header) => {
                Rest::Partial { whole: header.size + header.body as usize }
            }
            _ => Rest::Other,
        };
        Measured { run, tail, rest }
    }

    /// Whether the next byte is the first of a frame that might be [measured](Self::measure).
    pub fn is_between_frames(&self) -> bool {
        matches!(self.state, DecoderState::Header)
            && self.header.is_empty()
            && self.framing != Framing::V1
            && !self.implicit_subscribe_all
    }

    /// Whether a message has begun and not ended, or a frame that may belong to one.
    pub fn is_midway(&self) -> bool {
        let in_frame = match &self.foreign {
            Some(foreign) => foreign.is_midway(),
            None => !matches!(self.state, DecoderState::Header) || !self.header.is_empty(),
        };
        in_frame || self.in_message
    }

    /// Whether frames are kept in here until they are whole, rather than delivered as they come.
    pub fn collects_frames(&self) -> bool {
        self.foreign.is_some()
    }

    /// How many bytes are missing of the body that is being delivered.
    pub fn missing(&self) -> u64 {
        match self.state {
            DecoderState::Body { left, .. } => left,
            _ => 0,
        }
    }

    /// As if [`decode`](Self::decode) had delivered `bytes` more of the body that is being
    /// delivered, for bytes that are in their place already; returns whether that was the end of a
    /// message.
    ///
    /// # Panics
    /// If so many are not missing.
    pub fn delivered<S: Sink>(&mut self, bytes: u64, sink: &mut S) -> bool {
        let DecoderState::Body { flags, left } = self.state else {
            panic!("no body is being delivered")
        };
        assert!(bytes <= left, "no more than is missing");
        self.in_body(flags, left - bytes, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something without heap memory.
    fn plain<T: Copy>(_: T) {}

    #[test]
    fn no_version_of_zmtp_needs_heap_memory_to_be_read() {
        for version in [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1] {
            let decoder = Decoder::new(version, None, 0);
            // No other field can have any.
            let Decoder {
                framing,
                max_body,
                max_span_body,
                implicit_subscribe_all,
                subscriber,
                in_message,
                header,
                state,
                foreign,
            } = decoder;
            plain((framing, max_body, max_span_body));
            plain((implicit_subscribe_all, subscriber, in_message));
            plain((header, state));
            assert!(foreign.is_none());
        }
    }
}
