//! Frames after the handshake, in all versions.
//!
//! Input: version, limits, cut, a byte each; the stream.

use ringmq_pipe::frame;
use ringmq_zmtp::{
    APART, CONTEXT_MAX, Command, Decoder, Encoder, Sink, Version, cancel_frame, parse_subscription,
    subscribe_frame,
};

use crate::common::{Event, Recorder};
use crate::decoding::agree;
use crate::input::Input;
use crate::memory::bounded;
use crate::seeds::wires;

const VERSIONS: [Version; 4] = [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1];
/// What a decoder takes beside what it hands over, in bytes: the reason of an error, for it owns nothing; and
/// what the threads of a test take meanwhile.
const OWN: usize = 16 * 1024;

/// Panics if the stream leads to something else in pieces or with little credit; if what was decoded does not
/// survive that once more; if memory is taken.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let version = input.choose(&VERSIONS);
    let (limits, seed, stream) = (input.byte(), input.byte(), input.rest());
    let apart = if limits & 1 == 0 { APART } else { 8 };
    let max_body = [None, Some(1000), Some(0), Some(u64::MAX)][usize::from(limits >> 1 & 3)];
    let make = || Decoder::new(version, max_body, apart);
    bounded(OWN, || {
        let mut decoder = make();
        // Whatever it finds is compared below.
        drop(decoder.decode(stream, usize::MAX, &mut Nobody));
    });
    let (events, _) = agree(make, apart, stream, seed);
    again(version, &events);
    events.iter().for_each(subscription);
}

/// A subscription that came in any form is the same in the form that the log has.
fn subscription(event: &Event) {
    let Event::Frame(flags, body) = event else { return };
    let Some(found) = parse_subscription(*flags, body) else { return };
    let mut log = Vec::new();
    let write = if found.subscribe { subscribe_frame } else { cancel_frame };
    write(found.topic, &mut log);
    let Some(header) = frame::parse(&log) else { panic!("no whole header") };
    assert_eq!(header.size as u64 + header.body, log.len() as u64);
    assert_eq!(parse_subscription(header.flags, &log[header.size..]), Some(found));
}

/// What was decoded, encoded once more for a peer of that version.
fn again(version: Version, events: &[Event]) {
    let (mut wire, mut expected) = (Vec::new(), Vec::new());
    let mut encoder = Encoder::new(version);
    for event in events {
        match event {
            // Translated into something else, before 3.1.
            Event::Frame(flags, _) if flags & frame::COMMAND != 0 && version < Version::V3_1 => {
                continue;
            }
            Event::Frame(flags, body) => encoder.translate(*flags, body, &mut wire),
            Event::Ping(ttl, context) if context.is_empty() => encoder.ping(*ttl, &mut wire),
            Event::Ping(..) => continue,
            Event::Pong(context) => {
                encoder.pong(context, &mut wire);
                // A peer may send more than it got; no more than it may ask for is sent on.
                let kept = context[..context.len().min(CONTEXT_MAX)].to_vec();
                expected.push(Event::Pong(kept));
                continue;
            }
        }
        expected.push(event.clone());
    }
    let mut recorder = Recorder::default();
    let decoded = Decoder::new(version, None, APART).decode(&wire, usize::MAX, &mut recorder);
    assert_eq!(decoded.map(|decoded| decoded.consumed), Ok(wire.len()));
    assert_eq!(recorder.events, expected, "once more");
}

/// Takes everything and keeps nothing.
struct Nobody;

impl Sink for Nobody {
    fn span(&mut self, _: &[u8], _: usize, _: usize) {}
    fn begin(&mut self, _: u8, _: u64) {}
    fn body(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
    fn command(&mut self, _: Command<'_>) {}
}

/// What libzmq sends, read in each version.
pub fn seeds() -> Vec<Vec<u8>> {
    let versions = 0..VERSIONS.len() as u8;
    let with = |wire: Vec<u8>| versions.clone().map(move |version| prefixed(version, &wire));
    wires().into_iter().flat_map(with).collect()
}

fn prefixed(version: u8, wire: &[u8]) -> Vec<u8> {
    [&[version, wire.len() as u8, wire.len() as u8 % 5], wire].concat()
}
