//! Receiving: once, as a stream, paused and gone on with, to the end.
#![allow(clippy::unwrap_used)]

use crate::common::{on_each_backend, under_wine};
use crate::rig::{Rig, What, pair, pattern, tcp_pair};
use ringmq_engine::backend::{Ended, RECEIVE_BUFFER, Receive};
use ringmq_engine::{BackendKind, Token};
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

fn once_brings_one_buffer_and_no_more(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    rig.backend.receive(token, &near, Receive::Once);
    rig.silence();
    far.write_all(b"one").unwrap();
    assert!(matches!(rig.next_of(token), What::Received(bytes) if bytes == b"one"));
    assert!(matches!(rig.next_of(token), What::Ended(Ended::Stopped)));
    far.write_all(b"two").unwrap();
    rig.silence();
    assert_eq!(rig.receive_once(token, &near), b"two");
    rig.silence();
}

fn once_never_brings_more_than_a_buffer(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    let sent = pattern(RECEIVE_BUFFER + RECEIVE_BUFFER / 2);
    let copy = sent.clone();
    let writer = std::thread::spawn(move || far.write_all(&copy).unwrap());
    let mut got = Vec::new();
    while got.len() < sent.len() {
        let bytes = rig.receive_once(token, &near);
        assert!(bytes.len() <= RECEIVE_BUFFER);
        got.extend(bytes);
    }
    assert!(got == sent);
    writer.join().unwrap();
}

fn a_stream_goes_on_until_it_is_paused(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    rig.backend.receive(token, &near, Receive::Stream);
    for round in 0..200u8 {
        far.write_all(&[round; 10]).unwrap();
        assert_eq!(rig.received(token, 10), [round; 10]);
    }
    rig.backend.pause(token);
    rig.backend.pause(token);
    assert!(matches!(rig.next_of(token), What::Ended(Ended::Stopped)));
    far.write_all(b"later").unwrap();
    rig.silence();
    rig.backend.receive(token, &near, Receive::Stream);
    assert_eq!(rig.received(token, 5), b"later");
    rig.silence();
}

fn pausing_what_does_not_receive_does_nothing(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    rig.backend.pause(token);
    far.write_all(b"x").unwrap();
    rig.receive_once(token, &near);
    rig.backend.pause(token);
    rig.silence();
    rig.backend.receive(token, &near, Receive::Stream);
    far.write_all(b"y").unwrap();
    assert_eq!(rig.received(token, 1), b"y");
    rig.silence();
}

/// With a pause after every event: whatever was on its way then comes before `Stopped` or after the
/// next receive, in order and once.
fn nothing_is_lost_or_doubled_by_pauses(kind: BackendKind) {
    for (near, mut far) in [pair(), tcp_pair()] {
        let mut rig = Rig::new(kind);
        let token = Token::unique();
        let sent = pattern(16 << 20);
        let copy = sent.clone();
        let writer = std::thread::spawn(move || far.write_all(&copy).map(|()| far).unwrap());
        rig.backend.receive(token, &near, Receive::Stream);
        let mut got = Vec::new();
        let mut pauses = 0;
        while got.len() < sent.len() {
            match rig.next_of(token) {
                What::Received(bytes) => {
                    got.extend(bytes);
                    rig.backend.pause(token);
                }
                What::Ended(Ended::Stopped) => {
                    pauses += 1;
                    rig.backend.receive(token, &near, Receive::Stream);
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
        let mut rig = Rig::new(kind);
        let token = Token::unique();
        let (near, mut far) = tcp_pair();
        far.write_all(b"last words").unwrap();
        far.shutdown(Shutdown::Write).unwrap();
        rig.backend.receive(token, &near, how);
        assert!(matches!(rig.next_of(token), What::Received(bytes) if bytes == b"last words"));
        if how == Receive::Once {
            assert!(matches!(rig.next_of(token), What::Ended(Ended::Stopped)));
            rig.backend.receive(token, &near, how);
        }
        assert!(matches!(rig.next_of(token), What::Ended(Ended::Eof)));
        rig.silence();
        // Asking again gives the same answer.
        rig.backend.receive(token, &near, how);
        assert!(matches!(rig.next_of(token), What::Ended(Ended::Eof)));
    }
}

fn a_reset_is_a_failure(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, far) = tcp_pair();
    rig.backend.receive(token, &near, Receive::Stream);
    far.set_linger(Some(Duration::ZERO)).unwrap();
    drop(far);
    let what = rig.next_of(token);
    // Wine closes in order whatever was asked for.
    let in_order = under_wine() && matches!(what, What::Ended(Ended::Eof));
    assert!(in_order || matches!(what, What::Ended(Ended::Failed(_))), "{what:?}");
    rig.silence();
}

fn a_second_receive_is_the_one_under_way(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    rig.backend.receive(token, &near, Receive::Stream);
    rig.backend.receive(token, &near, Receive::Once);
    far.write_all(b"a").unwrap();
    assert_eq!(rig.received(token, 1), b"a");
    far.write_all(b"b").unwrap();
    assert_eq!(rig.received(token, 1), b"b");
    rig.backend.pause(token);
    assert!(matches!(rig.next_of(token), What::Ended(Ended::Stopped)));
    rig.silence();
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
