//! The end of a connection, from either side, and what must not be lost by it.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, BOTH, Harness, News, Over, Settings, connection};
use crate::peer::wire;
use ringmq_engine::{BackendKind, DisconnectReason, MonitorEvent, Notice};
use ringmq_pipe::{Capacity, frame};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn whatever_was_accepted_is_sent_before_the_end(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (session, mut app, mut peer) = harness.established(over);
        for number in 0..900u32 {
            app.send([number.to_be_bytes().as_slice(), &[3; 6000]].concat());
        }
        app.close(None);
        harness.tell(session, Notice::Abandon);
        for number in 0..900u32 {
            let message = peer.message();
            assert_eq!(message.len(), 6004);
            assert_eq!(message[..4], number.to_be_bytes());
        }
        assert_eq!(peer.rest(), b"", "nothing but the end follows");
        drop(peer);
        assert!(matches!(harness.disconnected(), DisconnectReason::Local));
        harness.finish();
    }
}

/// How many whole messages there are in what a peer got.
fn whole_messages(mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(header) = frame::parse(bytes) {
        let size = header.size + header.body as usize;
        if size > bytes.len() {
            break;
        }
        bytes = &bytes[size..];
        count += 1;
    }
    count
}

/// With a peer that does not read: what it gets in the end and what is counted as dropped is all that
/// there was.
fn what_does_not_get_out_in_time_is_counted(kind: BackendKind) {
    for linger in [Duration::ZERO, Duration::from_millis(30)] {
        for lent in [false, true] {
            let mut harness = Harness::new(kind);
            let (session, mut app, mut peer) = if lent {
                let (app, pipe) = App::lent(&harness.settings);
                let (stream, mut peer) = connection(Over::Unix);
                let session = harness.session(stream, Some(pipe));
                peer.shake_hands();
                (session, app, peer)
            } else {
                harness.established(Over::Unix)
            };
            for _ in 0..500 {
                app.send(vec![4; 5000]);
            }
            let state = app.close(Some(linger));
            harness.tell(session, Notice::Abandon);
            assert!(matches!(harness.disconnected(), DisconnectReason::Local));
            drop(harness.ended());
            harness.finish();
            let got = whole_messages(&peer.rest());
            let dropped = state.dropped.load(Ordering::Relaxed);
            assert_eq!(got + dropped, 500, "{got} arrived");
            assert!(dropped > 0);
        }
    }
}

fn a_closed_session_gives_its_pipe_back_and_counts_nothing_yet(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (mut app, pipe) = App::lent(&harness.settings);
    let (stream, mut peer) = connection(Over::Unix);
    let session = harness.session(stream, Some(pipe));
    peer.shake_hands();
    for _ in 0..500 {
        app.send(vec![4; 5000]);
    }
    harness.tell(session, Notice::Close);
    let pipe = harness.ended().pipe.unwrap();
    assert_eq!(app.end.state.dropped.load(Ordering::Relaxed), 0);
    drop(pipe);
    let dropped = app.end.state.dropped.load(Ordering::Relaxed);
    assert_eq!(dropped + whole_messages(&peer.rest()), 500);
}

/// A connection breaks as its socket closes the pipe. Whichever of the two comes first: of what is lost one of
/// them tells, the session or who waits for the pipe's end, and not both or neither.
fn what_is_lost_is_told_by_one(kind: BackendKind) {
    for (is_waited_for, is_closed) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut harness = Harness::new(kind);
        let (_, mut app, peer) = harness.established(Over::Unix);
        for _ in 0..500 {
            app.send(vec![4; 5000]);
        }
        let (state, heard) = (app.end.state.clone(), Arc::<Mutex<Option<u64>>>::default());
        if is_waited_for {
            let heard = heard.clone();
            state.set_when_over(Box::new(move |lost| *heard.lock().unwrap() = Some(lost)));
        }
        if is_closed {
            state.close(None);
        }
        drop(peer);
        let mut told = None;
        harness.wait(|news| match news {
            News::Event(MonitorEvent::Dropped { messages, .. }) => {
                told = Some(messages);
                Err(News::Event(MonitorEvent::Closed { endpoint: "".into() }))
            }
            News::Event(MonitorEvent::Disconnected { .. }) => Ok(()),
            other => Err(other),
        });
        let dropped = Some(state.dropped.load(Ordering::Relaxed));
        assert!(dropped > Some(0));
        let expected = if is_waited_for { (None, dropped) } else { (dropped, None) };
        let found = (told, *heard.lock().unwrap());
        assert_eq!(found, expected, "waited for {is_waited_for}, closed {is_closed}");
    }
}

/// The peer closed in good order; its last messages wait for a socket that reads slowly.
fn the_last_words_of_a_peer_are_delivered(kind: BackendKind) {
    for over in BOTH {
        for sent_to_it in [false, true] {
            let settings = Settings { receive: Capacity::Messages(2), ..Settings::default() };
            let mut harness = Harness::with(kind, settings);
            let (_, mut app, mut peer) = harness.established(over);
            // In one go: a kernel may have room for few writes, however small they are.
            let words: Vec<_> = (0..300u32).flat_map(|n| wire(0, &n.to_be_bytes())).collect();
            peer.write(&words);
            drop(peer);
            if sent_to_it {
                // Fails at once or later, in the midst of what is to be read.
                app.send("too late");
            }
            for number in 0..300u32 {
                assert_eq!(app.recv(), number.to_be_bytes());
            }
            let reason = harness.disconnected();
            assert!(
                matches!(reason, DisconnectReason::PeerClosed | DisconnectReason::Io(_)),
                "{reason}"
            );
            harness.finish();
        }
    }
}

/// Nobody reads what such a peer has said: its session must end all the same.
fn last_words_to_a_closed_socket_hold_nothing_up(kind: BackendKind) {
    let settings = Settings { receive: Capacity::Messages(1), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (session, mut app, mut peer) = harness.established(Over::Tcp);
    peer.write(&wire(0, b"x").repeat(1000));
    drop(peer);
    assert_eq!(app.recv(), *b"x");
    app.close(None);
    harness.tell(session, Notice::Abandon);
    harness.disconnected();
    harness.finish();
}

/// A peer that has to get rid of what it says before it reads: a closed socket listens to it, so that
/// its own messages get out.
fn a_closed_socket_lets_its_peer_speak(kind: BackendKind) {
    let settings = Settings { receive: Capacity::Messages(1), ..Settings::default() };
    let mut harness = Harness::with(kind, settings);
    let (session, mut app, mut peer) = harness.established(Over::Unix);
    let speech = wire(0, &[9; 1000]).repeat(5000);
    let sent = peer.write_until_blocked(&speech);
    assert!(sent < speech.len());
    for _ in 0..900 {
        app.send(vec![8; 5000]);
    }
    app.close(None);
    harness.tell(session, Notice::Abandon);
    peer.write(&speech[sent..]);
    for _ in 0..900 {
        assert!(peer.message() == [8; 5000]);
    }
    drop(peer);
    harness.disconnected();
    harness.finish();
}

/// A peer that neither reads nor closes is waited for, but not for ever.
fn a_farewell_has_an_end(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (session, mut app, mut peer) = harness.established(Over::Tcp);
    app.send("goodbye");
    app.close(None);
    harness.tell(session, Notice::Abandon);
    harness.disconnected();
    assert_eq!(peer.message(), b"goodbye");
    harness.finish();
}

fn a_linger_beyond_the_end_of_time_is_for_ever(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (session, mut app, mut peer) = harness.established(Over::Unix);
    for _ in 0..500 {
        app.send(vec![4; 5000]);
    }
    let state = app.close(Some(Duration::MAX));
    harness.tell(session, Notice::Abandon);
    assert_eq!(whole_messages(&peer.rest()), 500);
    assert_eq!(state.dropped.load(Ordering::Relaxed), 0);
}

on_each_backend!(
    whatever_was_accepted_is_sent_before_the_end,
    what_does_not_get_out_in_time_is_counted,
    what_is_lost_is_told_by_one,
    a_closed_session_gives_its_pipe_back_and_counts_nothing_yet,
    the_last_words_of_a_peer_are_delivered,
    last_words_to_a_closed_socket_hold_nothing_up,
    a_closed_socket_lets_its_peer_speak,
    a_farewell_has_an_end,
    a_linger_beyond_the_end_of_time_is_for_ever,
);
