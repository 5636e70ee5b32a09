//! High-water marks: how far a session reads and writes ahead of them.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{Harness, Over, Settings, connection};
use crate::peer::{introduction, wire};
use ringmq_engine::backend::RECEIVE_BUFFER;
use ringmq_engine::{BackendKind, DisconnectReason};
use ringmq_pipe::{Capacity, Message};
use ringmq_zmtp::HeartbeatConfig;
use std::time::{Duration, Instant};

/// Bytes that a connection takes with nobody reading at all.
fn kernel_takes(over: Over, bytes: &[u8]) -> usize {
    let (_unread, mut peer) = connection(over);
    peer.write_until_blocked(bytes)
}

fn a_peer_is_not_read_further_than_one_buffer_ahead(kind: BackendKind) {
    const MESSAGE: usize = 1000;
    let stream = wire(0, &[5; MESSAGE]).repeat(4000);
    let unread = kernel_takes(Over::Unix, &stream);
    assert!(unread < stream.len() / 2);
    let settings = Settings { receive: Capacity::Messages(1), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let sent = peer.write_until_blocked(&stream);
    // One buffer whose messages wait for credit, and before that another one, which had the message
    // that the mark allows and what came with it.
    assert!(sent <= unread + 2 * RECEIVE_BUFFER, "{sent} bytes went out, {unread} unread");
    // It goes on when the socket reads, and nothing is lost.
    let rest = stream[sent..].to_vec();
    let writer = std::thread::spawn(move || {
        peer.write(&rest);
        peer
    });
    for _ in 0..4000 {
        assert!(app.recv() == [5; MESSAGE]);
    }
    drop(writer.join().unwrap());
}

/// Messages of 64 KiB to a peer that does not read: the socket is refused after what the kernel takes,
/// what is on its way there, and what the mark allows.
fn a_sender_is_refused_within_a_few_messages(kind: BackendKind) {
    const MESSAGE: usize = 64 * 1024;
    let unread = kernel_takes(Over::Unix, &wire(0, &[6; MESSAGE]).repeat(64));
    let settings = Settings { send: Capacity::Messages(1), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let mut sent = 0;
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(200) {
        if app.end.tx.write(&mut Message::from(vec![6; MESSAGE])).is_ok() {
            sent += 1;
            last = Instant::now();
        }
        std::thread::yield_now();
    }
    assert!(sent <= unread / MESSAGE + 2, "{sent} messages, {unread} bytes unread");
    for _ in 0..sent {
        assert!(peer.message() == [6; MESSAGE]);
    }
    app.send("room again");
    assert_eq!(peer.message(), b"room again");
}

/// A high-water mark counts whole messages, exactly, with a peer that never gets as far as the pipe.
fn the_mark_counts_messages_of_a_connection_to_come(kind: BackendKind) {
    let settings = Settings { send: Capacity::Messages(10), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (stream, mut peer) = connection(Over::Tcp);
    let (mut app, pipe) = crate::harness::App::lent(&harness.settings);
    harness.session(stream, Some(pipe));
    let mut sent = 0u32;
    while app.end.tx.write(&mut Message::copy_from(&sent.to_be_bytes())).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 10);
    peer.shake_hands();
    harness.connected();
    for number in 0..10u32 {
        assert_eq!(peer.message(), number.to_be_bytes());
    }
    app.send("more");
    assert_eq!(peer.message(), b"more");
}

/// Whoever is not listened to is not silent: the heartbeat waits as long as the socket does.
fn a_peer_that_waits_for_us_is_not_taken_for_dead(kind: BackendKind) {
    let mut settings = Settings { receive: Capacity::Messages(1), ..Settings::default() };
    settings.config.heartbeat = Some(HeartbeatConfig::every(Duration::from_millis(20)));
    let mut harness = Harness::with(kind, settings);
    let (stream, mut peer) = connection(Over::Tcp);
    // With its messages it shakes hands: there is no time in which it could be missed.
    peer.write(&[introduction(), wire(0, b"x").repeat(10)].concat());
    harness.session(stream, None);
    let mut app = harness.attached();
    peer.bytes(64);
    assert!(peer.frame().body.starts_with(b"\x05READY"));
    // Many times the time-out, without a PONG.
    for _ in 0..10 {
        assert!(peer.frame().body.starts_with(b"\x04PING"));
    }
    for _ in 0..10 {
        assert_eq!(app.recv(), *b"x");
    }
    // Now that all of it is read, silence is silence.
    assert!(matches!(harness.disconnected(), DisconnectReason::HeartbeatExpired));
}

on_each_backend!(
    a_peer_is_not_read_further_than_one_buffer_ahead,
    a_sender_is_refused_within_a_few_messages,
    the_mark_counts_messages_of_a_connection_to_come,
    a_peer_that_waits_for_us_is_not_taken_for_dead,
);
