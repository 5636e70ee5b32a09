//! The ZMTP 3 handshake against what libzmq does, byte for byte.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use ringmq_zmtp::{Config, Handshake, ProtocolError, SocketType, Version};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    greetings: Vec<Greeting>,
    other_mechanisms: Vec<Other>,
}

#[derive(Deserialize)]
struct Greeting {
    r#type: String,
    routing_id: String,
    steps: [String; 3],
    ready: String,
}

#[derive(Deserialize)]
struct Other {
    mechanism: String,
    greeting: String,
}

#[derive(Deserialize)]
struct Drafts {
    ready: Vec<Ready>,
}

#[derive(Deserialize)]
struct Ready {
    r#type: String,
    ready: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/greeting.json")).unwrap()
}

fn config(vector: &Greeting) -> Config {
    let mut config = Config::new(socket_type(&vector.r#type));
    config.set_routing_id(&bytes(&vector.routing_id)).unwrap();
    config
}

fn taken(handshake: &mut Handshake) -> Vec<u8> {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    out
}

#[test]
fn every_byte_goes_out_as_early_as_the_peer_allows_it() {
    for vector in vectors().greetings {
        let now = Instant::now();
        let own = config(&vector);
        let peer = opening(1, partner(own.socket_type));
        let mut handshake = Handshake::new(Arc::new(own), now);
        let steps = vector.steps.each_ref().map(|step| bytes(step));
        for (have, &byte) in peer.iter().enumerate() {
            let expected = match have {
                0 => steps[0].clone(),
                10 => steps[1].clone(),
                11 => steps[2].clone(),
                64 => bytes(&vector.ready),
                _ => Vec::new(),
            };
            assert_eq!(taken(&mut handshake), expected, "{} after {have}", vector.r#type);
            assert_eq!(handshake.input(now, &mut no_random, &[byte]), Ok(1));
        }
        assert!(handshake.is_done());
        assert!(taken(&mut handshake).is_empty());
    }
}

#[test]
fn libzmq_is_understood_and_answered_however_its_bytes_are_cut() {
    for vector in vectors().greetings {
        let peer_config = config(&vector);
        let own = partner(peer_config.socket_type);
        let stream = bytes(&(vector.steps.concat() + &vector.ready));
        let seen = listen_every_way(Config::new(own), &stream);
        let peer = seen.peer.expect("a whole handshake");
        assert_eq!(peer.version, Version::V3_1);
        assert_eq!(peer.socket_type, Some(peer_config.socket_type));
        assert_eq!(peer.routing_id, peer_config.routing_id());
        assert_eq!(peer.metadata[0].0, "Socket-Type");
        assert_eq!(peer.metadata[0].1, vector.r#type.as_bytes());
        assert_eq!(seen.error, None);
    }
}

#[test]
fn draft_types_announce_themselves_like_libzmq_with_drafts() {
    let drafts: Drafts = serde_json::from_str(include_str!("vectors/draft.json")).unwrap();
    for vector in drafts.ready {
        let own = socket_type(&vector.r#type);
        let seen = listen(&Arc::new(Config::new(own)), &[&opening(1, partner(own))]);
        assert_eq!(seen.output[64..], bytes(&vector.ready), "{own}");
        let there = listen_every_way(
            Config::new(partner(own)),
            &[greeting(3, 1, "NULL"), bytes(&vector.ready)].concat(),
        );
        assert_eq!(there.peer.expect("compatible").socket_type, Some(own));
    }
}

#[test]
fn another_mechanism_is_refused() {
    for other in vectors().other_mechanisms {
        let seen = listen_every_way(Config::new(SocketType::Pull), &bytes(&other.greeting));
        let error = seen.error.expect("a mismatch");
        let expected = ProtocolError::MechanismMismatch { own: "NULL", peer: other.mechanism };
        assert_eq!(error, expected);
        assert_eq!(error.code(), Some(0x1100_0002));
        // The peer gets all 64 bytes all the same, and can tell what is wrong.
        assert_eq!(seen.output, greeting(3, 1, "NULL"));
    }
}

#[test]
fn what_carries_no_meaning_in_a_greeting_is_not_looked_at() {
    let mut stream = opening(1, SocketType::Push);
    stream[1..9].copy_from_slice(&[0xA5; 8]); // Padding.
    stream[9] = 0x01; // Only the lowest bit of the 7F counts.
    stream[32] = 1; // As-server.
    stream[33..64].fill(0x5A); // Filler.
    let seen = listen_every_way(Config::new(SocketType::Pull), &stream);
    assert_eq!(seen.peer.expect("accepted").socket_type, Some(SocketType::Push));
}

#[test]
fn the_mechanism_is_compared_with_its_padding() {
    for name in ["NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0X", "NULLX", "null", "NUL", ""] {
        let seen = listen_every_way(Config::new(SocketType::Pull), &greeting(3, 1, name));
        assert!(matches!(seen.error, Some(ProtocolError::MechanismMismatch { .. })), "{name:?}");
    }
}

#[test]
fn later_versions_are_spoken_to_in_3_1() {
    for (major, minor, version) in [
        (3, 0, Version::V3_0),
        (3, 1, Version::V3_1),
        (3, 9, Version::V3_1),
        (4, 0, Version::V3_1),
        (255, 255, Version::V3_1),
        (2, 0, Version::V3_1),
    ] {
        let mut stream = opening(minor, SocketType::Push);
        stream[10] = major;
        let seen = listen_every_way(Config::new(SocketType::Pull), &stream);
        assert_eq!(seen.peer.expect("accepted").version, version, "{major}.{minor}");
        assert_eq!(seen.output[..64], greeting(3, 1, "NULL"));
    }
}

#[test]
fn what_follows_the_handshake_is_left_to_the_decoder() {
    let now = Instant::now();
    let opening = opening(1, SocketType::Push);
    let stream = [opening.as_slice(), b"\x00\x02hi\x00"].concat();
    let mut handshake = Handshake::new(Arc::new(Config::new(SocketType::Pull)), now);
    assert_eq!(handshake.input(now, &mut no_random, &stream), Ok(opening.len()));
    let mut recorder = Recorder::default();
    let mut decoder = handshake.established().unwrap().decoder;
    decode(&mut decoder, &[&stream[opening.len()..], b"\x01!"], &mut recorder).unwrap();
    let expected = [Event::Frame(0, b"hi".to_vec()), Event::Frame(0, b"!".to_vec())];
    assert_eq!(recorder.events, expected);
    assert!(handshake.established().is_none(), "a result is taken once");
}

#[test]
fn properties_of_the_peer_are_handed_over() {
    let metadata = [
        property("identity", b"me"),
        property("X-colour", b"red"),
        property("Socket-Type", b"DEALER"),
        property("x-COLOUR", b"blue"),
    ];
    let stream = [greeting(3, 1, "NULL"), ready(&metadata.concat())].concat();
    let peer = listen_every_way(Config::new(SocketType::Router), &stream).peer.unwrap();
    assert_eq!(peer.routing_id, b"me");
    assert_eq!(peer.socket_type, Some(SocketType::Dealer));
    let names: Vec<_> = peer.metadata.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["identity", "X-colour", "Socket-Type"]);
    assert_eq!(peer.metadata[1].1, b"red");
}

#[test]
fn own_properties_follow_in_the_order_of_their_names() {
    let mut config = Config::new(SocketType::Req);
    config.set_routing_id(b"id").unwrap();
    config.set_property("X-b", b"2").unwrap();
    config.set_property("X-a", b"1").unwrap();
    let seen = listen(&Arc::new(config), &[&greeting(3, 1, "NULL")]);
    let metadata = [
        property("Socket-Type", b"REQ"),
        property("Identity", b"id"),
        property("X-a", b"1"),
        property("X-b", b"2"),
    ];
    assert_eq!(seen.output[64..], ready(&metadata.concat()));
}

#[test]
fn a_peer_that_does_not_say_its_type_is_accepted() {
    let stream = [greeting(3, 1, "NULL"), ready(&[])].concat();
    let seen = listen_every_way(Config::new(SocketType::Pull), &stream);
    assert_eq!(seen.peer.expect("accepted").socket_type, None);
}

#[test]
fn a_handshake_command_counts_without_the_command_flag() {
    let mut stream = opening(1, SocketType::Push);
    stream[64] = 0;
    let seen = listen_every_way(Config::new(SocketType::Pull), &stream);
    assert_eq!(seen.peer.expect("accepted").socket_type, Some(SocketType::Push));
}
