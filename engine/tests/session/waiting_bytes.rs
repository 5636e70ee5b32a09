//! Bytes that wait for the application: how far a session reads ahead of it, however few the messages are.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{App, Harness, News, Over, Settings, connection};
use crate::peer::{Peer, Speaks, wire};
use crate::sealed_peer;
use ringmq_engine::backend::RECEIVE_BUFFER;
use ringmq_engine::{BackendKind, DisconnectReason, Engine, MonitorEvent, PeerLimit};
use ringmq_pipe::{Capacity, frame};
use std::thread::JoinHandle;
use std::time::Instant;

const MIB: usize = 1024 * 1024;

/// A limit of bytes, and none of messages.
fn limited(bytes: usize) -> Settings {
    Settings {
        receive: Capacity::Messages(0),
        max_waiting_bytes: Some(bytes as u64),
        ..Settings::default()
    }
}

/// A limit of all connections, which each has to a sixteenth of for itself.
fn limited_together(bytes: usize) -> Settings {
    Settings {
        receive: Capacity::Messages(0),
        context_bytes: Some(bytes as u64),
        ..Settings::default()
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

/// Waits until so many bytes are counted; how many are.
fn counted(engine: &Engine, least: usize) -> usize {
    eventually("enough is counted", || engine.waiting_bytes() >= least as u64);
    engine.waiting_bytes() as usize
}

fn none_is_counted(engine: &Engine) {
    eventually("nothing is counted", || engine.waiting_bytes() == 0);
}

/// Writes all of it on another thread, however long nobody reads.
fn write(mut peer: Peer, bytes: Vec<u8>) -> JoinHandle<Peer> {
    std::thread::spawn(move || {
        peer.write(&bytes);
        peer
    })
}

/// A message of its own for each number.
fn body(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number + at % 251) as u8).collect()
}

fn a_peer_is_read_up_to_the_limit(kind: BackendKind) {
    const LIMIT: usize = 2 * MIB;
    for speaks in [Speaks::V3_1, Speaks::V2_0, Speaks::V1_0] {
        for len in [100, 20_000, 64 * 1024] {
            let count = 4 * LIMIT / len;
            let mut harness = Harness::with(kind, limited(LIMIT));
            let (stream, mut peer) = connection(Over::Unix);
            harness.session(stream, None);
            peer.shake_hands_as(speaks);
            let mut app = harness.attached();
            let all: Vec<u8> =
                (0..count).flat_map(|number| peer.wire(0, &body(number, len))).collect();
            let writer = write(peer, all);
            // Not of messages alone: there is one more buffer, and what was read with the last.
            let least = counted(&harness.engine, LIMIT);
            assert!(least <= LIMIT + LIMIT / 8 + 2 * RECEIVE_BUFFER, "{least} of {len}");
            for number in 0..count {
                assert!(app.recv() == *body(number, len), "{speaks:?}: {number} of {len}");
                let held = harness.engine.waiting_bytes() as usize;
                assert!(held <= LIMIT + LIMIT / 8 + 2 * RECEIVE_BUFFER, "{held}");
            }
            let _peer = writer.join().unwrap();
            assert!(app.end.rx.read().is_none());
            none_is_counted(&harness.engine);
        }
    }
}

fn a_message_that_is_longer_than_the_limit_arrives(kind: BackendKind) {
    let mut harness = Harness::with(kind, limited(MIB));
    let (_, mut app, peer) = harness.established(Over::Unix);
    let large = 5 * MIB;
    // Behind others, alone, in frames, and others behind it.
    let parts: Vec<u8> =
        (0..5).flat_map(|part| wire(frame::MORE * u8::from(part < 4), &body(part, MIB))).collect();
    let small = wire(0, &[1; 1000]).repeat(1000);
    let all = [&small, &wire(0, &body(7, large)), &wire(0, &body(8, large)), &parts, &small];
    let writer = write(peer, all.map(Vec::as_slice).concat());
    counted(&harness.engine, MIB);
    (0..1000).for_each(|_| assert!(app.recv() == [1; 1000]));
    assert!(app.recv() == *body(7, large));
    assert!(app.recv() == *body(8, large));
    for part in 0..5 {
        let frame = app.recv();
        assert!(frame == *body(part, MIB) && frame.more() == (part < 4));
    }
    (0..1000).for_each(|_| assert!(app.recv() == [1; 1000]));
    let _peer = writer.join().unwrap();
    assert!(app.end.rx.read().is_none());
    none_is_counted(&harness.engine);
}

fn what_is_sealed_counts_as_well(kind: BackendKind) {
    let mut harness = sealed_peer::server(kind);
    harness.settings.max_waiting_bytes = Some(MIB as u64);
    harness.settings.receive = Capacity::Messages(0);
    let (mut app, mut peer) = sealed_peer::established(&mut harness, Over::Unix);
    let lens = [1000, 60_000, 3 * MIB];
    let writer = std::thread::spawn(move || {
        for (number, len) in lens.into_iter().enumerate() {
            (0..4 * MIB / len + 1).for_each(|_| peer.send(0, &body(number, len)));
        }
        peer
    });
    for (number, len) in lens.into_iter().enumerate() {
        let most = MIB.max(len) + MIB / 4 + 2 * RECEIVE_BUFFER + len;
        let now = counted(&harness.engine, MIB);
        assert!(now <= most, "{now} of {len}");
        (0..4 * MIB / len + 1).for_each(|_| assert!(app.recv() == *body(number, len)));
    }
    let _peer = writer.join().unwrap();
    assert!(app.end.rx.read().is_none());
    none_is_counted(&harness.engine);
}

/// Of a pipe that keeps the latest message only, what comes is taken at once.
fn a_pipe_that_conflates_is_never_full(kind: BackendKind) {
    let settings = Settings { receive: Capacity::Conflated, ..limited(MIB) };
    let mut harness = Harness::with(kind, settings);
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    for number in 0..8 {
        peer.write(&wire(0, &body(number, MIB)));
    }
    peer.write(&wire(0, b"last"));
    while app.recv() != *b"last" {}
    none_is_counted(&harness.engine);
}

fn a_changed_mark_leaves_the_limit_in_force(kind: BackendKind) {
    let mut harness = Harness::with(kind, limited(MIB));
    let (_, mut app, peer) = harness.established(Over::Unix);
    let writer = write(peer, wire(0, &[3; 10_000]).repeat(1000));
    counted(&harness.engine, MIB);
    for mark in [1000, 10, 0, 500, 2] {
        app.end.rx.set_hwm(mark);
        (0..20).for_each(|_| assert!(app.recv() == [3; 10_000]));
        let now = harness.engine.waiting_bytes() as usize;
        assert!(now <= MIB + MIB / 8 + 2 * RECEIVE_BUFFER, "{now}");
    }
    (100..1000).for_each(|_| assert!(app.recv() == [3; 10_000]));
    let _peer = writer.join().unwrap();
    assert!(app.end.rx.read().is_none());
    none_is_counted(&harness.engine);
}

/// A socket that goes away with messages unread: its peer is not held any more.
fn who_closes_lets_go_of_what_waits(kind: BackendKind) {
    let mut harness = Harness::with(kind, limited(MIB));
    let (_, app, mut peer) = harness.established(Over::Unix);
    // All of it is thrown away, or the end comes first.
    let writer =
        std::thread::spawn(move || peer.write_while_heard(&wire(0, &[3; 10_000]).repeat(2000)));
    counted(&harness.engine, MIB);
    let state = app.end.state.clone();
    state.close(None);
    drop(app);
    writer.join().unwrap();
    none_is_counted(&harness.engine);
    harness.finish();
}

/// What a peer leaves in a pipe that another connection goes on with counts against that, too.
fn who_comes_again_has_no_more_room(kind: BackendKind) {
    let mut harness = Harness::with(kind, limited(2 * MIB));
    let (mut app, mut pipe) = App::lent(&harness.settings);
    let message = wire(0, &[4; 10_000]);
    let per_visit = MIB / 2 / message.len();
    for visit in 1..=3 {
        let (stream, mut peer) = connection(Over::Unix);
        harness.session(stream, Some(pipe));
        peer.shake_hands();
        harness.connected();
        peer.write(&message.repeat(per_visit));
        peer.end();
        pipe = harness.ended().pipe.unwrap();
        let now = counted(&harness.engine, 1);
        assert_eq!(now, visit * per_visit * message.len());
    }
    let (stream, mut peer) = connection(Over::Unix);
    harness.session(stream, Some(pipe));
    peer.shake_hands();
    let writer = write(peer, message.repeat(1000));
    let now = counted(&harness.engine, 2 * MIB);
    assert!(now <= 2 * MIB + MIB / 4 + 2 * RECEIVE_BUFFER, "{now}");
    (0..3 * per_visit + 1000).for_each(|_| assert!(app.recv() == [4; 10_000]));
    let _peer = writer.join().unwrap();
    assert!(app.end.rx.read().is_none());
    none_is_counted(&harness.engine);
}

fn who_is_refused(harness: &mut Harness) -> PeerLimit {
    harness.wait(|news| match news {
        News::Event(MonitorEvent::Refused { limit, .. }) => Ok(limit),
        other => Err(other),
    })
}

/// Peers that fill a context with whole messages are held, one that is in the midst of a large message goes, and
/// one who says little is heard.
fn a_full_context_holds_most_and_refuses_the_largest(kind: BackendKind) {
    const LIMIT: usize = 8 * MIB;
    let mut harness = Harness::with(kind, limited_together(LIMIT));
    let mut apps = Vec::new();
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (_, app, peer) = harness.established(Over::Unix);
            apps.push(app);
            write(peer, wire(0, &[5; 10_000]).repeat(2000))
        })
        .collect();
    let now = counted(&harness.engine, LIMIT);
    assert!(now <= LIMIT + LIMIT / 4, "{now}");
    // More than a connection's share, of a message that never ends.
    let (stream, mut large) = connection(Over::Unix);
    harness.session(stream, None);
    large.shake_hands();
    let _large_app = harness.attached();
    let announced = [&[2][..], &(1u64 << 40).to_be_bytes()].concat();
    let flood = std::thread::spawn(move || {
        use std::io::Write;
        large.socket.write_all(&announced).unwrap();
        while large.socket.write_all(&[0; 10_000]).is_ok() {}
    });
    assert_eq!(who_is_refused(&mut harness), PeerLimit::ContextBytes);
    let reason = harness.disconnected();
    assert!(matches!(reason, DisconnectReason::Refused(PeerLimit::ContextBytes)), "{reason}");
    flood.join().unwrap();
    let (_, mut small, mut peer) = harness.established(Over::Unix);
    for number in 0..100 {
        peer.write(&wire(0, &body(number, 1000)));
        assert!(small.recv() == *body(number, 1000));
    }
    for app in &mut apps {
        (0..2000).for_each(|_| assert!(app.recv() == [5; 10_000]));
        assert!(app.end.rx.read().is_none());
    }
    writers.into_iter().for_each(|writer| drop(writer.join().unwrap()));
    none_is_counted(&harness.engine);
    // There is room again.
    let (_, mut app, peer) = harness.established(Over::Unix);
    let writer = write(peer, wire(0, &body(9, 4 * MIB)));
    assert!(app.recv() == *body(9, 4 * MIB));
    drop(writer.join().unwrap());
}

/// What is half there when its connection goes is counted no more; what is whole stays until it is taken.
fn who_goes_leaves_what_is_whole(kind: BackendKind) {
    let mut harness = Harness::with(kind, limited(64 * MIB));
    let (_, mut app, mut peer) = harness.established(Over::Unix);
    let whole = wire(0, &[6; 100_000]).repeat(20);
    peer.write(&whole);
    peer.write(&wire(0, &[6; 3 * MIB])[..2 * MIB]);
    counted(&harness.engine, 3 * MIB);
    drop(peer);
    harness.disconnected();
    eventually("the half is not counted", || {
        let now = harness.engine.waiting_bytes() as usize;
        // The end of what is whole may have been counted with the beginning of the half: a step, and what was
        // read beyond it.
        let step = MIB / 4 + 2 * RECEIVE_BUFFER;
        (whole.len() - step..=whole.len() + step).contains(&now)
    });
    (0..20).for_each(|_| assert!(app.recv() == [6; 100_000]));
    assert!(app.end.rx.read().is_none());
    none_is_counted(&harness.engine);
}

on_each_backend!(
    a_peer_is_read_up_to_the_limit,
    a_message_that_is_longer_than_the_limit_arrives,
    what_is_sealed_counts_as_well,
    a_pipe_that_conflates_is_never_full,
    a_changed_mark_leaves_the_limit_in_force,
    who_closes_lets_go_of_what_waits,
    who_comes_again_has_no_more_room,
    a_full_context_holds_most_and_refuses_the_largest,
    who_goes_leaves_what_is_whole,
);
