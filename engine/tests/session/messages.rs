//! Messages in both directions: all sizes, in parts, in order.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, BOTH, Harness, Over, Settings, connection, more};
use crate::peer::{Frame, wire};
use ringmq_engine::BackendKind;
use ringmq_pipe::{Capacity, Message, frame};
use std::sync::mpsc::channel;

/// Around every size at which something changes: inline bodies, long headers, attached bodies, receive
/// buffers, and the end of what is trusted of an announced length.
const SIZES: [usize; 18] = [
    0, 1, 47, 48, 49, 255, 256, 257, 4000, 8191, 8192, 8193, 65_527, 65_536, 70_000, 262_144,
    300_000, 2_000_000,
];

fn body(size: usize, seed: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ at >> 8 ^ seed) as u8).collect()
}

fn every_size_goes_out_as_it_is(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(over);
        for round in 0..3 {
            let writer = std::thread::spawn(move || {
                SIZES.iter().for_each(|size| app.send(body(*size, round)));
                app
            });
            for size in SIZES {
                assert!(peer.message() == body(size, round), "{size} bytes over {over:?}");
            }
            app = writer.join().unwrap();
        }
    }
}

fn every_size_comes_in_as_it_is(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(over);
        let writer = std::thread::spawn(move || {
            SIZES.iter().for_each(|size| peer.write(&wire(0, &body(*size, 1))));
            peer
        });
        for size in SIZES {
            assert!(app.recv() == *body(size, 1), "{size} bytes over {over:?}");
        }
        drop(writer.join().unwrap());
    }
}

fn bytes_may_come_one_by_one(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(Over::Tcp);
    peer.socket.set_tcp_nodelay(true).unwrap();
    let mut stream = wire(frame::MORE, b"part");
    stream.extend(wire(0, &body(300, 2)));
    stream.extend(wire(0, b""));
    for byte in stream {
        peer.write(&[byte]);
    }
    let first = app.recv();
    assert!(first.more() && first == *b"part");
    assert_eq!(app.recv(), *body(300, 2));
    assert_eq!(app.recv(), *b"");
}

fn messages_of_many_parts_stay_together(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    for round in 0..50 {
        app.send(more(&round.to_string().into_bytes()));
        app.send(more(&body(20_000, round)));
        app.send(more(b""));
        app.send(body(10, round));
        let expected =
            [round.to_string().into_bytes(), body(20_000, round), Vec::new(), body(10, round)];
        for (at, expected) in expected.iter().enumerate() {
            let Frame { flags, body } = peer.frame();
            assert_eq!(flags, if at < 3 { frame::MORE } else { 0 });
            assert!(body == *expected);
            peer.write(&wire(flags, &body));
        }
        for (at, expected) in expected.iter().enumerate() {
            let message = app.recv();
            assert_eq!(message.more(), at < 3);
            assert!(message == **expected);
        }
    }
}

/// Far more than the high-water marks and the buffers of the kernel hold, both ways at once.
fn a_hundred_thousand_messages_go_both_ways(kind: BackendKind) {
    const COUNT: u32 = 100_000;
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(over);
        let mut back = peer.socket.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for start in (0..COUNT).step_by(100) {
                let chunk: Vec<_> =
                    (start..start + 100).flat_map(|n| wire(0, &n.to_le_bytes())).collect();
                std::io::Write::write_all(&mut back, &chunk).unwrap();
            }
        });
        let reader = std::thread::spawn(move || {
            for number in 0..COUNT {
                assert_eq!(peer.message(), number.to_be_bytes());
            }
            peer
        });
        // The socket sends and receives by turns, as it is given room and messages.
        let (mut sent, mut received) = (0, 0);
        while sent < COUNT || received < COUNT {
            let mut any = false;
            let mut frame = Message::copy_from(&sent.to_be_bytes());
            while sent < COUNT && app.end.tx.write(&mut frame).is_ok() {
                sent += 1;
                frame = Message::copy_from(&sent.to_be_bytes());
                any = true;
            }
            while let Some(message) = app.end.rx.read() {
                assert_eq!(message, received.to_le_bytes());
                received += 1;
                any = true;
            }
            if !any {
                std::thread::yield_now();
            }
        }
        writer.join().unwrap();
        drop(reader.join().unwrap());
    }
}

fn subscriptions_of_the_peer_reach_the_socket_as_commands(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(Over::Tcp);
    let mut stream = Vec::new();
    ringmq_zmtp::subscribe_frame(b"a", &mut stream);
    stream.extend(wire(0, b"between"));
    ringmq_zmtp::cancel_frame(b"a", &mut stream);
    peer.write(&stream);
    let first = app.recv();
    assert_eq!(first.flags(), frame::COMMAND);
    assert_eq!(first, *b"\x09SUBSCRIBEa");
    assert_eq!(app.recv(), *b"between");
    assert_eq!(app.recv(), *b"\x06CANCELa");
}

fn only_the_latest_message_is_kept_of_each_direction(kind: BackendKind) {
    let settings =
        Settings { send: Capacity::Conflated, receive: Capacity::Conflated, ..Settings::default() };
    let harness = Harness::with(kind, settings);
    let (mut app, pipe) = App::lent(&harness.settings);
    for size in [10, 20_000, 30] {
        app.send(body(size, 3));
    }
    let (stream, mut peer) = connection(Over::Unix);
    harness.session(stream, Some(pipe));
    peer.shake_hands();
    assert_eq!(peer.message(), body(30, 3));
    app.send(body(20_000, 4));
    assert_eq!(peer.message(), body(20_000, 4));
    for size in [20_000, 40, 9] {
        peer.write(&wire(0, &body(size, 5)));
    }
    // Each replaces the one before; the last one stays.
    while app.recv() != *body(9, 5) {}
}

fn what_a_peer_says_to_a_socket_that_only_sends_is_read_and_dropped(kind: BackendKind) {
    let mut harness = Harness::with(kind, Settings { discard: true, ..Settings::default() });
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let flood = wire(0, &[1; 100_000]);
    for _ in 0..50 {
        peer.write(&flood);
    }
    peer.write(b"\x04\x08\x04PING\0\0x");
    assert_eq!(peer.frame().body, b"\x04PONGx");
    app.send("still there");
    assert_eq!(peer.message(), b"still there");
    assert!(app.end.rx.read().is_none());
}

/// The notifier of the log rings once for a sleeping session, however the threads race.
fn no_message_is_forgotten_by_a_sleeping_session(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let (arrived, arrivals) = channel();
    let reader = std::thread::spawn(move || {
        for _ in 0..2000 {
            arrived.send(peer.message()).unwrap();
        }
    });
    // Each only after the one before has arrived, so that the session has gone to rest in between.
    for number in 0..2000u32 {
        app.send(number.to_be_bytes());
        let got = arrivals.recv_timeout(crate::common::DEADLINE).unwrap();
        assert_eq!(got, number.to_be_bytes());
    }
    reader.join().unwrap();
}

on_each_backend!(
    every_size_goes_out_as_it_is,
    every_size_comes_in_as_it_is,
    bytes_may_come_one_by_one,
    messages_of_many_parts_stay_together,
    a_hundred_thousand_messages_go_both_ways,
    subscriptions_of_the_peer_reach_the_socket_as_commands,
    only_the_latest_message_is_kept_of_each_direction,
    what_a_peer_says_to_a_socket_that_only_sends_is_read_and_dropped,
    no_message_is_forgotten_by_a_sleeping_session,
);
