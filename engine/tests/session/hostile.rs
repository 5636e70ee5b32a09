//! Peers that are silent, slow, wrong or greedy.
#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
use crate::common::on_each_backend_alone;
use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{Harness, Over, Settings, connection};
use crate::peer::wire;
use ringmq_engine::{BackendKind, DisconnectReason};
use ringmq_zmtp::{HeartbeatConfig, ProtocolError};
use std::time::Duration;

fn a_peer_is_asked_for_a_sign_of_life_and_given_one(kind: BackendKind) {
    let mut settings = Settings::default();
    settings.config.heartbeat = Some(HeartbeatConfig {
        interval: Duration::from_millis(10),
        timeout: DEADLINE,
        ttl: Duration::from_millis(300),
    });
    let mut harness = Harness::with(kind, settings);
    let (_, mut app, mut peer) = harness.established(Over::Tcp);
    for _ in 0..5 {
        let ping = peer.frame();
        assert_eq!((ping.flags, &ping.body[..]), (4, &b"\x04PING\0\x03"[..]));
        peer.write(b"\x04\x05\x04PONG");
    }
    app.send("alive");
    while peer.frame().body != b"alive" {}
    // And the other way round, with a context to be repeated.
    peer.write(b"\x04\x0a\x04PING\0\0abc");
    while peer.frame().body != b"\x04PONGabc" {}
}

fn a_silent_peer_is_given_up(kind: BackendKind) {
    let mut settings = Settings::default();
    settings.config.heartbeat = Some(HeartbeatConfig::every(Duration::from_millis(20)));
    let mut harness = Harness::with(kind, settings);
    let (_, app, peer) = harness.established(Over::Unix);
    let reason = harness.disconnected();
    assert!(matches!(reason, DisconnectReason::HeartbeatExpired), "{reason}");
    assert!(!reason.is_final());
    drop((app, peer));
    harness.finish();
}

fn a_peer_that_does_not_keep_its_own_promise_is_given_up(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, _app, mut peer) = harness.established(Over::Tcp);
    // Something will be heard of me within a tenth of a second.
    peer.write(b"\x04\x07\x04PING\0\x01");
    assert!(matches!(harness.disconnected(), DisconnectReason::HeartbeatExpired));
}

/// Millions of questions of a peer that never reads an answer: it gets no more of them than fit.
fn answers_to_a_flood_of_pings_are_bounded(kind: BackendKind) {
    const PINGS: usize = 2_000_000;
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let flood = b"\x04\x07\x04PING\0\0".repeat(PINGS);
    peer.write(&flood);
    app.send("end of the flood");
    let mut pongs = 0;
    while peer.frame().body != b"end of the flood" {
        pongs += 1;
    }
    assert!(pongs > 0 && pongs < PINGS / 4, "{pongs} answers");
}

fn what_is_wrong_ends_the_connection_after_what_was_right(kind: BackendKind) {
    let command_with_more = b"\x05\x02\x01x".to_vec();
    let impossible_length = [&[2, 0x80][..], &[0; 7]].concat();
    for wrong in [command_with_more, impossible_length] {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(Over::Tcp);
        peer.write(&[wire(0, b"right"), wrong].concat());
        assert_eq!(app.recv(), *b"right");
        let reason = harness.disconnected();
        assert!(matches!(reason, DisconnectReason::Protocol(_)), "{reason}");
        assert!(!reason.is_final(), "the next peer may do better");
        peer.rest();
        drop(app);
        harness.finish();
    }
}

fn a_body_over_the_limit_is_refused_before_it_comes(kind: BackendKind) {
    let mut settings = Settings::default();
    settings.config.max_body = Some(1000);
    let mut harness = Harness::with(kind, settings);
    let (_, mut app, mut peer) = harness.established(Over::Tcp);
    peer.write(&wire(0, &[1; 1000]));
    assert_eq!(app.recv().len(), 1000);
    peer.write(&wire(0, &[1; 1001])[..9]);
    let reason = harness.disconnected();
    let too_large = ProtocolError::FrameTooLarge { length: 1001, limit: 1000 };
    assert!(matches!(reason, DisconnectReason::Protocol(error) if error == too_large));
}

/// Memory in use by this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Lengths are promises: memory is taken for what has arrived.
#[cfg(target_os = "linux")]
fn announced_bodies_that_never_come_take_no_memory(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let mut connections: Vec<_> = (0..50).map(|_| harness.established(Over::Unix)).collect();
    let before = resident();
    let mut announced = vec![2];
    announced.extend((1u64 << 40).to_be_bytes());
    announced.extend([1; 100]);
    for (_, app, peer) in &mut connections {
        peer.write(&announced);
        // Once this is answered, that is digested: the other direction is not held up.
        app.send("x");
        assert_eq!(peer.message(), b"x");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes for 50 announcements");
    // The peer of one of them goes: nothing of its message is seen.
    let (_, mut app, peer) = connections.pop().unwrap();
    drop(peer);
    assert!(matches!(harness.disconnected(), DisconnectReason::PeerClosed));
    assert!(app.end.rx.read().is_none());
}

/// A connection that is broken in the middle of a message does not disturb its neighbours.
fn one_bad_peer_does_not_harm_the_others(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, mut good, mut good_peer) = harness.established(Over::Tcp);
    for round in 0..50u32 {
        let (stream, mut bad) = connection(Over::Tcp);
        harness.session(stream, None);
        if round % 2 == 0 {
            bad.shake_hands();
            bad.write(&wire(1, b"half a message"));
            harness.attached();
        } else {
            bad.write(b"nonsense, and much of it: more than any greeting has room for");
        }
        bad.socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(bad);
        harness.disconnected();
        good.send(round.to_be_bytes());
        assert_eq!(good_peer.message(), round.to_be_bytes());
    }
}

on_each_backend!(
    a_peer_is_asked_for_a_sign_of_life_and_given_one,
    a_silent_peer_is_given_up,
    a_peer_that_does_not_keep_its_own_promise_is_given_up,
    answers_to_a_flood_of_pings_are_bounded,
    what_is_wrong_ends_the_connection_after_what_was_right,
    a_body_over_the_limit_is_refused_before_it_comes,
    one_bad_peer_does_not_harm_the_others,
);
#[cfg(target_os = "linux")]
on_each_backend_alone!(announced_bodies_that_never_come_take_no_memory);
