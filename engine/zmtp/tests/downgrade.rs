//! Peers of ZMTP 2.0, 1.0 and the revision between, against what libzmq does.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use ringmq_zmtp::{Config, Handshake, ProtocolError, SocketType, Version, parse_subscription};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    newer: Vec<Newer>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    r#type: String,
    routing_id: String,
    version: String,
    peer: String,
    sends: String,
    log: Vec<(u8, String)>,
    wire: String,
}

#[derive(Deserialize)]
struct Newer {
    r#type: String,
    peer_major: String,
    greeting: String,
    ready: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/downgrade.json")).unwrap()
}

fn config(case: &Case) -> Config {
    let mut config = Config::new(socket_type(&case.r#type));
    config.set_routing_id(&bytes(&case.routing_id)).unwrap();
    config
}

const SIGNATURE: &[u8] = b"\xFF\0\0\0\0\0\0\0\x01\x7F";

#[test]
fn old_peers_are_answered_like_libzmq_does() {
    for case in vectors().cases {
        let seen = listen_every_way(config(&case), &bytes(&case.peer));
        assert_eq!(seen.output, bytes(&case.sends), "{}", case.name);
        let peer = seen.peer.expect("a whole handshake");
        assert_eq!(peer.version, version(&case.version), "{}", case.name);
        assert_eq!(peer.routing_id, b"");
        assert_eq!(peer.metadata, []);
    }
}

#[test]
fn logs_are_translated_for_old_peers_like_libzmq_does() {
    for case in vectors().cases {
        let mut established = establish(config(&case), &bytes(&case.peer));
        let mut wire = Vec::new();
        assert!(!established.encoder.is_verbatim());
        for (flags, body) in &case.log {
            established.encoder.translate(*flags, &bytes(body), &mut wire);
        }
        assert_eq!(wire, bytes(&case.wire), "{}", case.name);
        if case.log.iter().all(|(flags, _)| flags & 4 == 0) {
            let mut again = Vec::new();
            for (flags, body) in &case.log {
                let body = bytes(body);
                established.encoder.translate_header(*flags, body.len() as u64, &mut again);
                again.extend(body);
            }
            assert_eq!(again, wire, "{}: headers alone", case.name);
        }
    }
}

#[test]
fn the_bytes_of_a_downgrade_go_out_step_by_step() {
    let now = Instant::now();
    let mut config = Config::new(SocketType::Dealer);
    config.set_routing_id(b"id").unwrap();
    let config = Arc::new(config);
    // What has been sent after so many bytes of the peer.
    type Steps<'a> = &'a [(usize, &'a [u8])];
    let cases: [(&[u8], Steps); 4] = [
        (b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x06\0\0", &[(10, b"\x03"), (11, b"\x05\0\x02id")]),
        (b"\xFF\0\0\0\0\0\0\0\x01\x7F\x00\x06\x01\0", &[(10, b"\x03"), (11, b"\x05\x03\0id")]),
        (b"\x03\0ab", &[(1, b"id")]),
        (b"\xFF\0\0\0\0\0\0\0\x03\x00ab", &[(10, b"id")]),
    ];
    for (peer, steps) in cases {
        let mut handshake = Handshake::new(config.clone(), now);
        let mut out = Vec::new();
        assert!(handshake.take_output(&mut out));
        assert_eq!(out, b"\xFF\0\0\0\0\0\0\0\x03\x7F");
        for (at, byte) in peer.iter().enumerate() {
            assert!(!handshake.is_done());
            assert_eq!(handshake.input(now, &mut no_random, &[*byte]), Ok(1));
            out.clear();
            handshake.take_output(&mut out);
            let expected = steps.iter().find(|(after, _)| *after == at + 1);
            assert_eq!(out, expected.map_or(b"".as_slice(), |(_, step)| step), "{peer:?} {at}");
        }
        assert!(handshake.is_done());
    }
}

#[test]
fn newer_peers_get_the_whole_3_1_greeting() {
    for case in vectors().newer {
        let own = socket_type(&case.r#type);
        let mut stream = opening(0, partner(own));
        stream[10] = bytes(&case.peer_major)[0];
        let seen = listen_every_way(Config::new(own), &stream);
        assert_eq!(seen.output, bytes(&(case.greeting + &case.ready)));
        assert_eq!(seen.peer.unwrap().version, Version::V3_1);
    }
}

#[test]
fn old_peers_are_turned_away_where_a_mechanism_is_required() {
    let v2 = [SIGNATURE, b"\x01\x08\0\0"].concat();
    let rev0 = [SIGNATURE, b"\x00\x08\x01\0"].concat();
    let v1_long = b"\xFF\0\0\0\0\0\0\0\x01\x00";
    let cases: [(&[u8], Version); 4] = [
        (&v2, Version::V2_0),
        (&rev0, Version::V1_0),
        (b"\x01\0", Version::V1_0),
        (v1_long, Version::V1_0),
    ];
    for (stream, version) in cases {
        let mut config = Config::new(SocketType::Pull);
        config.require_mechanism = true;
        let seen = listen_every_way(config, stream);
        assert_eq!(seen.error, Some(ProtocolError::VersionTooOld { version }));
    }
    let mut config = Config::new(SocketType::Pull);
    config.require_mechanism = true;
    assert!(listen_every_way(config, &opening(0, SocketType::Push)).peer.is_some());
}

#[test]
fn routing_ids_of_old_peers_are_learned_in_every_framing() {
    let long = [b"\xFF\0\0\0\0\0\0\x01\x00\x00".as_slice(), &[b'x'; 255]].concat();
    let cases: [(Vec<u8>, &[u8]); 6] = [
        ([SIGNATURE, b"\x01\x05\0\x03bob"].concat(), b"bob"),
        ([SIGNATURE, b"\x01\x05\x02\0\0\0\0\0\0\0\x03bob"].concat(), b"bob"),
        ([SIGNATURE, b"\x00\x05\x04\0bob"].concat(), b"bob"),
        (b"\x04\0bob".to_vec(), b"bob"),
        (b"\xFF\0\0\0\0\0\0\0\x04\0bob".to_vec(), b"bob"),
        (long, &[b'x'; 255]),
    ];
    for (stream, id) in cases {
        let seen = listen_every_way(Config::new(SocketType::Router), &stream);
        assert_eq!(seen.error, None);
        assert_eq!(seen.peer.unwrap().routing_id, id);
    }
}

#[test]
fn the_type_in_a_2_0_greeting_is_learned_but_not_checked() {
    for (byte, expected) in [(8, Some(SocketType::Push)), (1, Some(SocketType::Pub)), (99, None)] {
        let stream = [SIGNATURE, &[1, byte, 0, 0]].concat();
        let peer = listen_every_way(Config::new(SocketType::Pull), &stream).peer.unwrap();
        assert_eq!(peer.socket_type, expected);
    }
}

#[test]
fn publishers_hear_a_subscription_to_everything_from_a_2x_peer_that_says_nothing() {
    for own in [SocketType::Pub, SocketType::XPub] {
        let mut decoder = establish(Config::new(own), b"\x01\0").decoder;
        let mut recorder = Recorder::default();
        assert_eq!(decoder.decode(b"", 0, &mut recorder).unwrap().messages, 0);
        assert_eq!(decoder.decode(b"", 1, &mut recorder).unwrap().messages, 1);
        assert_eq!(decoder.decode(b"", 1, &mut recorder).unwrap().messages, 0);
        let [Event::Frame(flags, body)] = recorder.events.as_slice() else {
            panic!("{:?}", recorder.events);
        };
        let subscription = parse_subscription(*flags, body).unwrap();
        assert!(subscription.subscribe && subscription.topic.is_empty());
    }
    // Nobody else does, and neither is there one for revision 0 or 2.0.
    let others: [(SocketType, &[u8]); 3] = [
        (SocketType::Pull, b"\x01\0"),
        (SocketType::Pub, b"\xFF\0\0\0\0\0\0\0\x01\x7F\x00\x02\x01\0"),
        (SocketType::Pub, b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x02\0\0"),
    ];
    for (own, stream) in others {
        let mut decoder = establish(Config::new(own), stream).decoder;
        assert_eq!(decoder.decode(b"", 1, &mut Recorder::default()).unwrap().messages, 0);
    }
}

#[test]
fn frames_of_old_peers_reach_the_log_as_zmtp_3() {
    let long = [b"\xFF\0\0\0\0\0\0\x01\x2D\x00".as_slice(), &[b'z'; 300]].concat();
    let v1 = [b"\x01\0\x03\x01hi\x01\x00".as_slice(), &long, b"\x02\x81x\x01\x7E"].concat();
    let seen = listen_every_way(Config::new(SocketType::Pull), &v1);
    let expected = [
        Event::Frame(1, b"hi".to_vec()),
        Event::Frame(0, b"".to_vec()),
        Event::Frame(0, vec![b'z'; 300]),
        Event::Frame(1, b"x".to_vec()),
        Event::Frame(0, b"".to_vec()),
    ];
    assert_eq!(seen.events, expected);

    // There are no commands in 2.0: bit 2 is reserved there.
    let v2 = [SIGNATURE, b"\x01\x08\0\0", b"\x05\x02hi\x04\x00\x04\x05\x04PING"].concat();
    let seen = listen_every_way(Config::new(SocketType::Pull), &v2);
    let expected = [
        Event::Frame(1, b"hi".to_vec()),
        Event::Frame(0, b"".to_vec()),
        Event::Frame(0, b"\x04PING".to_vec()),
    ];
    assert_eq!(seen.events, expected);
}
