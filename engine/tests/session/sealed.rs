//! Sessions with a mechanism that seals each frame.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{App, BOTH, Harness, Over, Settings, connection, more};
use crate::peer::wire;
use crate::sealed_peer::{ROUTER, SealedPeer, client, established, server};
use crate::xor::{self, Xor};
use ringmq_engine::{BackendKind, DisconnectReason, Fetch};
use ringmq_pipe::{Capacity, frame};
use ringmq_zmtp::{HeartbeatConfig, ProtocolError, subscribe_frame};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SIZES: [usize; 10] = [0, 1, 222, 223, 255, 256, 8192, 8193, 70_000, 2_000_000];

fn messages_of_every_size_are_sealed_both_ways(kind: BackendKind) {
    for over in BOTH {
        let mut harness = server(kind);
        let (mut app, mut peer) = established(&mut harness, over);
        let writer = std::thread::spawn(move || {
            for size in SIZES {
                app.send(more(&vec![1; size]));
                app.send(more(b""));
                app.send(vec![2; size]);
            }
            app
        });
        for size in SIZES {
            let parts = [peer.frame(), peer.frame(), peer.frame()];
            let expected =
                [(frame::MORE, vec![1; size]), (frame::MORE, Vec::new()), (0, vec![2; size])];
            assert!(parts == expected, "{size} bytes over {over:?}");
        }
        let mut app = writer.join().unwrap();
        let writer = std::thread::spawn(move || {
            for size in SIZES {
                peer.send(frame::MORE, &vec![3; size]);
                peer.send(0, &vec![4; size]);
            }
            peer
        });
        for size in SIZES {
            let first = app.recv();
            assert!(first.more() && first == *vec![3; size], "{size} bytes over {over:?}");
            let last = app.recv();
            assert!(!last.more() && last == *vec![4; size], "{size} bytes over {over:?}");
        }
        drop(writer.join().unwrap());
    }
}

/// A thread of the application that has the reading half opens what it reads, and the I/O thread
/// goes on where it has stopped, in the middle of a frame or not.
fn a_thread_of_the_application_may_read_by_itself(kind: BackendKind) {
    for over in BOTH {
        let mut harness = server(kind);
        let (mut app, mut peer) = established(&mut harness, over);
        let deadline = Instant::now() + DEADLINE;
        let direct = loop {
            assert!(Instant::now() < deadline, "the reading half is never lent");
            if let Some(direct) = app.end.state.direct() {
                direct.ask();
                if direct.reader().is_some() {
                    break direct;
                }
            }
            std::thread::sleep(Duration::from_micros(200));
        };
        let mut reader = direct.reader();
        let writer = std::thread::spawn(move || {
            for size in SIZES {
                peer.send(frame::MORE, &vec![3; size]);
                peer.send(0, &vec![4; size]);
            }
            peer.send(frame::COMMAND, b"\x04PING\0\0read");
            peer
        });
        let mut frames = VecDeque::new();
        for turn in 1.. {
            assert!(Instant::now() < deadline, "{} frames", frames.len());
            if reader.as_mut().is_some_and(|reader| reader.fetch() == Fetch::Closed) {
                reader = None;
            }
            while let Some(message) = app.end.rx.read() {
                frames.push_back((message.flags(), message.to_vec()));
            }
            if frames.len() == 2 * SIZES.len() {
                break;
            }
            // Now and then the I/O thread may have a turn.
            if turn % 4 == 0 || reader.is_none() {
                drop(reader.take());
                direct.ask();
                std::thread::sleep(Duration::from_micros(200));
                reader = direct.reader();
            }
        }
        drop(reader);
        for size in SIZES {
            assert!(frames.pop_front() == Some((frame::MORE, vec![3; size])), "{size} {over:?}");
            assert!(frames.pop_front() == Some((0, vec![4; size])), "{size} {over:?}");
        }
        direct.give_back();
        let mut peer = writer.join().unwrap();
        assert_eq!(peer.frame(), (frame::COMMAND, b"\x04PONGread".to_vec()));
    }
}

/// The session may be the end that is let in, and its first words are sealed as all others.
fn subscriptions_and_signs_of_life_are_sealed(kind: BackendKind) {
    let mut settings = Settings { config: client(), ..Settings::default() };
    subscribe_frame(b"topic", &mut settings.preamble);
    settings.config.heartbeat = Some(HeartbeatConfig {
        timeout: Duration::ZERO,
        ..HeartbeatConfig::every(Duration::from_millis(10))
    });
    let mut harness = Harness::with(kind, settings);
    let (descriptor, peer) = connection(Over::Tcp);
    harness.session(descriptor, None);
    let mut peer = SealedPeer::shake_hands(peer, xor::config(ROUTER, Xor::Server)).unwrap();
    let mut app = harness.attached();
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x09SUBSCRIBEtopic".to_vec()));
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x04PING".to_vec()));
    peer.send(frame::COMMAND, b"\x04PING\0\0context");
    while peer.frame() != (frame::COMMAND, b"\x04PONGcontext".to_vec()) {}
    // The other way round, a subscription is the socket's.
    peer.send(frame::COMMAND, b"\x06CANCELtopic");
    let command = app.recv();
    assert!(command == *b"\x06CANCELtopic" && command.flags() == frame::COMMAND);
}

/// A sign of life behind messages for which there is no room.
fn a_full_pipe_answers_pings(kind: BackendKind) {
    let mut harness = server(kind);
    harness.settings.receive = Capacity::Messages(3);
    let (mut app, mut peer) = established(&mut harness, Over::Unix);
    for number in 0..3 {
        peer.send(0, &[number]);
    }
    peer.send(frame::COMMAND, b"\x04PING\0\0full");
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x04PONGfull".to_vec()));
    for number in 3..100 {
        peer.send(0, &[number]);
    }
    for number in 0..100 {
        assert_eq!(app.recv(), [number]);
    }
}

/// What one connection has not sent as a whole goes to the next, sealed anew.
fn whole_messages_go_to_the_next_connection(kind: BackendKind) {
    const COUNT: u32 = 400;
    let mut harness = Harness::with(kind, Settings { config: client(), ..Settings::default() });
    let (mut app, pipe) = App::lent(&harness.settings);
    for number in 0..COUNT {
        app.send(more(&number.to_be_bytes()));
        app.send(vec![number as u8; 20_000]);
    }
    let (descriptor, peer) = connection(Over::Unix);
    harness.session(descriptor, Some(pipe));
    let peer_config = || xor::config(ROUTER, Xor::Server);
    let mut peer = SealedPeer::shake_hands(peer, peer_config()).unwrap();
    for number in 0..3_u32 {
        assert_eq!(peer.frame(), (frame::MORE, number.to_be_bytes().to_vec()));
        peer.frame();
    }
    drop(peer);
    let pipe = harness.ended().pipe;
    let (descriptor, peer) = connection(Over::Unix);
    harness.session(descriptor, pipe);
    let mut peer = SealedPeer::shake_hands(peer, peer_config()).unwrap();
    let (_, first) = peer.frame();
    let first = u32::from_be_bytes(first.try_into().unwrap());
    assert!((3..COUNT).contains(&first), "{first}");
    assert_eq!(peer.frame(), (0, vec![first as u8; 20_000]));
    for number in first + 1..COUNT {
        assert_eq!(peer.frame(), (frame::MORE, number.to_be_bytes().to_vec()));
        assert_eq!(peer.frame(), (0, vec![number as u8; 20_000]));
    }
}

fn a_broken_seal_ends_the_connection(kind: BackendKind) {
    let mut harness = server(kind);
    let (mut app, mut peer) = established(&mut harness, Over::Tcp);
    peer.send(0, b"sealed");
    peer.peer.write(&wire(0, b"not sealed"));
    assert_eq!(app.recv(), *b"sealed");
    let reason = harness.disconnected();
    assert!(matches!(reason, DisconnectReason::Protocol(ProtocolError::BrokenSeal)), "{reason}");
    assert!(app.end.rx.read().is_none());
}

on_each_backend!(
    messages_of_every_size_are_sealed_both_ways,
    a_thread_of_the_application_may_read_by_itself,
    subscriptions_and_signs_of_life_are_sealed,
    a_full_pipe_answers_pings,
    whole_messages_go_to_the_next_connection,
    a_broken_seal_ends_the_connection,
);
