//! Frames of WebSocket with frames of ZMTP in them.
//!
//! A frame of ZMTP is the whole content of one binary frame: a byte of flags, in which 1 is MORE and 2 COMMAND,
//! and the body. What a mechanism has sealed is such a body, without flags. PING and PONG are those of WebSocket.
//! Clients mask what they send, servers do not. What comes in several fragments, as browsers send what is long, is put
//! together.

use ringmq_pipe::frame;

use super::mask::{self, Masks};
use crate::body_collector::BodyCollector;
use crate::codec::{
    Decoder, Encoder, FrameReader, FrameWriter, Open, Opened, Protection, Seal, WholeFrame,
};
use crate::command::{PING, PONG};
use crate::limits::FRAME_MAX;
use crate::{Config, ProtocolError, Version};

/// Bytes that are set aside at once for a body of whose length only the peer knows: less than for streams, as all of it is
/// copied anyway, and as more follow when bytes arrive.
const WEB_TRUST: usize = 32 * 1024;

/// The last fragment of what may be several; what we send is always one.
const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0F;
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const OPCODE_PING: u8 = 9;
const OPCODE_PONG: u8 = 10;

const MASKED: u8 = 0x80;
/// Lengths in the second byte that say that the length follows in two bytes, or in eight.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
/// The longest payload of a frame that is not binary.
const CONTROL_MAX: u8 = 125;

/// What stands for MORE and COMMAND at the beginning of a payload.
const MORE: u8 = 1;
const COMMAND: u8 = 2;

/// The longest header, and behind it the byte of flags.
const HEADER_MAX: usize = 2 + 8 + mask::SIZE + 1;

/// The code with which a WebSocket is closed that has done what it was for.
const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();

/// What is known of a frame before its body.
#[derive(Clone, Copy, Debug)]
struct Head {
    opcode: u8,
    /// Nothing of the same content follows.
    last: bool,
    mask: [u8; mask::SIZE],
    /// Of the first fragment of content, as the log has them.
    flags: u8,
    /// How much of the payload is before the body.
    before: usize,
    /// Where in the body it begins.
    from: usize,
}

/// Takes frames of ZMTP out of those of a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketReader {
    /// The peer is a client, who masks.
    masked: bool,
    header: [u8; HEADER_MAX],
    have: usize,
    /// Of the frame whose payload is being collected.
    head: Option<Head>,
    /// Of the content that has begun, if it goes on.
    begun: Option<u8>,
    body: BodyCollector,
    /// The payload of a frame that is not content, which may come between fragments.
    control: BodyCollector,
    open: Option<Box<dyn Open>>,
}

impl WebSocketReader {
    /// Reads what a client has masked, or what a server has not; bodies as the collector takes them.
    pub(crate) fn new(masked: bool, body: BodyCollector) -> Self {
        let header = [0; HEADER_MAX];
        let control = BodyCollector::new(CONTROL_MAX.into(), 0);
        let (head, begun, open) = (None, None, None);
        WebSocketReader { masked, header, have: 0, head, begun, body, control, open }
    }

    /// Takes bytes of a header; returns how many.
    fn read_head(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        loop {
            let have = &self.header[..self.have];
            let size = size(have, self.masked, self.begun.is_some())?;
            if self.have == size {
                break;
            }
            let taken = input[used..].len().min(size - self.have);
            if taken == 0 {
                return Ok(used);
            }
            self.header[self.have..][..taken].copy_from_slice(&input[used..][..taken]);
            self.have += taken;
            used += taken;
        }
        let (mut head, length) = parse(&self.header[..self.have]);
        self.have = 0;
        head.from = self.body.collected();
        self.payload(head.opcode).begin(length)?;
        self.head = Some(head);
        Ok(used)
    }

    /// Where the payload of a frame of that kind goes.
    fn payload(&mut self, opcode: u8) -> &mut BodyCollector {
        if is_content(opcode) { &mut self.body } else { &mut self.control }
    }

    /// The payload of a fragment is there: the frame that it is the end of, if it is one.
    fn content(&mut self, head: &Head) -> Result<Option<WholeFrame>, ProtocolError> {
        mask::apply(head.mask, head.before, self.body.tail_mut(head.from));
        let flags = self.begun.take().unwrap_or(head.flags);
        if !head.last {
            self.begun = Some(flags);
            return Ok(None);
        }
        let bytes = self.body.take();
        let whole = match &mut self.open {
            None => WholeFrame { flags, bytes, body_at: 0 },
            Some(open) => {
                let Opened { flags, bytes, body_at } = open.open(bytes)?;
                WholeFrame { flags, bytes, body_at }
            }
        };
        Ok(Some(whole))
    }
}

impl FrameReader for WebSocketReader {
    fn read(&mut self, input: &[u8]) -> Result<(usize, Option<WholeFrame>), ProtocolError> {
        let mut used = 0;
        if self.head.is_none() {
            used = self.read_head(input)?;
        }
        let Some(head) = self.head else { return Ok((used, None)) };
        let payload = self.payload(head.opcode);
        used += payload.fill(&input[used..]);
        if !payload.is_whole() {
            return Ok((used, None));
        }
        self.head = None;
        if is_content(head.opcode) {
            return Ok((used, self.content(&head)?));
        }
        let mut bytes = self.control.take();
        mask::apply(head.mask, 0, &mut bytes);
        let whole = match head.opcode {
            OPCODE_PING => command(&[PING, &[0, 0], &bytes]),
            OPCODE_PONG => command(&[PONG, &bytes]),
            _ => return Err(ProtocolError::WebSocketClosed),
        };
        Ok((used, Some(whole)))
    }

    fn is_midway(&self) -> bool {
        self.have > 0 || self.head.is_some() || self.body.is_begun()
    }
}

fn is_content(opcode: u8) -> bool {
    matches!(opcode, BINARY | CONTINUATION)
}

fn command(parts: &[&[u8]]) -> WholeFrame {
    WholeFrame { flags: frame::COMMAND, bytes: parts.concat(), body_at: 0 }
}

/// How many bytes a header has that begins so, as far as that can be told. `begun`: content is to go on.
fn size(header: &[u8], masked: bool, begun: bool) -> Result<usize, ProtocolError> {
    let wrong = |what| Err(ProtocolError::WebSocketFrame { what });
    let &[first, second, ..] = header else { return Ok(2) };
    let (opcode, length) = (first & OPCODE, second & !MASKED);
    match opcode {
        _ if first & !(FIN | OPCODE) != 0 => return wrong("has flags of an extension"),
        BINARY if begun => return wrong("begins before the one before it has ended"),
        CONTINUATION if !begun => return wrong("goes on with nothing"),
        BINARY | CONTINUATION => {}
        1 => return wrong("is text"),
        CLOSE | OPCODE_PING | OPCODE_PONG if first & FIN == 0 => {
            return wrong("is in fragments, although it is not content");
        }
        CLOSE | OPCODE_PING | OPCODE_PONG => {}
        _ => return wrong("is of an unknown kind"),
    }
    match (second & MASKED != 0, masked) {
        (true, false) => return wrong("is masked, although it is a server's"),
        (false, true) => return wrong("is not masked, although it is a client's"),
        _ => {}
    }
    if !is_content(opcode) && length > CONTROL_MAX {
        return wrong("is too long for its kind");
    }
    if opcode == BINARY && length == 0 {
        return wrong("has no flags");
    }
    let more = match length {
        LENGTH_16 => 2,
        LENGTH_64 => 8,
        _ => 0,
    };
    let mask = if masked { mask::SIZE } else { 0 };
    let is_long = opcode == BINARY && more > 0 && header.len() >= 2 + more;
    if is_long && long_length(&header[2..2 + more]) == 0 {
        return wrong("has no flags");
    }
    Ok(2 + more + mask + usize::from(opcode == BINARY))
}

/// A length of several bytes.
fn long_length(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Reads a header of exactly its [`size`]: what there is to know, and how long the body is.
fn parse(header: &[u8]) -> (Head, u64) {
    let (opcode, masked) = (header[0] & OPCODE, header[1] & MASKED != 0);
    let (length, behind) = match header[1] & !MASKED {
        LENGTH_16 => (long_length(&header[2..4]), 4),
        LENGTH_64 => (long_length(&header[2..10]), 10),
        short => (u64::from(short), 2),
    };
    let mask = match header[behind..].first_chunk() {
        Some(mask) if masked => *mask,
        _ => mask::NONE,
    };
    let last = header[0] & FIN != 0;
    if opcode != BINARY {
        return (Head { opcode, last, mask, flags: 0, before: 0, from: 0 }, length);
    }
    let said = header.last().copied().unwrap_or_default() ^ mask[0];
    let more = if said & MORE != 0 { frame::MORE } else { 0 };
    let flags = if said & COMMAND != 0 { frame::COMMAND | more } else { more };
    (Head { opcode, last, mask, flags, before: 1, from: 0 }, length - 1)
}

/// Puts frames of ZMTP into those of a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketWriter {
    /// Of a client; a server does not mask.
    masks: Option<Masks>,
    seal: Option<Box<dyn Seal>>,
}

impl WebSocketWriter {
    pub(crate) fn new(masks: Option<Masks>) -> Self {
        WebSocketWriter { masks, seal: None }
    }

    /// Whether this end is the server.
    pub(crate) fn is_server(&self) -> bool {
        self.masks.is_none()
    }

    /// Both directions of the connection after the handshake. `max_body` of the settings counts with all that a seal
    /// adds, as in libzmq.
    pub(crate) fn codec(
        mut self,
        config: &Config,
        protection: Option<Protection>,
    ) -> (Decoder, Encoder) {
        let limit = config.max_body.unwrap_or(FRAME_MAX).min(FRAME_MAX);
        let overhead = protection.as_ref().map_or(0, |protection| protection.seal.overhead());
        let body =
            BodyCollector::new(limit, WEB_TRUST).within_message(config.max_message_bytes, overhead);
        let mut reader = WebSocketReader::new(self.is_server(), body);
        if let Some(Protection { seal, open }) = protection {
            self.seal = Some(seal);
            reader.open = Some(open);
        }
        // Subscriptions are messages on a WebSocket, as they were in that version.
        let encoder = Encoder::foreign(Version::V3_0, Box::new(self));
        (Decoder::foreign(Version::V3_1, Box::new(reader)), encoder)
    }

    /// Appends a frame whose payload of `length` bytes `payload` appends.
    fn put(
        &mut self,
        opcode: u8,
        length: usize,
        out: &mut Vec<u8>,
        payload: impl FnOnce(&mut Self, &mut Vec<u8>),
    ) {
        let masked = if self.masks.is_some() { MASKED } else { 0 };
        out.push(FIN | opcode);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < LENGTH_16 => out.push(masked | short),
            (_, Ok(length)) => {
                out.push(masked | LENGTH_16);
                out.extend_from_slice(&length.to_be_bytes());
            }
            _ => {
                out.push(masked | LENGTH_64);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let mask = self.masks.as_mut().map(Masks::next);
        out.extend_from_slice(mask.as_ref().map_or(&[], |mask| mask));
        let at = out.len();
        payload(self, out);
        mask::apply(mask.unwrap_or(mask::NONE), 0, &mut out[at..]);
    }

    fn control(&mut self, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        let payload = &payload[..payload.len().min(usize::from(CONTROL_MAX))];
        self.put(opcode, payload.len(), out, |_, out| out.extend_from_slice(payload));
    }
}

impl FrameWriter for WebSocketWriter {
    fn write(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        if let Some(seal) = &self.seal {
            let length = 1 + seal.overhead() + body.len();
            return self.put(BINARY, length, out, |this, out| {
                out.push(0);
                if let Some(seal) = &mut this.seal {
                    seal.seal(flags, body, out);
                }
            });
        }
        self.put(BINARY, 1 + body.len(), out, |_, out| {
            let more = if flags & frame::MORE != 0 { MORE } else { 0 };
            out.push(if flags & frame::COMMAND != 0 { COMMAND | more } else { more });
            out.extend_from_slice(body);
        });
    }

    /// How long the peer should wait for a sign of life cannot be said on a WebSocket.
    fn ping(&mut self, _ttl: u16, out: &mut Vec<u8>) {
        self.control(OPCODE_PING, &[], out);
    }

    fn pong(&mut self, context: &[u8], out: &mut Vec<u8>) {
        self.control(OPCODE_PONG, context, out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.control(CLOSE, &NORMAL_CLOSURE, out);
    }
}
