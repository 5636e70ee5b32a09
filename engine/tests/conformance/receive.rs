//! Receiving: once, as a stream, paused and gone on with, to the end.
#![allow(clippy::unwrap_used)]

use crate::common::{on_each_backend, under_wine};
use crate::harness::{Harness, What, pair, pattern, tcp_pair};
use ringmq_engine::backend::{Ended, RECEIVE_BUFFER, Receive};
use ringmq_engine::{BackendKind, Token};
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

fn once_brings_one_buffer_and_no_more(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.receive(token, &near, Receive::Once);
    harness.silence();
    far.write_all(b"one").unwrap();
    assert!(matches!(harness.next_of(token), What::Received(bytes) if bytes == b"one"));
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    far.write_all(b"two").unwrap();
    harness.silence();
    assert_eq!(harness.receive_once(token, &near), b"two");
    harness.silence();
}

fn once_never_brings_more_than_a_buffer(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    let sent = pattern(RECEIVE_BUFFER + RECEIVE_BUFFER / 2);
    let copy = sent.clone();
    let writer = std::thread::spawn(move || far.write_all(&copy).unwrap());
    let mut got = Vec::new();
    while got.len() < sent.len() {
        let bytes = harness.receive_once(token, &near);
        assert!(bytes.len() <= RECEIVE_BUFFER);
        got.extend(bytes);
    }
    assert!(got == sent);
    writer.join().unwrap();
}

fn a_stream_goes_on_until_it_is_paused(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.receive(token, &near, Receive::Stream);
    for round in 0..200u8 {
        far.write_all(&[round; 10]).unwrap();
        assert_eq!(harness.received(token, 10), [round; 10]);
    }
    harness.backend.pause(token);
    harness.backend.pause(token);
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    far.write_all(b"later").unwrap();
    harness.silence();
    harness.backend.receive(token, &near, Receive::Stream);
    assert_eq!(harness.received(token, 5), b"later");
    harness.silence();
}

fn pausing_what_does_not_receive_does_nothing(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.pause(token);
    far.write_all(b"x").unwrap();
    harness.receive_once(token, &near);
    harness.backend.pause(token);
    harness.silence();
    harness.backend.receive(token, &near, Receive::Stream);
    far.write_all(b"y").unwrap();
    assert_eq!(harness.received(token, 1), b"y");
    harness.silence();
}

/// With a pause after every event: whatever was on its way then comes before `Stopped` or after the
/// next receive, in order and once.
fn nothing_is_lost_or_doubled_by_pauses(kind: BackendKind) {
    for (near, mut far) in [pair(), tcp_pair()] {
        let mut harness = Harness::new(kind);
        let token = Token::unique();
        let sent = pattern(16 << 20);
        let copy = sent.clone();
        let writer = std::thread::spawn(move || far.write_all(&copy).map(|()| far).unwrap());
        harness.backend.receive(token, &near, Receive::Stream);
        let mut got = Vec::new();
        let mut pauses = 0;
        while got.len() < sent.len() {
            match harness.next_of(token) {
                What::Received(bytes) => {
                    got.extend(bytes);
                    harness.backend.pause(token);
                }
                What::Ended(Ended::Stopped) => {
                    pauses += 1;
                    harness.backend.receive(token, &near, Receive::Stream);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(got == sent, "bytes in order");
        assert!(pauses > 1);
        drop(writer.join().unwrap());
    }
}

fn the_end_comes_after_the_last_byte_and_once(kind: BackendKind) {
    for how in [Receive::Once, Receive::Stream] {
        let mut harness = Harness::new(kind);
        let token = Token::unique();
        let (near, mut far) = tcp_pair();
        far.write_all(b"last words").unwrap();
        far.shutdown(Shutdown::Write).unwrap();
        harness.backend.receive(token, &near, how);
        assert!(matches!(harness.next_of(token), What::Received(bytes) if bytes == b"last words"));
        if how == Receive::Once {
            assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
            harness.backend.receive(token, &near, how);
        }
        assert!(matches!(harness.next_of(token), What::Ended(Ended::Eof)));
        harness.silence();
        // Asking again gives the same answer.
        harness.backend.receive(token, &near, how);
        assert!(matches!(harness.next_of(token), What::Ended(Ended::Eof)));
    }
}

fn a_reset_is_a_failure(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, far) = tcp_pair();
    harness.backend.receive(token, &near, Receive::Stream);
    far.set_linger(Some(Duration::ZERO)).unwrap();
    drop(far);
    let what = harness.next_of(token);
    // Wine closes in order whatever was asked for.
    let in_order = under_wine() && matches!(what, What::Ended(Ended::Eof));
    assert!(in_order || matches!(what, What::Ended(Ended::Failed(_))), "{what:?}");
    harness.silence();
}

fn a_second_receive_is_the_one_under_way(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.receive(token, &near, Receive::Stream);
    harness.backend.receive(token, &near, Receive::Once);
    far.write_all(b"a").unwrap();
    assert_eq!(harness.received(token, 1), b"a");
    far.write_all(b"b").unwrap();
    assert_eq!(harness.received(token, 1), b"b");
    harness.backend.pause(token);
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    harness.silence();
}

on_each_backend!(
    once_brings_one_buffer_and_no_more,
    once_never_brings_more_than_a_buffer,
    a_stream_goes_on_until_it_is_paused,
    pausing_what_does_not_receive_does_nothing,
    nothing_is_lost_or_doubled_by_pauses,
    the_end_comes_after_the_last_byte_and_once,
    a_reset_is_a_failure,
    a_second_receive_is_the_one_under_way,
);
