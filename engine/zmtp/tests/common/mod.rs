//! What all tests of this crate share: a strict sink, streams cut in every way, vectors.
#![allow(dead_code, clippy::unwrap_used)] // No single test uses all of it.

use std::sync::Arc;
use std::time::Instant;

use ringmq_pipe::frame;
use ringmq_zmtp::{
    Command, Config, Decoded, Decoder, Established, Handshake, NoRandomness, Peer, ProtocolError,
    Sink, SocketType, Version,
};
use serde::Deserialize;

/// For handshakes that need no randomness.
pub(crate) fn no_random(_: &mut [u8]) -> Result<(), NoRandomness> {
    Err(NoRandomness)
}

/// What a decoder delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Frame(u8, Vec<u8>),
    Ping(u16, Vec<u8>),
    Pong(Vec<u8>),
}

/// A sink that checks the promises of the decoder, and forgets in which form a frame came.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) events: Vec<Event>,
    /// Messages completed, by our own count.
    pub(crate) messages: usize,
    /// How many frames came as part of a span.
    pub(crate) in_spans: usize,
    /// Bodies this long must never be in a span; 0 for no such check.
    pub(crate) apart: usize,
    pub(crate) open: Option<(u8, u64, Vec<u8>)>,
}

impl Recorder {
    fn push(&mut self, flags: u8, body: &[u8]) {
        self.messages += usize::from(flags & frame::MORE == 0);
        self.events.push(Event::Frame(flags, body.to_vec()));
    }
}

impl Sink for Recorder {
    fn span(&mut self, mut frames: &[u8], messages: usize, tail: usize) {
        let (bytes, mut at, mut boundary) = (frames.len(), 0, 0);
        assert!(self.open.is_none(), "a span inside a frame");
        assert!(!frames.is_empty(), "an empty span");
        let before = self.messages;
        while !frames.is_empty() {
            let header = frame::parse(frames).expect("a whole header");
            let mut canonical = [0; frame::LONG_HEADER];
            let size = frame::write(&mut canonical, header.flags, header.body as usize);
            assert_eq!(&frames[..header.size], &canonical[..size], "a header in another form");
            let (body, rest) = frames[size..].split_at(header.body as usize);
            assert!(self.apart == 0 || body.len() < self.apart, "too large for a span");
            self.push(header.flags, body);
            self.in_spans += 1;
            at += header.size + header.body as usize;
            if header.flags & frame::MORE == 0 {
                boundary = at;
            }
            frames = rest;
        }
        assert_eq!(bytes - boundary, tail, "the tail of the span");
        assert_eq!(self.messages - before, messages, "a wrong count of messages");
    }

    fn begin(&mut self, flags: u8, body: u64) {
        assert!(self.open.is_none(), "a frame inside a frame");
        assert!([0, frame::MORE, frame::COMMAND].contains(&flags));
        self.open = Some((flags, body, Vec::new()));
    }

    fn body(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty(), "a piece of nothing");
        self.open.as_mut().expect("begun").2.extend_from_slice(bytes);
    }

    fn end(&mut self) {
        let (flags, length, body) = self.open.take().expect("begun");
        assert_eq!(body.len() as u64, length, "a body of another length than announced");
        self.push(flags, &body);
    }

    fn command(&mut self, command: Command<'_>) {
        assert!(self.open.is_none(), "a command inside a frame");
        self.events.push(match command {
            Command::Ping { ttl, context } => Event::Ping(ttl, context.to_vec()),
            Command::Pong { context } => Event::Pong(context.to_vec()),
        });
    }
}

/// Decodes pieces of a stream, one after the other, and checks that all is consumed and counted.
pub(crate) fn decode(
    decoder: &mut Decoder,
    pieces: &[&[u8]],
    recorder: &mut Recorder,
) -> Result<(), ProtocolError> {
    let mut counted = recorder.messages;
    for piece in pieces {
        let Decoded { consumed, messages } = decoder.decode(piece, usize::MAX, recorder)?;
        assert_eq!(consumed, piece.len());
        counted += messages;
        assert_eq!(counted, recorder.messages);
    }
    Ok(())
}

/// Runs `check` with the stream in one piece, in two pieces cut at every byte, and byte by byte.
pub(crate) fn for_every_cut(stream: &[u8], mut check: impl FnMut(&[&[u8]])) {
    check(&[stream]);
    for cut in 0..=stream.len() {
        check(&[&stream[..cut], &stream[cut..]]);
    }
    check(&stream.chunks(1).collect::<Vec<_>>());
}

/// All that is to be seen of one end of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What it sent by itself.
    pub(crate) output: Vec<u8>,
    pub(crate) peer: Option<Peer>,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<ProtocolError>,
}

/// Feeds a stream to an end of a connection, through the handshake and beyond.
pub(crate) fn listen(config: &Arc<Config>, pieces: &[&[u8]]) -> Seen {
    let now = Instant::now();
    let mut handshake = Handshake::new(config.clone(), now);
    let mut recorder = Recorder::default();
    let mut seen = Seen { output: Vec::new(), peer: None, events: Vec::new(), error: None };
    let mut decoder: Option<Decoder> = None;
    for piece in pieces {
        let mut rest = *piece;
        if decoder.is_none() {
            match handshake.input(now, &mut no_random, rest) {
                Ok(used) => rest = &rest[used..],
                Err(error) => seen.error = Some(error),
            }
            handshake.take_output(&mut seen.output);
            if let Some(established) = handshake.established() {
                seen.peer = Some(established.peer);
                decoder = Some(established.decoder);
            } else {
                assert!(rest.is_empty() || seen.error.is_some(), "bytes left, yet not done");
            }
        }
        if let Some(decoder) = &mut decoder
            && let Err(error) = decode(decoder, &[rest], &mut recorder)
        {
            seen.error = Some(error);
        }
        if seen.error.is_some() {
            break;
        }
    }
    seen.events = recorder.events;
    seen
}

/// [`listen`] with every cut there is; all must lead to the same.
pub(crate) fn listen_every_way(config: Config, stream: &[u8]) -> Seen {
    let config = Arc::new(config);
    let whole = listen(&config, &[stream]);
    for_every_cut(stream, |pieces| assert_eq!(listen(&config, pieces), whole));
    whole
}

/// A finished handshake with a peer that sends `stream`.
pub(crate) fn establish(config: Config, stream: &[u8]) -> Established {
    let now = Instant::now();
    let mut handshake = Handshake::new(Arc::new(config), now);
    assert_eq!(handshake.input(now, &mut no_random, stream), Ok(stream.len()));
    handshake.established().expect("a whole handshake")
}

/// The greeting of a ZMTP 3 peer.
pub(crate) fn greeting(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut out = b"\xFF\0\0\0\0\0\0\0\x01\x7F".to_vec();
    out.extend([major, minor]);
    out.extend(mechanism.as_bytes());
    out.resize(64, 0);
    out
}

/// A property as it stands in metadata.
pub(crate) fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_be_bytes();
    [&[name.len() as u8], name.as_bytes(), &length, value].concat()
}

/// A frame with a one-byte size.
pub(crate) fn short_frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [&[flags, u8::try_from(body.len()).unwrap()], body].concat()
}

/// A READY command frame with that metadata.
pub(crate) fn ready(metadata: &[u8]) -> Vec<u8> {
    short_frame(frame::COMMAND, &[b"\x05READY", metadata].concat())
}

/// All that a ZMTP 3 peer of that type sends in its handshake.
pub(crate) fn opening(minor: u8, socket_type: SocketType) -> Vec<u8> {
    let metadata = property("Socket-Type", socket_type.name().as_bytes());
    [greeting(3, minor, "NULL"), ready(&metadata)].concat()
}

/// The opposite end for tests of that type.
pub(crate) fn partner(socket_type: SocketType) -> SocketType {
    SocketType::ALL.into_iter().find(|&peer| socket_type.compatible(peer)).expect("some partner")
}

/// Bytes in hexadecimal; `78*255` repeats a byte.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        assert_eq!(digits.len() % 2, 0, "{word}");
        let part: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect();
        out.extend(part.repeat(times.parse().unwrap()));
    }
    out
}

/// A vector of frames and how they look on the wire.
#[derive(Deserialize)]
pub(crate) struct Frames {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) frames: Vec<(u8, String)>,
}

impl Frames {
    pub(crate) fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        self.frames.iter().map(|(flags, body)| (*flags, bytes(body))).collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.frames().into_iter().map(|(flags, body)| Event::Frame(flags, body)).collect()
    }
}

/// A version by its name.
pub(crate) fn version(name: &str) -> Version {
    [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1]
        .into_iter()
        .find(|version| version.to_string() == name)
        .expect("a version")
}

/// A socket type by its name.
pub(crate) fn socket_type(name: &str) -> SocketType {
    SocketType::from_name(name.as_bytes()).expect("a socket type")
}
