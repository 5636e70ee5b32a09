//! Handshakes: done, broken off, refused, never finished.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, BOTH, Harness, News, Over, Settings, connection};
use crate::peer::{introduction, wire};
use ringmq_engine::{BackendKind, DisconnectReason, MonitorEvent, Notice};
use ringmq_zmtp::{Config, ProtocolError, SocketType, Version};
use std::time::Duration;

fn a_handshake_leads_to_a_pipe(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(over);
        app.send("hello");
        assert_eq!(peer.message(), b"hello");
        assert!(app.end.state.is_connected());
        drop(peer);
        assert!(matches!(harness.disconnected(), DisconnectReason::PeerClosed));
        let end = harness.ended();
        assert!(end.established && end.pipe.is_none());
        assert!(!app.end.state.is_connected());
        harness.finish();
    }
}

fn a_pipe_that_was_there_is_told_of_its_peer(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (mut app, pipe) = App::lent(&harness.settings);
    app.send("queued before there was a connection");
    let (stream, mut peer) = connection(Over::Tcp);
    harness.session(stream, Some(pipe));
    peer.shake_hands();
    let info = harness.connected();
    assert_eq!((info.version, info.socket_type), (Version::V3_1, Some(SocketType::Dealer)));
    assert_eq!(peer.message(), b"queued before there was a connection");
}

/// Who waits for the event, and then sends, sends to the peer too.
fn a_peer_is_there_before_its_event(kind: BackendKind) {
    for lent in [false, true] {
        let mut harness = Harness::new(kind);
        let pipe = lent.then(|| App::lent(&harness.settings));
        let (_app, pipe) = pipe.unzip();
        let (stream, mut peer) = connection(Over::Tcp);
        harness.session(stream, pipe);
        peer.shake_hands();
        let told_first = harness.wait(|news| match news {
            News::Attached(_) | News::Connected(_) => Ok(false),
            News::Event(MonitorEvent::HandshakeSucceeded { .. }) => Ok(true),
            other => Err(other),
        });
        assert!(!told_first);
    }
}

/// What comes with the last byte of the handshake, and with its first, is not lost.
fn bytes_behind_the_handshake_belong_to_messages(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (stream, mut peer) = connection(over);
        peer.write(&[introduction(), wire(0, b"first"), wire(0, b"second")].concat());
        harness.session(stream, None);
        let mut app = harness.attached();
        assert_eq!(app.recv(), *b"first");
        assert_eq!(app.recv(), *b"second");
    }
}

fn the_preamble_goes_before_everything_else(kind: BackendKind) {
    let mut preamble = Vec::new();
    ringmq_zmtp::subscribe_frame(b"topic", &mut preamble);
    let settings = Settings { preamble: preamble.clone(), ..Settings::default() };
    let harness = Harness::with(kind, settings);
    let (mut app, pipe) = App::lent(&harness.settings);
    app.send("later");
    let (stream, mut peer) = connection(Over::Unix);
    harness.session(stream, Some(pipe));
    peer.shake_hands();
    assert_eq!(peer.bytes(preamble.len()), preamble);
    assert_eq!(peer.message(), b"later");
}

const HALF_A_GREETING: &[u8] = b"\xff\0\0\0";

fn garbage_is_a_violation_of_the_protocol(kind: BackendKind) {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 200], HALF_A_GREETING] {
        let mut harness = Harness::new(kind);
        let (stream, mut peer) = connection(Over::Tcp);
        harness.session(stream, None);
        peer.write(garbage);
        if garbage == HALF_A_GREETING {
            peer.end();
            assert!(
                !harness.handshake_failed().is_final(),
                "half a greeting may have been bad luck"
            );
        } else {
            let reason = harness.handshake_failed();
            assert!(matches!(reason, DisconnectReason::Protocol(_)), "{reason}");
            assert!(!reason.is_final(), "the next peer may do better");
        }
        harness.disconnected();
        let end = harness.ended();
        assert!(!end.established);
        peer.rest();
        harness.finish();
    }
}

fn a_peer_of_the_wrong_kind_is_refused(kind: BackendKind) {
    let settings = Settings { config: Config::new(SocketType::Pub), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (stream, mut peer) = connection(Over::Tcp);
    harness.session(stream, None);
    peer.write(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL");
    peer.write(&[0; 16 + 32]);
    peer.write(b"\x04\x18\x05READY\x0bSocket-Type\0\0\0\x02NO");
    let reason = harness.handshake_failed();
    assert!(
        matches!(reason, DisconnectReason::Protocol(ProtocolError::IncompatibleSocketType { .. })),
        "{reason}"
    );
}

fn silence_ends_when_the_time_is_up(kind: BackendKind) {
    let mut settings = Settings::default();
    settings.config.handshake_timeout = Some(Duration::from_millis(50));
    let mut harness = Harness::with(kind, settings);
    let (stream, mut peer) = connection(Over::Tcp);
    // Before the time begins to run.
    peer.write(b"\xff\0\0\0");
    harness.session(stream, None);
    let reason = harness.handshake_failed();
    assert!(matches!(reason, DisconnectReason::Protocol(ProtocolError::HandshakeTimeout)));
    assert!(!reason.is_final());
    peer.rest();
    harness.finish();
}

fn a_socket_without_room_ignores_its_peer(kind: BackendKind) {
    let mut harness = Harness::with(kind, Settings { ignore: true, ..Settings::default() });
    let (stream, mut peer) = connection(Over::Unix);
    let session = harness.session(stream, None);
    peer.shake_hands();
    // It takes what it is told, and answers a PING.
    for _ in 0..100 {
        peer.write(&wire(0, &[7; 10_000]));
    }
    peer.write(b"\x04\x08\x04PING\0\0x");
    assert_eq!(peer.frame().body, b"\x04PONGx");
    harness.tell(session, Notice::Abandon);
    assert!(matches!(harness.disconnected(), DisconnectReason::Local));
    peer.rest();
}

/// A socket that closes does not wait for peers that say nothing.
fn a_closed_pipe_with_nothing_in_it_ends_a_handshake(kind: BackendKind) {
    for linger in [None, Some(Duration::ZERO)] {
        let mut harness = Harness::new(kind);
        let (mut app, pipe) = App::lent(&harness.settings);
        if linger == Some(Duration::ZERO) {
            app.send("nobody will get this");
        }
        let (stream, _peer) = connection(Over::Tcp);
        let session = harness.session(stream, Some(pipe));
        let state = app.close(linger);
        harness.tell(session, Notice::Abandon);
        assert!(matches!(harness.disconnected(), DisconnectReason::Local));
        let dropped = u64::from(linger.is_some());
        drop(harness.ended());
        assert_eq!(state.dropped.load(std::sync::atomic::Ordering::Relaxed), dropped);
        harness.finish();
    }
}

on_each_backend!(
    a_handshake_leads_to_a_pipe,
    a_pipe_that_was_there_is_told_of_its_peer,
    a_peer_is_there_before_its_event,
    bytes_behind_the_handshake_belong_to_messages,
    the_preamble_goes_before_everything_else,
    garbage_is_a_violation_of_the_protocol,
    a_peer_of_the_wrong_kind_is_refused,
    silence_ends_when_the_time_is_up,
    a_socket_without_room_ignores_its_peer,
    a_closed_pipe_with_nothing_in_it_ends_a_handshake,
);
