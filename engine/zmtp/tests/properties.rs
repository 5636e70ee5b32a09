//! Random messages in random pieces, and garbage: what must hold for all of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    Config, Decoder, Encoder, Handshake, SocketType, Version, parse_subscription, subscribe_frame,
};

const VERSIONS: [Version; 4] = [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1];
/// Small, so that both sides of it are met often.
const APART: usize = 300;

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..40),
        2 => vec(any::<u8>(), 240..320),
        1 => vec(any::<u8>(), 0..3000),
    ]
}

/// Messages of one to four frames.
fn messages() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    vec(vec(body(), 1..4), 0..12)
}

fn frames_of(messages: &[Vec<Vec<u8>>]) -> Vec<(u8, Vec<u8>)> {
    let frame_of =
        |(left, body): (usize, &Vec<u8>)| (if left == 0 { 0 } else { frame::MORE }, body.clone());
    let numbered = |message: &Vec<Vec<u8>>| -> Vec<_> {
        (0..message.len()).rev().zip(message).map(frame_of).collect()
    };
    messages.iter().flat_map(numbered).collect()
}

/// Cuts a stream at those places, each taken modulo what is left.
fn pieces<'a>(mut stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut out = Vec::new();
    for cut in cuts.iter().cycle().take(cuts.len() * 20) {
        let (piece, rest) = stream.split_at(cut % (stream.len() + 1));
        out.push(piece);
        stream = rest;
    }
    out.push(stream);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn messages_survive_encoding_cutting_and_decoding(
        messages in messages(),
        cuts in vec(0usize..700, 1..20),
    ) {
        let frames = frames_of(&messages);
        for version in VERSIONS {
            let mut wire = Vec::new();
            let mut encoder = Encoder::new(version);
            for (flags, body) in &frames {
                encoder.translate(*flags, body, &mut wire);
            }
            let mut recorder = Recorder { apart: APART, ..Recorder::default() };
            let mut decoder = Decoder::new(version, None, APART);
            decode(&mut decoder, &pieces(&wire, &cuts), &mut recorder).unwrap();
            let expected: Vec<_> =
                frames.iter().map(|(flags, body)| Event::Frame(*flags, body.clone())).collect();
            prop_assert_eq!(recorder.events, expected);
            prop_assert_eq!(recorder.messages, messages.len());
        }
    }

    #[test]
    fn subscriptions_reach_every_peer(topic in body(), cuts in vec(0usize..700, 1..5)) {
        let mut log = Vec::new();
        subscribe_frame(&topic, &mut log);
        let header = frame::parse(&log).unwrap();
        for version in VERSIONS {
            let mut wire = Vec::new();
            let body = &log[header.size..];
            Encoder::new(version).translate(header.flags, body, &mut wire);
            prop_assert!(version < Version::V3_1 || wire == log);
            let mut recorder = Recorder::default();
            let mut decoder = Decoder::new(version, None, APART);
            decode(&mut decoder, &pieces(&wire, &cuts), &mut recorder).unwrap();
            let [Event::Frame(flags, body)] = recorder.events.as_slice() else {
                panic!("{:?}", recorder.events);
            };
            let subscription = parse_subscription(*flags, body).unwrap();
            prop_assert!(subscription.subscribe && subscription.topic == topic);
        }
    }

    #[test]
    fn credit_is_never_exceeded_and_loses_nothing(
        messages in messages(),
        cuts in vec(1usize..200, 1..10),
        credits in vec(1usize..4, 1..10),
    ) {
        let frames = frames_of(&messages);
        let mut wire = Vec::new();
        for (flags, body) in &frames {
            Encoder::new(Version::V3_1).translate(*flags, body, &mut wire);
        }
        let mut recorder = Recorder::default();
        let mut decoder = Decoder::new(Version::V3_1, None, APART);
        let mut credits = credits.iter().cycle();
        for mut piece in pieces(&wire, &cuts) {
            while !piece.is_empty() {
                let credit = *credits.next().unwrap();
                let done = decoder.decode(piece, credit, &mut recorder).unwrap();
                prop_assert!(done.messages <= credit);
                prop_assert!(done.consumed == piece.len() || done.messages == credit);
                piece = &piece[done.consumed..];
            }
        }
        prop_assert_eq!(recorder.events.len(), frames.len());
        prop_assert_eq!(recorder.messages, messages.len());
    }

    #[test]
    fn garbage_means_the_same_however_it_is_cut(
        stream in vec(prop_oneof![4 => 0u8..8, 1 => any::<u8>()], 0..400),
        cuts in vec(0usize..60, 1..10),
    ) {
        for version in VERSIONS {
            let run = |pieces: &[&[u8]]| {
                let mut recorder = Recorder::default();
                let mut decoder = Decoder::new(version, Some(1000), 8);
                let result = decode(&mut decoder, pieces, &mut recorder);
                (result, recorder.events)
            };
            prop_assert_eq!(run(&[&stream]), run(&pieces(&stream, &cuts)));
        }
    }

    #[test]
    fn garbage_in_a_handshake_does_no_harm(
        valid in 0usize..100,
        garbage in vec(any::<u8>(), 0..300),
        cuts in vec(0usize..60, 1..10),
    ) {
        let opening = opening(1, SocketType::Push);
        let stream = [&opening[..valid.min(opening.len())], garbage.as_slice()].concat();
        let config = Arc::new(Config::new(SocketType::Pull));
        let whole = listen(&config, &[&stream]);
        prop_assert_eq!(&listen(&config, &pieces(&stream, &cuts)), &whole);
        // Going on after an error, which nobody should do, is harmless too.
        let now = Instant::now();
        let mut handshake = Handshake::new(config, now);
        for piece in pieces(&stream, &cuts) {
            let _ = handshake.input(now, &mut no_random, piece);
        }
    }
}

#[test]
fn a_decoder_holds_no_more_than_a_few_bytes() {
    // It owns no heap memory, as its own tests know, so its size is its bound.
    assert!(size_of::<Decoder>() <= 128, "{}", size_of::<Decoder>());
}
