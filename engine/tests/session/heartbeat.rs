//! Peers that are slow or busy are not taken for dead, and dead ones are found out.
//!
//! Where a test looks for a while at a connection that is to hold, too short a look proves less, and
//! never fails.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{BOTH, Harness, Over, Settings, connection};
use crate::peer::{Peer, wire};
use ringmq_engine::backend::Receive;
use ringmq_engine::{BackendKind, Completion, Cx, DisconnectReason, Handler, Notice, Stream};
use ringmq_pipe::Capacity;
use ringmq_zmtp::{HeartbeatConfig, subscribe_frame};
use std::sync::mpsc::{self, Sender, channel};
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_millis(10);
/// Many beats, and many times the time-out.
const LONG: Duration = Duration::from_millis(300);

const PONG: &[u8] = b"\x04\x05\x04PONG";
/// With a time-to-live of a tenth of a second.
const PING: &[u8] = b"\x04\x07\x04PING\0\x01";
const TENTH: Duration = Duration::from_millis(100);

/// Sessions that ask for signs of life all the time. The first word of each is a subscription, so that
/// its peer has something to be busy with from the beginning.
fn impatient(kind: BackendKind) -> Harness {
    let mut settings = Settings::default();
    subscribe_frame(b"topic", &mut settings.preamble);
    settings.config.heartbeat = Some(HeartbeatConfig::every(BEAT));
    Harness::with(kind, settings)
}

/// The next message, past PINGs and subscriptions; returns how many PINGs there were.
fn next_message(peer: &mut Peer) -> (Vec<u8>, usize) {
    let mut pings = 0;
    loop {
        let frame = peer.frame();
        if frame.flags == 0 {
            return (frame.body, pings);
        }
        pings += usize::from(frame.body.starts_with(b"\x04PING"));
    }
}

fn a_large_message_takes_its_time(kind: BackendKind) {
    const SIZE: usize = 8 * 1024 * 1024;
    for over in BOTH {
        let mut harness = impatient(kind);
        let (_, mut app, mut peer) = harness.established(over);
        app.send(vec![7; SIZE]);
        std::thread::sleep(LONG);
        // Whatever goes before it.
        while peer.bytes(1) != [2] {
            let size = peer.bytes(1)[0];
            peer.bytes(size.into());
        }
        assert_eq!(peer.bytes(8), (SIZE as u64).to_be_bytes());
        for _ in 0..SIZE / 65_536 {
            std::thread::sleep(BEAT / 4);
            assert!(peer.bytes(65_536) == [7; 65_536]);
        }
        app.send("the next one");
        assert_eq!(next_message(&mut peer).0, b"the next one");
    }
}

fn a_peer_that_is_busy_with_a_few_messages_is_waited_for(kind: BackendKind) {
    for over in BOTH {
        let mut harness = impatient(kind);
        let (_, mut app, mut peer) = harness.established(over);
        for number in 0..5u8 {
            app.send([number; 100].as_slice());
            std::thread::sleep(LONG);
        }
        for number in 0..5u8 {
            assert_eq!(next_message(&mut peer).0, [number; 100]);
        }
    }
}

fn a_peer_that_has_read_everything_has_no_excuse(kind: BackendKind) {
    for over in BOTH {
        let mut harness = impatient(kind);
        let (_, mut app, mut peer) = harness.established(over);
        app.send("to be read");
        let (message, before) = next_message(&mut peer);
        assert_eq!(message, b"to be read");
        // Answers are counted: those to all PINGs before it, and to the first one after it.
        assert!(peer.frame().body.starts_with(b"\x04PING"));
        peer.write(&PONG.repeat(before + 1));
        let reason = harness.disconnected();
        assert!(matches!(reason, DisconnectReason::HeartbeatExpired), "{reason}");
    }
}

/// Keeps its thread busy, from the first byte on that it receives until it is told.
struct Hog {
    stream: Stream,
    begun: Sender<()>,
    end: mpsc::Receiver<()>,
}

impl Handler for Hog {
    fn start(&mut self, cx: &mut Cx<'_>) {
        cx.backend.receive(cx.token, &self.stream, Receive::Once);
    }

    fn received(&mut self, _: Instant, _: &[u8]) {
        self.begun.send(()).unwrap();
        let _ = self.end.recv();
    }

    fn completed(&mut self, cx: &mut Cx<'_>, _: Completion) {
        cx.finish();
    }

    fn notified(&mut self, _: &mut Cx<'_>, _: Notice) {}
}

/// Makes the I/O thread late: what a peer has promised has come in time, so many tenths of a second, and is
/// read when the time is over. `false` if it could not be arranged before it was over.
fn hears_late(kind: BackendKind, over: Over, tenths: u8) -> bool {
    let (ping, ttl) = ([&PING[..PING.len() - 1], &[tenths]].concat(), TENTH * tenths.into());
    let mut harness = Harness::new(kind);
    let (_, mut app, mut peer) = harness.established(over);
    let ((begun, has_begun), (end, is_over)) = (channel(), channel());
    let (stream, mut wake) = connection(over);
    harness.engine.choose(0).add(Box::new(Hog { stream, begun, end: is_over }));
    let start = Instant::now();
    peer.write(&ping);
    assert!(peer.frame().body.starts_with(b"\x04PONG"));
    wake.write(b"now");
    has_begun.recv().unwrap();
    let in_time = start.elapsed() < ttl;
    if in_time {
        peer.write(&wire(0, b"as promised"));
        std::thread::sleep(2 * ttl);
    }
    end.send(()).unwrap();
    if in_time {
        assert_eq!(app.recv(), *b"as promised");
        app.send("still there");
        assert_eq!(next_message(&mut peer).0, b"still there");
    }
    in_time
}

fn a_thread_that_is_late_looks_at_what_has_come_first(kind: BackendKind) {
    for over in BOTH {
        // A machine that is too slow gets more time.
        let mut times = [1, 2, 4, 8, 16, 32, 64].into_iter();
        assert!(times.any(|tenths| hears_late(kind, over, tenths)), "it takes forever");
    }
}

fn a_time_to_live_waits_while_nobody_listens(kind: BackendKind) {
    let settings = Settings { receive: Capacity::Messages(1), ..Settings::default() };
    for over in BOTH {
        let mut harness = Harness::with(kind, settings.clone());
        let (_, mut app, mut peer) = harness.established(over);
        // More than there is room for.
        peer.write(&[PING, &wire(0, b"x").repeat(10)].concat());
        std::thread::sleep(LONG);
        (0..10).for_each(|_| assert!(app.recv() == *b"x"));
        app.send("still there");
        assert_eq!(next_message(&mut peer).0, b"still there");
    }
}

/// A pipe that is full to the last message does not keep a PING behind that message from being answered.
fn a_peer_with_a_full_pipe_answers(kind: BackendKind) {
    const QUESTION: &[u8] = b"\x04\x0a\x04PING\0\0abc";
    let settings = Settings { receive: Capacity::Messages(3), ..Settings::default() };
    for over in BOTH {
        let mut harness = Harness::with(kind, settings.clone());
        let (_, mut app, mut peer) = harness.established(over);
        peer.write(&[&wire(0, b"x").repeat(3), QUESTION].concat());
        assert_eq!(peer.frame().body, b"\x04PONGabc");
        // And again, with nothing before it.
        peer.write(QUESTION);
        assert_eq!(peer.frame().body, b"\x04PONGabc");
        // What there is no room for is not read, nor what follows it.
        peer.write(&[&wire(0, b"y"), QUESTION].concat());
        (0..3).for_each(|_| assert!(app.recv() == *b"x"));
        assert!(app.recv() == *b"y");
        assert_eq!(peer.frame().body, b"\x04PONGabc");
    }
}

on_each_backend!(
    a_peer_with_a_full_pipe_answers,
    a_large_message_takes_its_time,
    a_peer_that_is_busy_with_a_few_messages_is_waited_for,
    a_peer_that_has_read_everything_has_no_excuse,
    a_thread_that_is_late_looks_at_what_has_come_first,
    a_time_to_live_waits_while_nobody_listens,
);
