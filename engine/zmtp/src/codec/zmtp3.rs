//! Runs of whole ZMTP 3 frames, which go into a log as they are: looked through, header by header.

use ringmq_pipe::frame;

use super::decoder::{Decoded, Decoder, Sink};
use super::stepwise::DecoderState;
use crate::command::{Class, Command, HEAD_MAX, classify};
use crate::header::Framing;

impl Decoder {
    /// Measures the run of whole frames at the start of `input` that can be stored as they are, and
    /// how many bytes at its end belong to a message that goes on.
    #[inline]
    pub(super) fn run(&mut self, input: &[u8], credit: usize) -> (Decoded, usize) {
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

    /// Delivers the whole commands for the session that `input` begins with, however many those are: without
    /// going through the state machine. Returns how many bytes they take.
    #[inline(never)]
    pub(super) fn session_commands<S: Sink>(&self, input: &[u8], sink: &mut S) -> usize {
        let mut consumed = 0;
        if self.is_between_frames() && self.framing == Framing::V3 {
            while let Some((size, command)) = self.session_command(&input[consumed..]) {
                if let Some(command) = command {
                    sink.command(command);
                }
                consumed += size;
            }
        }
        consumed
    }

    /// The command for the session that `input` begins with, and how many bytes it takes; of one that nobody
    /// knows only that. `None` if there is something else, or not all of it is here.
    fn session_command<'a>(&self, input: &'a [u8]) -> Option<(usize, Option<Command<'a>>)> {
        let header = frame::parse(input)?;
        let rest = &input[header.size..];
        // What is too long, or wrong otherwise, is found by the state machine.
        if header.flags != frame::COMMAND || header.body > self.max_body.min(rest.len() as u64) {
            return None;
        }
        let size = header.body as usize;
        match classify(&rest[..size.min(HEAD_MAX)], header.body) {
            Ok(Class::Session(command)) => Some((header.size + size, Some(command))),
            Ok(Class::Unknown) => Some((header.size + size, None)),
            Ok(Class::Frame) | Err(_) => None,
        }
    }
}

/// The flags of a command with an eight-byte size.
const LONG_COMMAND: u8 = frame::COMMAND | frame::LONG;

/// Whether a frame that begins with the byte `wire` is no command and in the one form that a log
/// has: no reserved flags, and an eight-byte size only where one byte would not do.
#[inline(always)]
pub(super) fn is_plain(wire: u8, header: &frame::FrameHeader) -> bool {
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
