//! Peers that wait for an authenticator: how one is seen to go, and what one hears that is not let in.

use crate::harness::{Harness, PATIENCE, await_event, eventually, over_wires};
use crate::raw::{Wire, frame, hello};
use ringmq::auth::{Candidate, Denial};
use ringmq::{MonitorEvent, Pull};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

over_wires![
    a_talker_that_goes_before_it_is_let_in_is_seen_to_go,
    a_talker_that_stays_is_let_in_with_all_it_has_said,
    who_is_denied_hears_of_it_whatever_it_has_said_meanwhile,
];

/// A socket that leaves the decision to the test, for as long as that takes.
fn undecided(harness: &Harness) -> (Pull, String, Receiver<Candidate>) {
    let server = harness.pull();
    server.set_handshake_interval(None).unwrap();
    let (sender, candidates) = channel();
    let sender = Mutex::new(sender);
    server
        .set_authenticator(move |candidate: Candidate| {
            let _ = sender.lock().unwrap().send(candidate);
        })
        .unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    (server, endpoint, candidates)
}

/// Messages that are more than what is taken of a peer before it is let in, and less than what the system
/// holds beside that.
fn much() -> Vec<u8> {
    frame(0, &[7; 200]).repeat(700)
}

fn a_talker_that_goes_before_it_is_let_in_is_seen_to_go(harness: &Harness) {
    let (server, endpoint, candidates) = undecided(harness);
    let monitor = server.monitor();
    // At once, and when no more of it is read: a shorter time than that takes would prove less.
    for stays in [Duration::ZERO, Duration::from_millis(300)] {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        wire.write(&[hello("PUSH"), much()].concat());
        let candidate = candidates.recv_timeout(PATIENCE).unwrap();
        assert!(!candidate.is_gone());
        std::thread::sleep(stays);
        drop(wire);
        eventually("it is seen to go", || candidate.is_gone());
        await_event(&monitor, |event| {
            matches!(event, MonitorEvent::Disconnected { established: false, .. }).then_some(())
        });
    }
}

fn a_talker_that_stays_is_let_in_with_all_it_has_said(harness: &Harness) {
    let (server, endpoint, candidates) = undecided(harness);
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(&[hello("PUSH"), much()].concat());
    let candidate = candidates.recv_timeout(PATIENCE).unwrap();
    // It is looked for in vain at least once.
    std::thread::sleep(Duration::from_millis(300));
    candidate.allow();
    for _ in 0..700 {
        assert_eq!(server.recv().unwrap().len(), 200);
    }
}

fn who_is_denied_hears_of_it_whatever_it_has_said_meanwhile(harness: &Harness) {
    let (_server, endpoint, candidates) = undecided(harness);
    for _ in 0..3 {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        wire.write(&[hello("PUSH"), much()].concat());
        candidates.recv_timeout(PATIENCE).unwrap().deny(Denial::Credentials);
        // To the end, which is one, and no failure.
        let heard = wire.read_to_end().unwrap();
        assert!(heard.ends_with(&frame(4, b"\x05ERROR\x03400")), "{:?}", heard.escape_ascii());
    }
}
