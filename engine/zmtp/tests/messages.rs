//! Traffic after the handshake: frames, commands, credit, and what is stored in which form.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use ringmq_zmtp::{APART, Decoder, Encoder, Version};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    same_in_log_and_on_wire: Vec<Frames>,
    translated_for_3_0: Vec<Frames>,
    received: Vec<Frames>,
}

#[derive(Deserialize)]
struct Drafts {
    frames: Vec<Frames>,
}

#[derive(Deserialize)]
struct Heartbeats {
    ping: Vec<Ping>,
    pong: Vec<Pong>,
}

#[derive(Deserialize)]
struct Ping {
    ttl: u16,
    wire: String,
}

#[derive(Deserialize)]
struct Pong {
    ping: String,
    pong: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/messages.json")).unwrap()
}

fn drafts() -> Vec<Frames> {
    serde_json::from_str::<Drafts>(include_str!("vectors/draft.json")).unwrap().frames
}

fn heartbeats() -> Heartbeats {
    serde_json::from_str(include_str!("vectors/heartbeat.json")).unwrap()
}

/// Decodes a stream in every way it can be cut; returns what came of it.
fn decoded(version: Version, stream: &[u8]) -> Vec<Event> {
    let run = |pieces: &[&[u8]]| {
        let mut recorder = Recorder { apart: APART, ..Recorder::default() };
        decode(&mut Decoder::new(version, None, APART), pieces, &mut recorder).unwrap();
        recorder.events
    };
    let whole = run(&[stream]);
    for_every_cut(stream, |pieces| assert_eq!(run(pieces), whole));
    whole
}

#[test]
fn what_libzmq_sends_is_understood() {
    let vectors = vectors();
    let all = vectors.same_in_log_and_on_wire.iter().chain(&vectors.received);
    for vector in all.chain(&drafts()) {
        for version in [Version::V3_0, Version::V3_1] {
            assert_eq!(decoded(version, &bytes(&vector.wire)), vector.events(), "{}", vector.name);
        }
    }
}

#[test]
fn frames_for_3_1_peers_go_out_as_libzmq_sends_them() {
    let mut encoder = Encoder::new(Version::V3_1);
    assert!(encoder.is_verbatim());
    for vector in vectors().same_in_log_and_on_wire.iter().chain(&drafts()) {
        let mut wire = Vec::new();
        for (flags, body) in vector.frames() {
            encoder.translate(flags, &body, &mut wire);
        }
        assert_eq!(wire, bytes(&vector.wire), "{}", vector.name);
    }
}

#[test]
fn subscriptions_for_3_0_peers_go_out_as_libzmq_sends_them() {
    let mut encoder = Encoder::new(Version::V3_0);
    assert!(!encoder.is_verbatim());
    for vector in vectors().translated_for_3_0 {
        let mut wire = Vec::new();
        for (flags, body) in vector.frames() {
            encoder.translate(flags, &body, &mut wire);
        }
        assert_eq!(wire, bytes(&vector.wire), "{}", vector.name);
    }
}

#[test]
fn older_peers_get_no_commands_but_subscriptions() {
    for version in [Version::V1_0, Version::V2_0] {
        let mut encoder = Encoder::new(version);
        let mut wire = Vec::new();
        encoder.translate(4, b"\x04JOINg", &mut wire);
        encoder.ping(1, &mut wire);
        encoder.pong(b"abc", &mut wire);
        assert!(wire.is_empty());
        encoder.translate(4, b"\x06CANCELt", &mut wire);
        assert_eq!(wire.len(), 4);
    }
}

#[test]
fn pings_are_written_and_answered_like_libzmq_does() {
    let vectors = heartbeats();
    for version in [Version::V3_0, Version::V3_1] {
        let mut encoder = Encoder::new(version);
        for vector in &vectors.ping {
            let mut wire = Vec::new();
            encoder.ping(vector.ttl, &mut wire);
            assert_eq!(wire, bytes(&vector.wire));
            assert_eq!(decoded(version, &wire), [Event::Ping(vector.ttl, Vec::new())]);
        }
        for vector in &vectors.pong {
            let events = decoded(version, &bytes(&vector.ping));
            let [Event::Ping(0, context)] = events.as_slice() else { panic!("{events:?}") };
            let mut wire = Vec::new();
            encoder.pong(context, &mut wire);
            assert_eq!(wire, bytes(&vector.pong));
            assert_eq!(decoded(version, &wire), [Event::Pong(context.clone())]);
        }
    }
    // Whatever context the caller makes up, 16 bytes go out.
    let mut wire = Vec::new();
    Encoder::new(Version::V3_1).pong(&[7; 20], &mut wire);
    assert_eq!(wire.len(), 2 + 5 + 16);
}

#[test]
fn commands_may_come_between_the_frames_of_a_message() {
    let stream = b"\x01\x01a\x04\x07\x04PING\0\x05\x04\x04\x03XYZ\x00\x01b\x04\x05\x04PONG";
    let frame = |flags, body: &[u8]| Event::Frame(flags, body.to_vec());
    let ping = Event::Ping(5, Vec::new());
    let expected = [frame(1, b"a"), ping, frame(0, b"b"), Event::Pong(Vec::new())];
    assert_eq!(decoded(Version::V3_1, stream), expected);
}

#[test]
fn whole_small_frames_and_subscriptions_come_as_spans() {
    let wire = b"\x00\x01a\x04\x0A\x09SUBSCRIBE\x01\x01b\x00\x00\x04\x07\x06CANCEL";
    let mut recorder = Recorder::default();
    let mut decoder = Decoder::new(Version::V3_1, None, APART);
    decode(&mut decoder, &[wire], &mut recorder).unwrap();
    assert_eq!((recorder.in_spans, recorder.messages), (5, 4));
}

#[test]
fn large_frames_never_come_as_spans() {
    let mut wire = Vec::new();
    let mut encoder = Encoder::new(Version::V3_1);
    for size in [15, 16, 17, 15] {
        encoder.translate(0, &vec![1; size], &mut wire);
    }
    let mut recorder = Recorder { apart: 16, ..Recorder::default() };
    decode(&mut Decoder::new(Version::V3_1, None, 16), &[&wire], &mut recorder).unwrap();
    assert_eq!((recorder.in_spans, recorder.messages), (2, 4));
}

#[test]
fn frames_that_no_log_may_hold_are_rewritten() {
    // Reserved flags; a long size for a short body; the same on a subscription.
    let wire = b"\xF9\x01a\x02\0\0\0\0\0\0\0\x01b\x84\x0A\x09SUBSCRIBE\
        \x06\0\0\0\0\0\0\0\x0A\x09SUBSCRIBE";
    assert_eq!(decoded(Version::V3_1, wire).len(), 4);
    let mut recorder = Recorder::default();
    decode(&mut Decoder::new(Version::V3_1, None, APART), &[wire], &mut recorder).unwrap();
    assert_eq!((recorder.in_spans, recorder.messages), (0, 3));
    assert_eq!(recorder.events[0], Event::Frame(1, b"a".to_vec()));
}

#[test]
fn credit_stops_the_decoder_right_after_a_message() {
    let wire: &[u8] = b"\x00\x01a\x01\x01b\x00\x01c\x04\x0A\x09SUBSCRIBE\x80\x01d\x04\x05\x04PONG";
    let ends = [3, 9, 21, 24];
    for piece in 1..=wire.len() {
        for credit in 1..=4 {
            // Feeds `piece` bytes at a time at most, and gives new credit when none is left.
            let mut decoder = Decoder::new(Version::V3_1, None, APART);
            let mut recorder = Recorder::default();
            let (mut at, mut left, mut total) = (0, credit, 0);
            while at < wire.len() {
                let end = wire.len().min(at + piece);
                let done = decoder.decode(&wire[at..end], left, &mut recorder).unwrap();
                assert!(done.messages <= left);
                at += done.consumed;
                left -= done.messages;
                total += done.messages;
                assert_eq!(total, recorder.messages);
                if left == 0 {
                    assert_eq!(at, ends[total - 1], "not right after a message");
                    let none = decoder.decode(&wire[at..], 0, &mut recorder).unwrap();
                    assert_eq!((none.consumed, none.messages), (0, 0));
                    left = credit;
                } else {
                    assert_eq!(at, end, "credit left, yet not all consumed");
                }
            }
            assert_eq!(recorder.events.len(), 6);
        }
    }
}

#[test]
fn commands_for_the_session_need_no_credit() {
    let commands: &[u8] = b"\x04\x05\x04PONG\x04\x08\x06FUTURE1\x04\x07\x04PING\0\0";
    // Messages, commands for the socket, and what is cut or wrong wait for credit.
    for rest in [
        &b"\x00\x01a"[..],
        b"\x01\x01a",
        b"\x04\x0A\x09SUBSCRIBE",
        b"\x04\x05\x04PON",
        b"\x04\x00",
        b"\x04\x03\x04PI",
        b"\x05\x05\x04PONG",
        b"",
    ] {
        let mut decoder = Decoder::new(Version::V3_1, None, APART);
        let mut recorder = Recorder::default();
        let input = [commands, rest].concat();
        assert_eq!(decoder.decode_commands(&input, &mut recorder).unwrap(), commands.len());
        assert_eq!((recorder.events.len(), recorder.messages), (2, 0));
        assert_eq!(decoder.decode_commands(rest, &mut recorder).unwrap(), 0);
        // Not within a frame.
        decoder.decode(b"\x00\x14", 1, &mut recorder).unwrap();
        assert_eq!(decoder.decode_commands(commands, &mut recorder).unwrap(), 0);
    }
    // Peers before ZMTP 3 have no commands.
    let mut old = Decoder::new(Version::V2_0, None, APART);
    assert_eq!(old.decode_commands(commands, &mut Recorder::default()).unwrap(), 0);
}

#[test]
fn commands_in_a_row_are_told_like_those_that_come_singly() {
    let commands: [&[u8]; 5] = [
        b"\x04\x0A\x04PING\0\x03abc",
        b"\x04\x05\x04PONG",
        b"\x04\x08\x06FUTURE1",
        b"\x04\x17\x04PING\0\0sixteen bytes ..",
        b"\x06\0\0\0\0\0\0\0\x07\x04PING\0\x01",
    ];
    for first in 0..commands.len() {
        let mut row: Vec<&[u8]> = commands[first..].iter().chain(&commands).copied().collect();
        // Between frames of a message, before one that is to be stored, and before one that is cut.
        row.insert(first, b"\x01\x01a");
        row.extend([&b"\x00\x01b"[..], commands[0], b"\x04\x0A\x09SUBSCRIBE", commands[1]]);
        let mut singly = Recorder { apart: APART, ..Recorder::default() };
        let mut decoder = Decoder::new(Version::V3_1, None, APART);
        for command in &row {
            // Byte by byte, nothing comes in a row.
            for byte in command.chunks(1) {
                decode(&mut decoder, &[byte], &mut singly).unwrap();
            }
        }
        assert_eq!(decoded(Version::V3_1, &row.concat()), singly.events);
    }
}

#[test]
fn an_unknown_command_of_any_length_is_drained() {
    let name = b"\x06FUTURE";
    let mut decoder = Decoder::new(Version::V3_1, None, APART);
    let mut recorder = Recorder::default();
    let length: u64 = 3 << 20;
    let header = [&[6], length.to_be_bytes().as_slice(), name].concat();
    decode(&mut decoder, &[&header], &mut recorder).unwrap();
    let mut left = length as usize - name.len();
    while left > 0 {
        let piece = vec![0xEE; left.min(100_000)];
        left -= piece.len();
        decode(&mut decoder, &[&piece], &mut recorder).unwrap();
    }
    decode(&mut decoder, &[b"\x00\x02ok"], &mut recorder).unwrap();
    assert_eq!(recorder.events, [Event::Frame(0, b"ok".to_vec())]);
}
