//! What a broken connection leaves to the next one.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, Harness, Over, Settings, connection, more};
use crate::peer::{Peer, Speaks, wire};
use ringmq_engine::{BackendKind, DetachedPipe};
use ringmq_pipe::{Capacity, Message, frame};
use std::time::Duration;

/// Bytes that no kernel buffers, so that what is in the middle of them when the connection breaks
/// was not sent whole.
const TOO_MUCH: usize = 30 << 20;

/// How the message that the connection breaks in is made up.
#[derive(Clone, Copy, Debug)]
enum Middle {
    /// One body by reference.
    Large,
    /// Many frames, copied.
    Parts,
    /// Both.
    Mixed,
}

fn middle(how: Middle) -> Vec<Message> {
    let mut frames = match how {
        Middle::Large => vec![Message::from(vec![7; TOO_MUCH])],
        Middle::Parts => (0..TOO_MUCH / 4000).map(|_| more(&[7; 4000])).collect(),
        Middle::Mixed => {
            (0..TOO_MUCH / 20_000).flat_map(|_| [more(b"between"), more(&[7; 20_000])]).collect()
        }
    };
    frames.last_mut().unwrap().set_more(false);
    frames
}

fn small(number: u32) -> Vec<u8> {
    format!("message number {number}").into_bytes()
}

/// Ten messages, the middle, ten messages, through a pipe that holds less: the writer goes on as the
/// credits come in.
fn write_all(mut app: App, how: Middle) -> std::thread::JoinHandle<App> {
    std::thread::spawn(move || {
        (0..10).for_each(|number| app.send(small(number)));
        middle(how).into_iter().for_each(|frame| app.send(frame));
        (10..20).for_each(|number| app.send(small(number)));
        app
    })
}

/// The pipe of a session that was connected to a peer which went away as `leave` says.
fn through_a_connection(
    harness: &mut Harness,
    over: Over,
    speaks: Speaks,
    pipe: DetachedPipe,
    leave: impl FnOnce(Peer),
) -> DetachedPipe {
    let (stream, mut peer) = connection(over);
    harness.session(stream, Some(pipe));
    peer.shake_hands_as(speaks);
    harness.connected();
    leave(peer);
    harness.disconnected();
    harness.ended().pipe.expect("the pipe comes back")
}

fn read_all(peer: &mut Peer, how: Middle, first: u32) {
    for number in first..10 {
        assert_eq!(peer.message(), small(number));
    }
    for expected in middle(how) {
        let frame = peer.frame();
        assert_eq!(frame.flags, expected.flags());
        assert!(frame.body == *expected);
    }
    for number in 10..20 {
        assert_eq!(peer.message(), small(number));
    }
}

/// The message that was cut off is sent again, whole; none before it; all after it.
fn a_message_that_was_cut_off_begins_the_next_connection(kind: BackendKind) {
    for (speaks, how, over) in [
        (Speaks::V3_1, Middle::Large, Over::Tcp),
        (Speaks::V3_1, Middle::Parts, Over::Tcp),
        (Speaks::V3_1, Middle::Mixed, Over::Unix),
        (Speaks::V3_0, Middle::Mixed, Over::Tcp),
        (Speaks::V2_0, Middle::Parts, Over::Unix),
        (Speaks::V1_0, Middle::Large, Over::Unix),
    ] {
        let settings = Settings { send: Capacity::Messages(4), ..Settings::default() };
        let mut harness = Harness::with(kind, settings);
        let (app, mut pipe) = App::lent(&harness.settings);
        let writer = write_all(app, how);
        for round in 0..3 {
            // The first connection breaks in the middle, the others break there again.
            let leave = |mut peer: Peer| {
                let first = if round == 0 { 0 } else { 10 };
                (first..10).for_each(|number| assert_eq!(peer.message(), small(number)));
                peer.bytes(200_000);
                if round == 2 {
                    peer.socket.set_linger(Some(Duration::ZERO)).unwrap();
                }
            };
            pipe = through_a_connection(&mut harness, over, speaks, pipe, leave);
        }
        // The version may change from one to the next.
        for next in [speaks, Speaks::V3_1] {
            if next != speaks {
                pipe = through_a_connection(&mut harness, over, next, pipe, |mut peer| {
                    peer.bytes(100_000);
                });
            }
        }
        let (stream, mut peer) = connection(over);
        harness.session(stream, Some(pipe));
        peer.shake_hands_as(speaks);
        read_all(&mut peer, how, 10);
        let mut app = writer.join().unwrap();
        app.send("and on");
        assert_eq!(peer.message(), b"and on");
    }
}

/// The connection breaks with nothing under way: nothing comes twice.
fn an_idle_connection_leaves_nothing_behind(kind: BackendKind) {
    let settings = Settings { send: Capacity::Messages(4), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (mut app, mut pipe) = App::lent(&harness.settings);
    for round in 0..5u32 {
        pipe = through_a_connection(&mut harness, Over::Tcp, Speaks::V3_1, pipe, |mut peer| {
            for number in 0..20 {
                app.send(small(round * 20 + number));
                assert_eq!(peer.message(), small(round * 20 + number));
            }
        });
        assert!(!pipe.has_unsent());
    }
}

/// Half a message from one connection is not continued by the next.
fn half_a_message_of_the_peers_is_as_good_as_none(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (mut app, mut pipe) = App::lent(&harness.settings);
    let halves: [Vec<u8>; 3] = [
        wire(frame::MORE, b"half"),
        wire(0, &[1; 1000])[..500].to_vec(),
        [wire(frame::MORE, &[2; 20_000]), wire(0, &[2; 20_000])[..10_000].to_vec()].concat(),
    ];
    for half in halves {
        pipe = through_a_connection(&mut harness, Over::Unix, Speaks::V3_1, pipe, |mut peer| {
            peer.write(&wire(0, b"whole"));
            peer.write(&half);
        });
        assert_eq!(app.recv(), *b"whole");
    }
    through_a_connection(&mut harness, Over::Unix, Speaks::V3_1, pipe, |mut peer| {
        peer.write(&wire(frame::MORE, b"first"));
        peer.write(&wire(0, b"last"));
    });
    assert_eq!(app.recv(), *b"first");
    assert_eq!(app.recv(), *b"last");
    assert!(app.end.rx.read().is_none());
}

/// A handshake that fails takes nothing from the pipe.
fn a_failed_handshake_leaves_the_pipe_as_it_was(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (mut app, pipe) = App::lent(&harness.settings);
    app.send("kept");
    let (stream, mut peer) = connection(Over::Tcp);
    harness.session(stream, Some(pipe));
    peer.write(b"GET / HTTP/1.0\r\n\r\n");
    harness.handshake_failed();
    let pipe = harness.ended().pipe.unwrap();
    through_a_connection(&mut harness, Over::Tcp, Speaks::V3_1, pipe, |mut peer| {
        assert_eq!(peer.message(), b"kept");
    });
}

/// What an application may have in the pipe of a socket that subscribes: subscriptions in each form, and
/// messages of every make.
fn write_subscriptions(app: &mut App) {
    let long = vec![b't'; 20_000];
    let command = |name: &[u8], topic: &[u8]| Message::from([name, topic].concat());
    let subscriptions = [
        (frame::COMMAND, command(b"\x09SUBSCRIBE", b"a")),
        (0, Message::from(b"\x01b")),
        (frame::COMMAND, command(b"\x06CANCEL", b"a")),
        (frame::COMMAND, command(b"\x09SUBSCRIBE", &long)),
        (0, command(b"\0", &long)),
        (frame::MORE, Message::from(b"\x01c")),
        (frame::MORE, Message::from(vec![7; 20_000])),
        (0, Message::from("of the subscription")),
    ];
    let messages = [small(1).into(), more(b"first"), more(b"\x01"), Message::from(b"\0")];
    let large = [more(b""), more(&[8; 20_000]), Message::from(vec![9; 9000]), small(2).into()];
    for frames in [&messages[..], &large, &messages, &large] {
        for (flags, body) in &subscriptions {
            app.end.tx.write_uncounted(*flags, body.clone());
        }
        frames.iter().for_each(|frame| app.end.tx.write_uncounted(frame.flags(), frame.clone()));
    }
}

fn read_messages(peer: &mut Peer) {
    for _ in 0..2 {
        assert_eq!(peer.message(), small(1));
        let bodies: [&[u8]; 6] = [b"first", b"\x01", b"\0", b"", &[8; 20_000], &[9; 9000]];
        for (at, body) in bodies.into_iter().enumerate() {
            let last = at == 2 || at == 5;
            let frame = peer.frame();
            assert!(frame.body == body && (frame.flags == 0) == last, "{:?}", frame.flags);
        }
        assert_eq!(peer.message(), small(2));
    }
}

/// A connection is told how things stand; what was to tell the last one of changes is not sent.
fn subscriptions_for_the_last_connection_are_not_for_the_next(kind: BackendKind) {
    for speaks in [Speaks::V3_1, Speaks::V2_0] {
        let mut preamble = Vec::new();
        ringmq_zmtp::subscribe_frame(b"now", &mut preamble);
        let told = if speaks == Speaks::V3_1 { &b"\x09SUBSCRIBEnow"[..] } else { b"\x01now" };
        let send = Capacity::Messages(4);
        let settings = Settings { send, preamble, told: Some(5), ..Settings::default() };
        let mut harness = Harness::with(kind, settings);
        let (mut app, mut pipe) = App::lent(&harness.settings);
        write_subscriptions(&mut app);
        pipe = through_a_connection(&mut harness, Over::Tcp, speaks, pipe, |mut peer| {
            assert_eq!(peer.frame().body, told);
            read_messages(&mut peer);
            // Now the connection breaks in the middle of something large, and all that is behind it
            // is left.
            app.end.tx.write_uncounted(0, vec![7; TOO_MUCH].into());
            peer.bytes(100_000);
            write_subscriptions(&mut app);
        });
        assert_eq!(*app.end.state.told(), 5);
        let (stream, mut peer) = connection(Over::Unix);
        harness.session(stream, Some(pipe));
        peer.shake_hands_as(speaks);
        assert_eq!(peer.frame().body, told);
        assert!(peer.message() == vec![7; TOO_MUCH], "{speaks:?}");
        read_messages(&mut peer);
        // What was not sent is credited all the same.
        for number in 0..20 {
            app.send(small(number));
            assert_eq!(peer.message(), small(number));
        }
    }
}

on_each_backend!(
    subscriptions_for_the_last_connection_are_not_for_the_next,
    a_message_that_was_cut_off_begins_the_next_connection,
    an_idle_connection_leaves_nothing_behind,
    half_a_message_of_the_peers_is_as_good_as_none,
    a_failed_handshake_leaves_the_pipe_as_it_was,
);
