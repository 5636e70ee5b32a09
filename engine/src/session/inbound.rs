//! The reading half of a session: from received octets to the pipe.
//!
//! Nothing is decoded beyond the pipe's credit. What was received beyond it waits here: at most what
//! the backend had under way when the credit ran out.

use ringmq_pipe::{ATTACH, LogWriter, Message, Outlet, frame};
use ringmq_zmtp::{Command, Decoder, Encoder, Heartbeat, ProtocolError, Sink};
use bytes::BytesMut;
use std::time::Instant;

/// Octets set aside at once for a large body whose length only the peer vouches for; more follows as
/// octets really arrive.
const TRUST: usize = 256 * 1024;

/// The reading half of a session.
pub(super) struct Inbound {
    decoder: Decoder,
    partial: Partial,
    /// Received beyond the credit.
    backlog: Vec<u8>,
    /// Messages are not wanted, as of a PUSH socket's peer: only commands count.
    discard: bool,
}

/// A frame of which some octets are still to come.
#[derive(Default)]
struct Partial {
    flags: u8,
    body: u64,
    /// The body so far, if it is going to be attached or the target takes whole messages.
    large: BytesMut,
}

impl Inbound {
    pub(super) fn new(decoder: Decoder, discard: bool) -> Self {
        Self { decoder, partial: Partial::default(), backlog: Vec::new(), discard }
    }

    /// Whether octets wait for credit.
    pub(super) fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Decodes `octets`, after those that wait already, as far as the credit goes.
    pub(super) fn take(
        &mut self,
        octets: &[u8],
        target: Option<&mut Outlet>,
        control: &mut Control<'_>,
    ) -> Result<(), ProtocolError> {
        let mut sink = Into {
            target: if self.discard { None } else { target },
            partial: &mut self.partial,
            control,
        };
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            let used = feed(&mut self.decoder, &backlog, &mut sink)?;
            self.backlog = backlog;
            self.backlog.drain(..used);
            if !self.backlog.is_empty() {
                self.backlog.extend_from_slice(octets);
                return Ok(());
            }
        }
        let used = feed(&mut self.decoder, octets, &mut sink)?;
        self.backlog.extend_from_slice(&octets[used..]);
        if self.backlog.is_empty() && self.backlog.capacity() > 0 {
            self.backlog = Vec::new(); // An idle connection holds no memory.
        }
        Ok(())
    }
}

/// Decodes until the input or the credit is used up; returns how much was.
fn feed(decoder: &mut Decoder, input: &[u8], sink: &mut Into<'_, '_>) -> Result<usize, ProtocolError> {
    let mut used = 0;
    loop {
        let credit = sink.credit();
        let decoded = decoder.decode(&input[used..], credit, sink)?;
        used += decoded.consumed;
        if used == input.len() || decoded.messages < credit || credit == 0 {
            return Ok(used);
        }
    }
}

/// What a peer's commands act on.
pub(super) struct Control<'a> {
    pub(super) now: Instant,
    pub(super) heartbeat: &'a mut Heartbeat,
    pub(super) encoder: &'a mut Encoder,
    /// Octets to be sent before the next messages.
    pub(super) out: &'a mut Vec<u8>,
}

/// Where decoded frames go: into the pipe, or nowhere.
struct Into<'a, 'b> {
    target: Option<&'a mut Outlet>,
    partial: &'a mut Partial,
    control: &'a mut Control<'b>,
}

impl Into<'_, '_> {
    fn credit(&mut self) -> usize {
        match &mut self.target {
            Some(Outlet::Log(log)) => usize::try_from(log.credit()).unwrap_or(usize::MAX),
            Some(Outlet::Latest(_)) | None => usize::MAX,
        }
    }

    fn log(&mut self) -> Option<&mut LogWriter> {
        match &mut self.target {
            Some(Outlet::Log(log)) => Some(log),
            _ => None,
        }
    }
}

impl Sink for Into<'_, '_> {
    fn span(&mut self, frames: &[u8], messages: usize) {
        match &mut self.target {
            Some(Outlet::Log(log)) => {
                let tail = if messages == 0 { 0 } else { tail(frames) };
                log.write_span(frames, messages as u32, tail);
            }
            Some(Outlet::Latest(slot)) => {
                for (flags, body) in each_frame(frames) {
                    let mut message = Message::copy_from(body);
                    message.set_flags(flags);
                    // A socket that is gone needs no message.
                    let _ = slot.write(&mut message);
                }
            }
            None => {}
        }
    }

    fn begin(&mut self, flags: u8, body: u64) {
        self.partial.flags = flags;
        self.partial.body = body;
        let large = body >= ATTACH as u64 || self.log().is_none();
        if large {
            if self.target.is_some() {
                let trust = usize::try_from(body).unwrap_or(usize::MAX).min(TRUST);
                self.partial.large = BytesMut::with_capacity(trust);
            }
        } else if let Some(log) = self.log() {
            log.begin(flags, body as usize);
        }
    }

    fn body(&mut self, octets: &[u8]) {
        let large = self.partial.body >= ATTACH as u64;
        match &mut self.target {
            Some(Outlet::Log(log)) if !large => log.body(octets),
            Some(_) => self.partial.large.extend_from_slice(octets),
            None => {}
        }
    }

    fn end(&mut self) {
        let flags = self.partial.flags;
        let large = self.partial.body >= ATTACH as u64;
        let Some(target) = &mut self.target else { return };
        match target {
            Outlet::Log(log) if !large => log.end(flags),
            target => {
                let body = std::mem::take(&mut self.partial.large).freeze();
                target.write_uncounted(flags, Message::from(body));
            }
        }
    }

    fn command(&mut self, command: Command<'_>) {
        match command {
            Command::Ping { ttl, context } => {
                self.control.heartbeat.on_ping(ttl, self.control.now);
                self.control.encoder.pong(context, self.control.out);
            }
            Command::Pong { .. } => {} // That anything came has been noted already.
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

/// Octets at the end of a run of frames that belong to a message which goes on.
fn tail(frames: &[u8]) -> usize {
    let mut tail = 0;
    for (flags, body) in each_frame(frames) {
        let size = frame::header_size(body.len()) + body.len();
        tail = if flags & frame::MORE == 0 { 0 } else { tail + size };
    }
    tail
}
