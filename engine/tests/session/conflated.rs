//! Pipes that keep only the latest message.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, Harness, Over, Settings, connection, more};
use crate::peer::Speaks;
use ringmq_engine::BackendKind;
use ringmq_pipe::{Capacity, Message, frame};

fn settings() -> Settings {
    Settings { send: Capacity::Conflated, receive: Capacity::Conflated, ..Settings::default() }
}

/// The frames of a message: empty, small, and so large that it is not copied.
const SIZES: [usize; 5] = [3, 0, 20_000, 8192, 9000];

fn every_frame_of_the_latest_message_is_sent_and_received(kind: BackendKind) {
    for speaks in [Speaks::V3_1, Speaks::V3_0, Speaks::V2_0, Speaks::V1_0] {
        let mut harness = Harness::with(kind, settings());
        let (mut app, pipe) = App::lent(&harness.settings);
        for round in 1..4 {
            SIZES.iter().for_each(|size| app.send(more(&vec![round; *size])));
            app.send("last");
        }
        app.send(more(b"not whole"));
        let (stream, mut peer) = connection(Over::Tcp);
        harness.session(stream, Some(pipe));
        peer.shake_hands_as(speaks);
        harness.connected();
        let mut echo = Vec::new();
        for size in SIZES {
            let frame = peer.frame();
            assert!(frame.flags == frame::MORE && frame.body == vec![3; size], "{speaks:?}");
            echo.extend(peer.wire(frame::MORE, &frame.body));
        }
        assert_eq!(peer.message(), b"last", "{speaks:?}");
        echo.extend(peer.wire(0, b"last"));
        peer.write(&echo);
        for size in SIZES {
            let frame = app.recv();
            assert!(frame.more() && frame == *vec![3; size], "{speaks:?}");
        }
        assert_eq!(app.recv(), *b"last");
        app.send("whole now");
        assert_eq!(peer.frame().body, b"not whole");
        assert_eq!(peer.message(), b"whole now");
    }
}

fn half_a_message_of_the_peers_is_not_continued_by_the_next(kind: BackendKind) {
    let mut harness = Harness::with(kind, settings());
    let (mut app, mut pipe) = App::lent(&harness.settings);
    for last in [false, true] {
        let (stream, mut peer) = connection(Over::Unix);
        harness.session(stream, Some(pipe));
        peer.shake_hands();
        harness.connected();
        peer.write(&peer.wire(0, b"whole"));
        assert_eq!(app.recv(), *b"whole");
        if last {
            peer.write(&peer.wire(0, b"next"));
            assert_eq!(app.recv(), *b"next");
            return;
        }
        peer.write(&peer.wire(frame::MORE, b"half"));
        drop(peer);
        harness.disconnected();
        pipe = harness.ended().pipe.unwrap();
    }
}

fn what_is_left_in_the_end_counts_as_one_message(kind: BackendKind) {
    let harness = Harness::with(kind, settings());
    let (mut app, pipe) = App::lent(&harness.settings);
    for frame in [more(b"a"), more(b"b"), Message::from("c")] {
        app.send(frame);
    }
    drop(pipe);
    assert_eq!(app.end.state.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
}

on_each_backend!(
    every_frame_of_the_latest_message_is_sent_and_received,
    half_a_message_of_the_peers_is_not_continued_by_the_next,
    what_is_left_in_the_end_counts_as_one_message,
);
