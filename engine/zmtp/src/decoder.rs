//! The reading half of a connection: from bytes of the peer to frames for a log.
//!
//! Most of what arrives is whole, small ZMTP 3 frames, one after the other. Such a run is only
//! looked through, header by header, and then handed over as it is ([`Sink::span`]). All else
//! (frames cut by the end of what has arrived, large ones, old framing, commands) goes byte for
//! byte through a small state machine. It owns no heap memory: a header and the head of a
//! command are all that it ever keeps.

use ringmq_pipe::frame;

use crate::command::{Class, Command, HEAD_MAX, UNFLAGGED_MAX, classify, is_unflagged};
use crate::header::{Framing, Header, HeaderBuffer};
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
/// use ringmq_zmtp::{ATTACH_MIN, Command, Decoder, Sink, Version};
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
/// let mut decoder = Decoder::new(Version::V3_1, None, ATTACH_MIN);
/// let stream = b"\x01\x00\x00\x05Hello\x00\x05Wo";
/// let decoded = decoder.decode(stream, usize::MAX, &mut log)?;
/// assert_eq!((decoded.consumed, decoded.messages), (stream.len(), 1));
/// assert_eq!(decoder.decode(b"rld", usize::MAX, &mut log)?.messages, 1);
/// assert_eq!(log.0, b"\x01\x00\x00\x05Hello\x00\x05World");
/// # Ok::<(), ringmq_zmtp::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    /// The longest body that the peer may send, in bytes.
    max_body: u64,
    /// The longest body that may be part of a span, in bytes; at most `max_body`.
    max_span_body: u64,
    /// Whether a subscription to everything is still to be delivered for the peer.
    implicit_subscribe_all: bool,
    /// Whether the peer may subscribe to something.
    subscriber: bool,
    /// Whether the last frame of a message is still to come.
    in_message: bool,
    /// The header that is being read, if `state` says so.
    header: HeaderBuffer,
    state: DecoderState,
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
    /// The beginning of a frame that is to be stored as it is, and that takes `whole` bytes or more.
    Partial {
        /// Bytes of the frame, as far as that can be told.
        whole: usize,
    },
    /// Something else: a command, a long body, a mistake.
    Other,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum DecoderState {
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
}

/// What stands in for the subscription that a 2.x subscriber never sends.
const SUBSCRIBE_TO_ALL: &[u8] = b"\x04\x0A\x09SUBSCRIBE";

impl Decoder {
    /// Reads from a peer of that version. `max_body` is the longest frame body to accept;
    /// `attach_min` is from which length on a body is never part of a span.
    pub fn new(version: Version, max_body: Option<u64>, attach_min: usize) -> Self {
        let max_body = max_body.unwrap_or(FRAME_MAX).min(FRAME_MAX);
        Decoder {
            framing: Framing::of(version),
            max_body,
            max_span_body: max_body.min(attach_min.saturating_sub(1) as u64),
            implicit_subscribe_all: false,
            subscriber: true,
            in_message: false,
            header: HeaderBuffer::default(),
            state: DecoderState::Header,
        }
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
            } else {
                let (taken, ended) = self.step(rest, sink)?;
                done.consumed += taken;
                done.messages += usize::from(ended);
            }
        }
        Ok(done)
    }

    /// Delivers the whole commands for the session at the start of `input`, for which nobody needs credit:
    /// a peer whose messages have filled the pipe to the last may ask for a sign of life behind them.
    /// Returns how many bytes those were.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_commands<S: Sink>(
        &mut self,
        input: &[u8],
        sink: &mut S,
    ) -> Result<usize, ProtocolError> {
        let mut consumed = 0;
        while self.is_between_frames() && self.framing == Framing::V3 {
            let end = consumed + self.session_command(&input[consumed..]);
            if end == consumed {
                break;
            }
            while consumed < end {
                consumed += self.step(&input[consumed..end], sink)?.0;
            }
        }
        Ok(consumed)
    }

    /// How many bytes the command for the session takes that `input` begins with; none if that is
    /// something else, or not all of it is here.
    fn session_command(&self, input: &[u8]) -> usize {
        let Some(header) = frame::parse(input) else { return 0 };
        let rest = &input[header.size..];
        // What is too long, or wrong otherwise, is found when there is credit.
        if header.flags != frame::COMMAND || header.body > self.max_body.min(rest.len() as u64) {
            return 0;
        }
        let size = header.body as usize;
        match classify(&rest[..size.min(HEAD_MAX)], header.body) {
            Ok(Class::Session(_) | Class::Unknown) => header.size + size,
            Ok(Class::Frame) | Err(_) => 0,
        }
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

    /// How many bytes are missing of the body that is being delivered.
    pub fn missing(&self) -> u64 {
        match self.state {
            DecoderState::Body { left, .. } => left,
            _ => 0,
        }
    }

    /// As if [`decode`](Self::decode) had delivered `bytes` more of the body that is being delivered,
    /// for bytes that are in their place already; returns whether that was the end of a message.
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

    /// Measures the run of whole frames at the start of `input` that can be stored as they are, and
    /// how many bytes at its end belong to a message that goes on.
    #[inline]
    fn run(&mut self, input: &[u8], credit: usize) -> (Decoded, usize) {
        let (mut run, mut boundary) = (Decoded::default(), 0);
        if !matches!(self.state, DecoderState::Header)
            || !self.header.is_empty()
            || self.framing == Framing::V1
        {
            return (run, 0);
        }
        let mut more = self.in_message;
        while run.messages < credit {
            let rest = &input[run.consumed..];
            let Some(header) = frame::parse(rest) else {
                break;
            };
            // Also keeps the sum below from overflowing.
            if header.body > self.max_span_body {
                break;
            }
            let size = header.size + header.body as usize;
            if size > rest.len()
                || !is_plain(rest[0], &header) && !self.is_storable_command(&rest[..size], more)
            {
                break;
            }
            more = header.flags & frame::MORE != 0;
            run.consumed += size;
            run.messages += usize::from(!more);
            if !more {
                if rest[0] == 0 {
                    let same = alike(rest, size, credit - run.messages);
                    run.consumed += same * size;
                    run.messages += same;
                }
                boundary = run.consumed;
            }
        }
        self.in_message = more;
        (run, run.consumed - boundary)
    }

    /// Whether a whole frame is a command that goes to the log and may come now, where it must
    /// not be `in_message`. If not, the slow path finds out what it is, or what is wrong with it.
    #[cold]
    fn is_storable_command(&self, whole: &[u8], in_message: bool) -> bool {
        let (size, canonical) = match whole[0] {
            frame::COMMAND => (frame::SHORT_HEADER, true),
            LONG_COMMAND => {
                (frame::LONG_HEADER, whole.len() > frame::LONG_HEADER + frame::SHORT_BODY)
            }
            _ => return false,
        };
        let body = &whole[size..];
        let head = &body[..body.len().min(HEAD_MAX)];
        canonical
            && !in_message
            && self.framing == Framing::V3
            && matches!(classify(head, body.len() as u64), Ok(Class::Frame))
    }

    /// Takes the next bytes as what they are part of. Returns how many, at least one, and
    /// whether they complete a message.
    // Apart from the run, whose loop is the tighter for it.
    #[inline(never)]
    fn step<S: Sink>(
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

    /// The next byte after an empty command, which means nothing. libzmq 4.3.0 to 4.3.4 decides by the
    /// length of the topic whether to set the flag of a long size, and by that of the command whether to
    /// write one: a SUBSCRIBE to 246 to 255 bytes and a CANCEL of 249 to 255 begin like this, with the
    /// first byte of their size, and are longer than 256 bytes by less than ten.
    ///
    /// To 2.0 and 3.0 peers it writes a topic of 255 bytes in the like of that form, as a message. There
    /// it cannot be told from three empty messages; but nobody who speaks 3.1 is ever sent it.
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
    fn in_body<S: Sink>(&mut self, flags: u8, left: u64, sink: &mut S) -> bool {
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

/// The flags of a command with an eight-byte size.
const LONG_COMMAND: u8 = frame::COMMAND | frame::LONG;

/// Whether a frame that begins with the byte `wire` is no command and in the one form that a log
/// has: no reserved flags, and an eight-byte size only where one byte would not do.
#[inline(always)]
fn is_plain(wire: u8, header: &frame::FrameHeader) -> bool {
    match header.size {
        frame::SHORT_HEADER => wire <= frame::MORE,
        _ => wire <= frame::MORE | frame::LONG && header.body > frame::SHORT_BODY as u64,
    }
}

/// How many whole frames with the same two bytes of header follow the first one, which takes `size`
/// bytes of `input`; `limit` at the most. Streams of messages of one size are common, and here the
/// place of the next header does not depend on the one before, so that the processor runs ahead.
#[inline]
fn alike(input: &[u8], size: usize, limit: usize) -> usize {
    let (first, rest) = input.split_at(size);
    let header = &first[..frame::SHORT_HEADER];
    let same = |frame: &&[u8]| &frame[..frame::SHORT_HEADER] == header;
    rest.chunks_exact(size).take(limit).take_while(same).count()
}

/// The first `count` bytes of `input`, or as many as there are.
fn up_to(count: u64, input: &[u8]) -> &[u8] {
    &input[..usize::try_from(count).map_or(input.len(), |count| count.min(input.len()))]
}
