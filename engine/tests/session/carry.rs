//! What a broken connection leaves to the next one.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::peer::{Peer, Speaks, wire};
use crate::rig::{App, Over, Rig, Settings, connection, more};
use ringmq_engine::{BackendKind, Carry};
use ringmq_pipe::{Bound, Message, frame};
use std::time::Duration;

/// Octets that no kernel buffers, so that what is in the middle of them when the connection breaks was
/// not sent whole.
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

/// The carry of a session that was connected to a peer which went away as `leave` says.
fn through_a_connection(
    rig: &mut Rig,
    over: Over,
    speaks: Speaks,
    carry: Carry,
    leave: impl FnOnce(Peer),
) -> Carry {
    let (descriptor, mut peer) = connection(over);
    rig.session(descriptor, Some(carry));
    peer.shake_hands_as(speaks);
    rig.connected();
    leave(peer);
    rig.disconnected();
    rig.ended().carry.expect("the pipe comes back")
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
        let settings = Settings { send: Bound::Messages(4), ..Settings::default() };
        let mut rig = Rig::with(kind, settings);
        let (app, mut carry) = App::lent(&rig.settings);
        let writer = write_all(app, how);
        for round in 0..3 {
            // The first connection breaks in the middle, the others break there again.
            let leave = |mut peer: Peer| {
                let first = if round == 0 { 0 } else { 10 };
                (first..10).for_each(|number| assert_eq!(peer.message(), small(number)));
                peer.octets(200_000);
                if round == 2 {
                    peer.socket.set_linger(Some(Duration::ZERO)).unwrap();
                }
            };
            carry = through_a_connection(&mut rig, over, speaks, carry, leave);
        }
        // The version may change from one to the next.
        for next in [speaks, Speaks::V3_1] {
            if next != speaks {
                carry = through_a_connection(&mut rig, over, next, carry, |mut peer| {
                    peer.octets(100_000);
                });
            }
        }
        let (descriptor, mut peer) = connection(over);
        rig.session(descriptor, Some(carry));
        peer.shake_hands_as(speaks);
        read_all(&mut peer, how, 10);
        let mut app = writer.join().unwrap();
        app.send("and on");
        assert_eq!(peer.message(), b"and on");
    }
}

/// The connection breaks with nothing under way: nothing comes twice.
fn an_idle_connection_leaves_nothing_behind(kind: BackendKind) {
    let settings = Settings { send: Bound::Messages(4), ..Settings::default() };
    let mut rig = Rig::with(kind, settings);
    let (mut app, mut carry) = App::lent(&rig.settings);
    for round in 0..5u32 {
        carry = through_a_connection(&mut rig, Over::Tcp, Speaks::V3_1, carry, |mut peer| {
            for number in 0..20 {
                app.send(small(round * 20 + number));
                assert_eq!(peer.message(), small(round * 20 + number));
            }
        });
        assert!(!carry.has_unsent());
    }
}

/// Half a message from one connection is not continued by the next.
fn half_a_message_of_the_peers_is_as_good_as_none(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let (mut app, mut carry) = App::lent(&rig.settings);
    let halves: [Vec<u8>; 3] = [
        wire(frame::MORE, b"half"),
        wire(0, &[1; 1000])[..500].to_vec(),
        [wire(frame::MORE, &[2; 20_000]), wire(0, &[2; 20_000])[..10_000].to_vec()].concat(),
    ];
    for half in halves {
        carry = through_a_connection(&mut rig, Over::Unix, Speaks::V3_1, carry, |mut peer| {
            peer.write(&wire(0, b"whole"));
            peer.write(&half);
        });
        assert_eq!(app.recv(), *b"whole");
    }
    through_a_connection(&mut rig, Over::Unix, Speaks::V3_1, carry, |mut peer| {
        peer.write(&wire(frame::MORE, b"first"));
        peer.write(&wire(0, b"last"));
    });
    assert_eq!(app.recv(), *b"first");
    assert_eq!(app.recv(), *b"last");
    assert!(app.end.rx.read().is_none());
}

/// A handshake that fails takes nothing from the pipe.
fn a_failed_handshake_leaves_the_pipe_as_it_was(kind: BackendKind) {
    let mut rig = Rig::new(kind);
    let (mut app, carry) = App::lent(&rig.settings);
    app.send("kept");
    let (descriptor, mut peer) = connection(Over::Tcp);
    rig.session(descriptor, Some(carry));
    peer.write(b"GET / HTTP/1.0\r\n\r\n");
    rig.handshake_failed();
    let carry = rig.ended().carry.unwrap();
    through_a_connection(&mut rig, Over::Tcp, Speaks::V3_1, carry, |mut peer| {
        assert_eq!(peer.message(), b"kept");
    });
}

on_each_backend!(
    a_message_that_was_cut_off_begins_the_next_connection,
    an_idle_connection_leaves_nothing_behind,
    half_a_message_of_the_peers_is_as_good_as_none,
    a_failed_handshake_leaves_the_pipe_as_it_was,
);
