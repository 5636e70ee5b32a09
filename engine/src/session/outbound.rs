//! The writing half of a session: from the pipe to batches for the wire.
//!
//! To a peer that speaks ZMTP 3.1 the log's memory goes out as it is. For older peers, and for
//! those with whom it was agreed to seal frames, every frame is translated into fresh memory.
//! Either way the pieces of the log stay at hand until the batch is sent: when the connection
//! breaks, whatever was not handed to the kernel as a whole message goes to the next connection,
//! from the start of that message.

use crate::batch::{Batch, BatchPart};
use bytes::Bytes;
use ringmq_pipe::{ConflatedReader, FULL, Piece, PipeReader, frame};
use ringmq_zmtp::Encoder;

/// Bytes gathered from the log for one send at least, if there are so many: a full block's.
pub(crate) const GATHER: usize = FULL;

/// Answers and probes that wait for a peer that does not read; more would be of no use to it.
const HEARTBEATS: usize = 4 * 1024;

/// By how many bytes a frame becomes longer when it is sealed, about.
const SEAL: usize = 40;

/// The writing half of a session.
pub(crate) struct Outbound {
    encoder: Encoder,
    /// Bytes for the wire that go before everything else.
    control: Vec<u8>,
    /// Where our PING is, if there is one.
    ping: Ping,
    /// Messages went into a batch, or will go before a PING, since the last PING.
    spoken: bool,
    /// What the batch under way was made of, for a broken connection; empty when none is under way.
    under_way: Vec<Piece>,
    /// Bytes before the first message in the batch under way.
    lead: usize,
    /// Something was sent, and before the last [rest](Self::rest).
    used: bool,
    used_before: bool,
    /// Bytes of the batch that the kernel has taken, and messages credited for them.
    sent: usize,
    credited: usize,
    /// Boxed, because hardly any connection needs it.
    rare: Option<Box<Rare>>,
}

/// How far a PING of ours has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    /// It is the end of what goes before everything else.
    Waiting,
    /// It is the end of the batch under way.
    UnderWay,
}

/// What only some connections have.
#[derive(Default)]
struct Rare {
    /// Where in the batch each message ends, if it was translated.
    ends: Vec<usize>,
    /// Left over from the connection before.
    left_over: Vec<Piece>,
}

impl Outbound {
    /// Begins with `control`, bytes for the wire, and then what the last connection has
    /// `left_over`.
    pub(crate) fn new(encoder: Encoder, control: Vec<u8>, left_over: Vec<Piece>) -> Self {
        let rare = (!left_over.is_empty()).then(|| Box::new(Rare { ends: Vec::new(), left_over }));
        Self {
            encoder,
            control,
            ping: Ping::None,
            spoken: false,
            under_way: Vec::new(),
            lead: 0,
            used: false,
            used_before: false,
            sent: 0,
            credited: 0,
            rare,
        }
    }

    /// Adds frames in log form to what goes before everything else.
    pub(crate) fn add_frames(&mut self, frames: &[u8]) {
        // Subscriptions: a peer that has no room for them stops reading, as with messages.
        self.spoken |= !frames.is_empty();
        if self.encoder.is_verbatim() {
            self.control.extend_from_slice(frames);
            return;
        }
        let mut rest = frames;
        while let Some(header) = frame::parse(rest) {
            let (this, next) = rest.split_at(header.size + header.body as usize);
            self.encoder.translate(header.flags, &this[header.size..], &mut self.control);
            rest = next;
        }
    }

    /// Adds a PING, the only one until [`ping_sent`](Self::ping_sent).
    pub(crate) fn ping(&mut self, ttl: u16) {
        self.encoder.ping(ttl, &mut self.control);
        self.ping = Ping::Waiting;
    }

    /// Whether the kernel has taken a PING since the last time; if so, whether there were messages
    /// between that one and the one before.
    pub(crate) fn ping_sent(&mut self) -> Option<bool> {
        if self.ping != Ping::UnderWay || self.sent < self.lead {
            return None;
        }
        self.ping = Ping::None;
        Some(std::mem::take(&mut self.spoken))
    }

    /// Adds the answer to a PING.
    pub(crate) fn pong(&mut self, context: &[u8]) {
        if self.control.len() < HEARTBEATS {
            self.encoder.pong(context, &mut self.control);
        }
    }

    /// What tells the peer that nothing more comes, behind what is to be said before messages: empty where its
    /// stream's end says so.
    pub(crate) fn last_words(&mut self) -> Batch {
        let mut words = std::mem::take(&mut self.control);
        self.encoder.close(&mut words);
        let mut batch = Batch::default();
        batch.expect(usize::from(!words.is_empty()));
        batch.push(BatchPart::Bytes { bytes: words.into(), messages: 0 });
        batch
    }

    /// Fills the next batch, which stays empty when there is nothing to send.
    pub(crate) fn next(&mut self, pipe: Option<&mut PipeReader>, batch: &mut Batch) {
        self.sent = 0;
        self.credited = 0;
        self.lead = self.control.len();
        if !self.control.is_empty() {
            batch.expect(1);
            let bytes = Bytes::from(std::mem::take(&mut self.control));
            batch.push(BatchPart::Bytes { bytes, messages: 0 });
        }
        if let Some(rare) = &mut self.rare {
            rare.ends.clear();
        }
        if self.ping == Ping::Waiting {
            // Alone, so that it is known at once when the kernel has it: what a batch of large
            // messages has come to is not known before its end.
            self.ping = Ping::UnderWay;
            return;
        }
        if let Some(rare) = &mut self.rare {
            self.under_way.append(&mut rare.left_over);
        }
        if !self.used_before && self.under_way.capacity() == 0 {
            self.under_way.reserve_exact(1); // For the first word.
        }
        if let Some(pipe) = pipe.filter(|_| self.under_way.is_empty()) {
            if let Some(log) = pipe.as_log_mut() {
                log.gather(GATHER, &mut self.under_way);
            } else if let Some(slot) = pipe.as_conflated_mut() {
                gather_latest(slot, &mut self.under_way);
            }
        }
        self.spoken |= !self.under_way.is_empty();
        if self.encoder.is_verbatim() {
            batch.expect(self.under_way.len());
            self.under_way.iter().cloned().for_each(|piece| batch.push(BatchPart::Piece(piece)));
        } else {
            self.translate(batch);
        }
    }

    fn translate(&mut self, batch: &mut Batch) {
        let mut wire = Vec::new();
        if !self.encoder.keeps_body(0) {
            let size = |piece: &Piece| piece.bytes().len() + SEAL * (piece.messages as usize + 1);
            wire.reserve_exact(self.under_way.iter().map(size).sum());
        }
        let mut at = self.lead;
        let ends = &mut self.rare.get_or_insert_default().ends;
        for (header, body) in frames(&self.under_way) {
            let last = header.flags & frame::MORE == 0;
            match body {
                FrameBody::Copied(bytes) => {
                    let before = wire.len();
                    self.encoder.translate(header.flags, bytes, &mut wire);
                    at += wire.len() - before;
                }
                FrameBody::Attached(piece) if self.encoder.keeps_body(header.flags) => {
                    let before = wire.len();
                    self.encoder.translate_header(header.flags, header.body, &mut wire);
                    at += wire.len() - before + piece.bytes().len();
                    let bytes = Bytes::from(std::mem::take(&mut wire));
                    batch.push(BatchPart::Bytes { bytes, messages: 0 });
                    // Messages are counted in one go at the end: see below.
                    let mut body = piece.clone();
                    body.messages = 0;
                    batch.push(BatchPart::Piece(body));
                }
                // It changes as a whole: a subscription to more than fits a copied body, or all is
                // sealed.
                FrameBody::Attached(piece) => {
                    let before = wire.len();
                    self.encoder.translate(header.flags, piece.bytes(), &mut wire);
                    at += wire.len() - before;
                }
            }
            if last {
                ends.push(at);
            }
        }
        let messages = self.under_way.iter().map(|piece| piece.messages).sum();
        batch.push(BatchPart::Bytes { bytes: Bytes::from(wire), messages });
    }

    /// The kernel has taken `bytes` more of the batch under way; `credited` messages were completed
    /// by that as far as the batch can tell.
    pub(crate) fn sent(&mut self, bytes: usize, credited: u32) {
        self.used = true;
        self.sent += bytes;
        self.credited += credited as usize;
    }

    /// Nothing is under way, and nothing may be for long: gives up the memory for it and says so,
    /// unless the connection has been of use more than once. Its first word, a hello or a
    /// subscription, is often all that it says for long; whoever says more says it again and again.
    pub(crate) fn rest(&mut self) -> bool {
        let gives_up = !self.used_before;
        if gives_up {
            self.under_way = Vec::new();
            self.rare = None;
        }
        self.used_before = self.used;
        gives_up
    }

    /// The batch under way is sent.
    pub(crate) fn batch_done(&mut self) {
        self.under_way.clear();
    }

    /// What the next connection must send first: every message that the kernel has not taken whole,
    /// and how many of those that it has taken were not credited yet.
    pub(crate) fn take_unsent(&mut self) -> (Vec<Piece>, u32) {
        let sent = self.sent.saturating_sub(self.lead);
        let whole = if self.encoder.is_verbatim() {
            whole_messages(&self.under_way, sent)
        } else {
            let ends = self.rare.as_ref().map_or(&[][..], |rare| &rare.ends);
            ends.partition_point(|end| *end <= self.sent)
        };
        let mut left = std::mem::take(&mut self.under_way);
        skip_messages(&mut left, whole);
        left.extend(self.rare.take().into_iter().flat_map(|rare| rare.left_over));
        (left, whole.saturating_sub(self.credited) as u32)
    }
}

/// Takes the latest message, if there is one, whole.
pub(super) fn gather_latest(slot: &mut ConflatedReader, pieces: &mut Vec<Piece>) {
    while let Some(frame) = slot.read() {
        let last = !frame.more();
        pieces.extend(Piece::of_frame(frame));
        if last {
            return;
        }
    }
}

/// The body of a frame in a run of pieces.
pub enum FrameBody<'a> {
    /// It stands behind the header.
    Copied(&'a [u8]),
    /// It is a piece of its own.
    Attached(&'a Piece),
}

impl FrameBody<'_> {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Attached(piece) => piece.bytes(),
        }
    }
}

/// The frames of whole messages in log form.
pub fn frames(pieces: &[Piece]) -> impl Iterator<Item = (frame::FrameHeader, FrameBody<'_>)> {
    let mut pieces = pieces.iter().peekable();
    let mut rest: &[u8] = &[];
    std::iter::from_fn(move || {
        while rest.is_empty() {
            rest = pieces.next()?.bytes();
        }
        let header = frame::parse(rest)?;
        rest = &rest[header.size..];
        if rest.is_empty()
            && let Some(attached) = pieces.next_if(|piece| piece.is_body())
        {
            return Some((header, FrameBody::Attached(attached)));
        }
        let (body, after) = rest.split_at(header.body as usize);
        rest = after;
        Some((header, FrameBody::Copied(body)))
    })
}

/// How many messages end within the first `bytes` bytes.
fn whole_messages(pieces: &[Piece], bytes: usize) -> usize {
    let (mut at, mut whole) = (0, 0);
    for (header, _) in frames(pieces) {
        at += header.size + header.body as usize;
        if at > bytes {
            break;
        }
        whole += usize::from(header.flags & frame::MORE == 0);
    }
    whole
}

/// Removes the first `count` messages.
fn skip_messages(pieces: &mut Vec<Piece>, count: usize) {
    let (mut bytes, mut left) = (0, count);
    for (header, _) in frames(pieces) {
        if left == 0 {
            break;
        }
        bytes += header.size + header.body as usize;
        left -= usize::from(header.flags & frame::MORE == 0);
    }
    let mut skipped = count as u32;
    pieces.retain_mut(|piece| {
        let len = piece.bytes().len();
        if bytes >= len {
            bytes -= len;
            skipped -= piece.messages.min(skipped);
            return false;
        }
        piece.skip(std::mem::take(&mut bytes), std::mem::take(&mut skipped));
        true
    });
}
