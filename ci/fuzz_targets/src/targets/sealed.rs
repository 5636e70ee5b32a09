//! Frames behind a seal, as whoever has the keys can send them.
//!
//! Input: limit and cut, a byte each; the stream.

use std::sync::{Arc, LazyLock};

use ringmq_zmtp::{Config, Decoder, Encoder, MechanismConfig, SocketType, TRUST};

use crate::clear::Clear;
use crate::common::{Event, Recorder, greeting, property, ready};
use crate::decoding::agree;
use crate::duel::SEEDS;
use crate::end::End;
use crate::input::Input;
use crate::memory::{FIXED, LISTED, bounded};
use crate::seeds::wires;

/// What the peer begins with.
static OPENING: LazyLock<Vec<u8>> =
    LazyLock::new(|| [greeting(3, 1, "CLEAR"), ready(&property("Socket-Type", b"PUB"))].concat());

fn codec(max_body: Option<u64>) -> (Decoder, Encoder) {
    let mut config = Config::new(SocketType::Sub);
    config.mechanism = MechanismConfig::Other(Arc::new(Clear));
    config.max_body = max_body;
    let mut end = End::new(&Arc::new(config), SEEDS[0], None);
    end.feed(&OPENING);
    let Some(established) = end.established else { panic!("{:?}", end.seen.error) };
    (established.decoder, established.encoder)
}

/// Panics if the stream leads to something else in pieces or with little credit, if what was decoded does not
/// survive that once more, or if more memory is taken than is in proportion.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let max_body = [None, Some(100)][usize::from(input.byte() % 2)];
    let (seed, stream) = (input.byte(), input.rest());
    bounded(FIXED + TRUST + LISTED * stream.len(), || {
        let mut recorder = Recorder::default();
        drop(codec(max_body).0.decode(stream, usize::MAX, &mut recorder));
    });
    let (events, _) = agree(|| codec(max_body).0, 0, stream, seed);

    let (mut decoder, mut encoder) = codec(None);
    let (mut wire, mut expected) = (Vec::new(), Vec::new());
    for event in events {
        if let Event::Frame(flags, body) = &event {
            encoder.translate(*flags, body, &mut wire);
            expected.push(event);
        }
    }
    let mut recorder = Recorder::default();
    let decoded = decoder.decode(&wire, usize::MAX, &mut recorder);
    assert_eq!(decoded.map(|decoded| decoded.consumed), Ok(wire.len()));
    assert_eq!(recorder.events, expected, "once more");
}

/// What libzmq sends, each frame of it as the body of another.
pub fn seeds() -> Vec<Vec<u8>> {
    let outer = |wire: Vec<u8>| {
        let mut seed = vec![0, wire.len() as u8 % 5];
        let mut rest = wire.as_slice();
        while let Some(header) = ringmq_pipe::frame::parse(rest) {
            let length = header.size.saturating_add(header.body as usize).min(rest.len());
            let (whole, after) = rest.split_at(length);
            let body = &whole[header.size.min(length)..];
            let size = (body.len() as u64 + 2).to_be_bytes();
            seed.extend([&[2], &size[..], &[header.flags, 2], body].concat());
            rest = after;
        }
        seed
    };
    wires().into_iter().map(outer).collect()
}
