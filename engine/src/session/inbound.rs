//! The reading half of a session: from received bytes to the pipe.
//!
//! Nothing is decoded beyond the pipe's credit. What was received beyond it waits here: at most
//! what the backend had under way when the credit ran out.

use super::open_message::{OpenMessage, Run};
use bytes::{Buf, Bytes, BytesMut};
use ringmq_pipe::{APART, LogWriter, Message, PipeWriter, WriteError, frame};
use ringmq_zmtp::{Command, Decoder, LONGEST_CONTEXT, Measured, ProtocolError, Rest, Sink, TRUST};

/// Bytes missing of a large body that are worth a read of their own.
const STRAIGHT: usize = 8 * 1024;

/// What came of bytes that were received in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// All of them are messages now.
    All,
    /// So many bytes are missing of the last frame, at least.
    Partial(usize),
    /// There is no credit for the rest.
    Blocked,
    /// The rest has to be decoded one by one.
    Other,
}

/// The reading half of a session.
pub(crate) struct Inbound {
    decoder: Decoder,
    partial: Partial,
    /// Received beyond the credit. Boxed, because most connections never need it.
    backlog: Option<Box<BytesMut>>,
    /// Messages are not wanted, as of a PUSH socket's peer, or not any more: only commands count.
    discard: bool,
    /// Nothing is decoded but commands, whatever the credit: too many bytes wait.
    held: bool,
    /// Bytes that were decoded, and messages that ended among them, where no log counts those. Both wrap.
    decoded: u64,
    ended: u64,
    /// Bytes of a message among those that were received last.
    message: usize,
    open: OpenMessage,
}

/// A frame of which some bytes are still to come.
#[derive(Default)]
struct Partial {
    flags: u8,
    body: u64,
    /// The body so far, if it is going to be attached or the target takes whole messages.
    large: Vec<u8>,
}

impl Partial {
    /// Adds bytes of a large body.
    fn extend(&mut self, bytes: &[u8]) {
        if self.large.capacity() - self.large.len() < bytes.len() {
            self.reserve(bytes.len());
        }
        self.large.extend_from_slice(bytes);
    }

    /// Makes room for `least` bytes more. Memory is taken for what has arrived as much again, never
    /// for more than the body.
    fn reserve(&mut self, least: usize) {
        let have = self.large.len();
        let left = usize::try_from(self.body).unwrap_or(usize::MAX).saturating_sub(have);
        self.large.reserve_exact(left.min(have.max(TRUST)).max(least));
    }
}

impl Inbound {
    pub(crate) fn new(decoder: Decoder, open: OpenMessage, discard: bool) -> Self {
        Self {
            decoder,
            partial: Partial::default(),
            backlog: None,
            discard,
            held: false,
            decoded: 0,
            ended: 0,
            message: 0,
            open,
        }
    }

    /// Says whether nothing is to be decoded but commands.
    pub(crate) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Bytes that were decoded so far.
    #[inline(always)]
    pub(crate) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Messages that ended among them; those that were received in place are not counted.
    pub(crate) fn ended(&self) -> u64 {
        self.ended
    }

    /// Whether messages go nowhere.
    pub(crate) fn discards(&self) -> bool {
        self.discard
    }

    /// Whether bytes of a message that has not ended are kept, if it has a target or if it has not.
    pub(crate) fn is_midway(&self, has_target: bool) -> bool {
        self.decoder.is_midway() && (has_target || self.decoder.collects_frames())
    }

    /// Whether bytes wait for credit.
    pub(crate) fn is_blocked(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| !backlog.is_empty())
    }

    /// The memory of a large body of which enough is missing to receive it where it belongs, and
    /// how much to receive at the most.
    pub(crate) fn large_body(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        let missing = usize::try_from(self.decoder.missing()).unwrap_or(usize::MAX);
        let is_large = self.partial.body >= APART as u64;
        if missing < STRAIGHT || !is_large || self.discard || self.held || self.is_blocked() {
            return None;
        }
        if self.partial.large.capacity() == self.partial.large.len() {
            self.partial.reserve(1);
        }
        Some((&mut self.partial.large, missing))
    }

    /// Whether the last frame is so large that the next one, too, should be received where it
    /// belongs.
    pub(crate) fn is_large(&self) -> bool {
        self.partial.body >= APART as u64
    }

    /// Bytes were added to the [large body](Self::large_body).
    pub(crate) fn large_body_received(&mut self, bytes: usize, target: Option<&mut PipeWriter>) {
        let mut signs = Vec::new();
        let mut sink = PipeSink {
            target,
            message: &mut self.message,
            partial: &mut self.partial,
            open: &mut self.open,
            held: self.held,
            signs: &mut signs,
        };
        let ended = self.decoder.delivered(bytes as u64, &mut sink);
        self.ended = self.ended.wrapping_add(u64::from(ended));
        self.decoded = self.decoded.wrapping_add(bytes as u64);
    }

    /// Commits what was received in the log as messages, as far as the credit goes.
    pub(crate) fn commit(&mut self, log: &mut LogWriter) -> Committed {
        let credit = usize::try_from(log.credit()).unwrap_or(usize::MAX);
        let measured = self.decoder.measure(log.uncommitted(), credit);
        let Measured { run, tail, rest } = measured;
        if run.consumed > 0 {
            self.message = run.consumed / run.messages.max(1);
            let all = Run { bytes: run.consumed, messages: run.messages, tail };
            let taken = self.open.run(log.uncommitted(), all);
            if taken.bytes > 0 {
                log.commit_received(taken.bytes, taken.messages as u32, taken.tail);
                self.decoded = self.decoded.wrapping_add(taken.bytes as u64);
            }
            if self.open.is_exceeded() {
                return Committed::Other;
            }
        }
        match rest {
            Rest::Nothing if log.uncommitted().is_empty() => Committed::All,
            Rest::Nothing => Committed::Blocked,
            Rest::Partial { whole } => Committed::Partial(whole - log.uncommitted().len()),
            Rest::Other => Committed::Other,
        }
    }

    /// How many bytes a message has, to go by the last ones, if it stays where it is received; else zero.
    pub(crate) fn message(&self) -> usize {
        // One of several frames may have more than a block holds.
        if self.message < APART + frame::LONG_HEADER { self.message } else { 0 }
    }

    /// Whether the next bytes can be received straight into the log.
    pub(crate) fn can_land(&self) -> bool {
        !self.discard && !self.is_blocked() && self.decoder.is_between_frames()
    }

    /// Decodes `bytes`, after those that wait already, as far as the credit goes.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut target: Option<&mut PipeWriter>,
        signs: &mut Vec<PeerSign>,
    ) -> Result<(), ProtocolError> {
        if let Some(log) = target.as_deref_mut().and_then(PipeWriter::as_log_mut)
            && !log.uncommitted().is_empty()
        {
            self.backlog.get_or_insert_default().extend_from_slice(&log.take_uncommitted());
        }
        self.open.check()?;
        if let Some(log) = target.as_deref_mut().and_then(PipeWriter::as_log_mut)
            && !self.discard
            && log.ready() == Err(WriteError::Closed)
        {
            // The socket is closed. What the peer says is not waited for, but it may have to say it
            // before it reads what is still to be sent.
            log.rollback();
            self.partial.large = Vec::new();
            self.discard = true;
            self.held = false;
        }
        let mut sink = PipeSink {
            target: if self.discard { None } else { target },
            message: &mut self.message,
            partial: &mut self.partial,
            open: &mut self.open,
            held: self.held,
            signs,
        };
        if let Some(backlog) = &mut self.backlog
            && !backlog.is_empty()
        {
            let (used, ended) = feed(&mut self.decoder, backlog, &mut sink)?;
            sink.open.check()?;
            self.decoded = self.decoded.wrapping_add(used as u64);
            self.ended = self.ended.wrapping_add(ended as u64);
            backlog.advance(used);
            if !backlog.is_empty() {
                backlog.extend_from_slice(bytes);
                return Ok(());
            }
            // An idle connection holds no memory.
            self.backlog = None;
        }
        let (used, ended) = feed(&mut self.decoder, bytes, &mut sink)?;
        self.open.check()?;
        self.decoded = self.decoded.wrapping_add(used as u64);
        self.ended = self.ended.wrapping_add(ended as u64);
        if used < bytes.len() {
            self.backlog.get_or_insert_default().extend_from_slice(&bytes[used..]);
        }
        Ok(())
    }
}

/// Decodes until the input is used up, or the credit is and a message is next; returns how much
/// was, and how many messages ended.
fn feed(
    decoder: &mut Decoder,
    input: &[u8],
    sink: &mut PipeSink<'_>,
) -> Result<(usize, usize), ProtocolError> {
    let (mut used, mut ended) = (0, 0);
    loop {
        let credit = sink.credit();
        if credit == 0 {
            return Ok((used + decoder.decode_commands(&input[used..], sink)?, ended));
        }
        let decoded = decoder.decode(&input[used..], credit, sink)?;
        used += decoded.consumed;
        ended += decoded.messages;
        if used == input.len() || decoded.messages < credit {
            return Ok((used, ended));
        }
    }
}

/// Commands of the peer that one read may bring, or that may wait for the session, and that are heeded; more
/// would be of no use to it.
pub(crate) const COMMANDS: usize = 64;

/// What the peer has said beside messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PeerSign {
    Ping {
        ttl: u16,
        /// What its PONG is to repeat.
        context: PingContext,
    },
    Pong,
}

/// What a PONG repeats of its PING: without memory of its own, as there may be many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PingContext {
    bytes: [u8; LONGEST_CONTEXT],
    length: u8,
}

impl PingContext {
    /// As much of it as a PING may have.
    fn new(context: &[u8]) -> Self {
        let mut bytes = [0; LONGEST_CONTEXT];
        let length = context.len().min(LONGEST_CONTEXT);
        bytes[..length].copy_from_slice(&context[..length]);
        Self { bytes, length: length as u8 }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Where decoded frames go: into the pipe, or nowhere.
struct PipeSink<'a> {
    target: Option<&'a mut PipeWriter>,
    message: &'a mut usize,
    partial: &'a mut Partial,
    open: &'a mut OpenMessage,
    held: bool,
    signs: &'a mut Vec<PeerSign>,
}

impl PipeSink<'_> {
    fn credit(&mut self) -> usize {
        if self.held {
            return 0;
        }
        let credit = self.target.as_deref_mut().map_or(u64::MAX, PipeWriter::credit);
        usize::try_from(credit).unwrap_or(usize::MAX)
    }

    fn log(&mut self) -> Option<&mut LogWriter> {
        self.target.as_deref_mut().and_then(PipeWriter::as_log_mut)
    }
}

impl Sink for PipeSink<'_> {
    fn span(&mut self, frames: &[u8], messages: usize, tail: usize) {
        self.partial.body = 0;
        *self.message = frames.len() / messages.max(1);
        let all = Run { bytes: frames.len(), messages, tail };
        let Run { bytes, messages, tail } = self.open.run(frames, all);
        let frames = &frames[..bytes];
        if let Some(log) = self.log() {
            return log.write_span(frames, messages as u32, tail);
        }
        let Some(target) = &mut self.target else { return };
        for (flags, body) in each_frame(frames) {
            target.write_uncounted(flags, Message::copy_from(body));
        }
    }

    fn begin(&mut self, flags: u8, body: u64) {
        self.partial.flags = flags;
        self.partial.body = body;
        self.open.frame(flags, body);
        if self.open.is_exceeded() {
            return;
        }
        let large = body >= APART as u64 || self.log().is_none();
        *self.message = if large { 0 } else { body as usize + frame::LONG_HEADER };
        if large {
            self.partial.large = Vec::new();
        } else if let Some(log) = self.log() {
            log.begin(flags, body as usize);
        }
    }

    fn body(&mut self, bytes: &[u8]) {
        if self.open.is_exceeded() {
            return;
        }
        let large = self.partial.body >= APART as u64;
        let wanted = self.target.is_some();
        match self.log() {
            Some(log) if !large => log.body(bytes),
            _ if wanted => self.partial.extend(bytes),
            _ => {}
        }
    }

    fn end(&mut self) {
        if self.open.is_exceeded() {
            return;
        }
        let flags = self.partial.flags;
        let large = self.partial.body >= APART as u64;
        match self.log() {
            Some(log) if !large => log.end(flags),
            _ => {
                let Some(target) = &mut self.target else { return };
                let body = std::mem::take(&mut self.partial.large);
                target.write_uncounted(flags, Message::from(body));
            }
        }
    }

    fn whole(&mut self, flags: u8, bytes: Vec<u8>, body_at: usize) {
        let body = bytes.get(body_at..).unwrap_or_default();
        self.begin(flags, body.len() as u64);
        if body.len() < APART && self.log().is_some() {
            if !body.is_empty() {
                self.body(body);
            }
            return self.end();
        }
        if let Some(target) = self.target.as_mut().filter(|_| !self.open.is_exceeded()) {
            let body_at = body_at.min(bytes.len());
            target.write_uncounted(flags, Message::from(Bytes::from(bytes).slice(body_at..)));
        }
    }

    fn command(&mut self, command: Command<'_>) {
        match command {
            _ if self.signs.len() >= COMMANDS => {}
            Command::Ping { ttl, context } => {
                self.signs.push(PeerSign::Ping { ttl, context: PingContext::new(context) });
            }
            Command::Pong { .. } => self.signs.push(PeerSign::Pong),
        }
    }
}

/// The frames of a run of whole ones.
fn each_frame(mut frames: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let header = frame::parse(frames)?;
        let (this, rest) = frames.split_at(header.size + header.body as usize);
        frames = rest;
        Some((header.flags, &this[header.size..]))
    })
}

#[cfg(test)]
mod tests;
