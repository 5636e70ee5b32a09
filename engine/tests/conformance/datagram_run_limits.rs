//! Runs of datagrams at their limits: longer than a system takes, refused, on sockets that know none, to a receiver
//! that wants none, and many of them.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::datagram_runs::{batch, expected, parts};
#[cfg(target_os = "linux")]
use crate::datagram_send::narrow;
use crate::harness::{Harness, What, apart, far_udp, pattern, udp};
use bytes::Bytes;
use ringmq_engine::backend::{
    DatagramBatch, DatagramReceive, LONGEST_DATAGRAM, MOST_IN_RUN, OutgoingDatagram,
    report_destination,
};
use ringmq_engine::{BackendKind, Token};
use socket2::Socket;
#[cfg(target_os = "linux")]
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const RUNS: DatagramReceive = DatagramReceive { longest: LONGEST_DATAGRAM, runs: true };

fn run(bytes: Vec<u8>, each: u16, to: Option<SocketAddr>) -> OutgoingDatagram {
    OutgoingDatagram { bytes: Bytes::from(bytes), to, segment: NonZeroU16::new(each) }
}

/// Sends `all`, which are `count`, and returns the datagrams that come of it.
fn deliver(
    harness: &mut Harness,
    (token, near): (Token, &Arc<Socket>),
    all: DatagramBatch,
    count: usize,
) -> Vec<(Vec<u8>, bool)> {
    let (mut left, mut sent, mut arrived) = (Some(all), 0, Vec::new());
    let mut under_way = false;
    while under_way || left.is_some() || arrived.len() < count {
        if let Some(batch) = left.take_if(|batch| !under_way && !batch.is_empty()) {
            harness.backend.send_datagrams(token, near, batch);
            under_way = true;
        }
        match harness.next() {
            (_, What::Datagram(datagram)) => arrived.extend(datagram.parts),
            (_, What::DatagramsSent(mut batch, result)) => {
                let tally = result.unwrap();
                assert_eq!(tally.refused, 0);
                sent += tally.sent as usize;
                batch.advance(tally.tried());
                left = Some(batch).filter(|batch| !batch.is_empty());
                under_way = false;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sent, arrived.len()), (count, count));
    arrived
}

/// As many as are over a dozen runs to the system, some times in a row.
fn a_thousand_datagrams_are_a_run_to_the_caller(kind: BackendKind) {
    for here in [HERE, HERE_V6] {
        let mut harness = Harness::new(kind);
        let ((near, _), (far, to)) = (udp(here), udp(here));
        harness.backend.receive_datagrams(Token::unique(), &far, RUNS);
        let sending = (Token::unique(), &near);
        for _ in 0..5 {
            let all = batch([run(pattern(7 * 1000 - 3), 7, Some(to))]);
            let arrived = deliver(&mut harness, sending, all, 1000);
            assert_eq!(arrived, expected(7 * 1000 - 3, 7));
        }
        harness.silence();
    }
}

fn a_run_goes_where_its_socket_is_connected_to(kind: BackendKind) {
    for here in [HERE, HERE_V6] {
        let mut harness = Harness::new(kind);
        let (sending, receiving) = (Token::unique(), Token::unique());
        let ((near, _), (far, to)) = (udp(here), udp(here));
        near.connect(&to.into()).unwrap();
        harness.backend.receive_datagrams(receiving, &far, RUNS);
        let sent = harness.send_datagrams(sending, &near, batch([run(pattern(990), 50, None)]));
        assert_eq!((sent.sent, sent.refused), (20, 0));
        assert_eq!(parts(&mut harness, receiving, 20), expected(990, 50));
    }
}

/// Both are control data, and there is room for both.
fn a_run_comes_with_its_destination(kind: BackendKind) {
    for here in [HERE, HERE_V6] {
        let mut harness = Harness::new(kind);
        let (sending, receiving) = (Token::unique(), Token::unique());
        let ((near, from), (far, to)) = (udp(here), udp(here));
        let asked = report_destination(&far).is_ok();
        harness.backend.receive_datagrams(receiving, &far, RUNS);
        harness.send_datagrams(sending, &near, batch([run(pattern(640), 10, Some(to))]));
        let mut all = Vec::new();
        while all.len() < 64 {
            let arrived = harness.arrived(receiving);
            assert_eq!(arrived.destination, asked.then_some(here));
            assert_eq!(arrived.source, from);
            all.extend(arrived.parts);
        }
        assert_eq!(all, expected(640, 10));
    }
}

fn who_asks_for_runs_gets_datagrams_that_come_alone(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (receiving, (far, to), (near, _)) = (Token::unique(), udp(HERE), far_udp());
    harness.backend.receive_datagrams(receiving, &far, RUNS);
    for len in [0, 1, 1400, 0, 9000] {
        near.send_to(&pattern(len), to).unwrap();
        let arrived = harness.arrived(receiving);
        assert_eq!(arrived.parts, [(pattern(len), false)]);
    }
}

/// What one token has asked of a socket is not what the next one gets.
fn who_does_not_ask_for_runs_gets_none_on_a_socket_that_had_them(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, (near, _), (far, to)) = (Token::unique(), udp(HERE), udp(HERE));
    let before = Token::unique();
    harness.backend.receive_datagrams(before, &far, RUNS);
    harness.send_datagrams(sending, &near, batch([run(pattern(300), 100, Some(to))]));
    assert_eq!(parts(&mut harness, before, 3), expected(300, 100));
    harness.backend.close(before);
    harness.silence();
    let next = Token::unique();
    harness.backend.receive_datagrams(next, &far, apart(100));
    harness.send_datagrams(sending, &near, batch([run(pattern(300), 100, Some(to))]));
    for part in expected(300, 100) {
        let arrived = harness.arrived(next);
        assert_eq!((arrived.bytes, arrived.truncated), part);
    }
}

/// The first receive of a token decides, also when it is paused and goes on.
fn how_much_is_kept_stays_as_it_was_first(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address), (far, _)) = (Token::unique(), udp(HERE), far_udp());
    harness.backend.receive_datagrams(token, &near, apart(100));
    harness.silence();
    harness.backend.pause(token);
    harness.next_of(token);
    harness.backend.receive_datagrams(token, &near, apart(10));
    far.send_to(&pattern(50), address).unwrap();
    assert_eq!(harness.arrived(token).parts, [(pattern(50), false)]);
}

/// A window of runs is under way, and the next one goes out when the receiver has all of it.
fn nothing_is_lost_while_the_receiver_keeps_up(kind: BackendKind) {
    const WINDOW: u32 = 8 * MOST_IN_RUN as u32;
    for runs in [true, false] {
        let mut harness = Harness::new(kind);
        let ((near, _), (far, to)) = (udp(HERE), udp(HERE));
        let how = DatagramReceive { longest: 4, runs };
        harness.backend.receive_datagrams(Token::unique(), &far, how);
        let sending = (Token::unique(), &near);
        let window = if runs { WINDOW } else { MOST_IN_RUN as u32 };
        for from in (0..100).map(|round| round * window) {
            let numbers = from..from + window;
            let bytes: Vec<u8> = numbers.clone().flat_map(u32::to_be_bytes).collect();
            let all = batch([run(bytes, 4, Some(to))]);
            let arrived = deliver(&mut harness, sending, all, window as usize);
            let sent = numbers.map(|number| (number.to_be_bytes().to_vec(), false));
            assert!(arrived.into_iter().eq(sent));
        }
    }
}

/// Such a socket takes no notice of what says that there are several: all of them would be one.
#[cfg(target_os = "linux")]
fn a_socket_that_knows_no_runs_sends_datagrams(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, (near, mut far)) = (Token::unique(), narrow());
    let sent = harness.send_datagrams(sending, &near, batch([run(pattern(250), 100, None)]));
    assert_eq!((sent.sent, sent.refused), (3, 0));
    for (part, _) in expected(250, 100) {
        let mut bytes = [0; 1000];
        let len = far.read(&mut bytes).unwrap();
        assert_eq!(bytes[..len], part);
    }
}

on_each_backend!(
    a_thousand_datagrams_are_a_run_to_the_caller,
    a_run_goes_where_its_socket_is_connected_to,
    a_run_comes_with_its_destination,
    who_asks_for_runs_gets_datagrams_that_come_alone,
    who_does_not_ask_for_runs_gets_none_on_a_socket_that_had_them,
    how_much_is_kept_stays_as_it_was_first,
    nothing_is_lost_while_the_receiver_keeps_up,
);
#[cfg(target_os = "linux")]
on_each_backend!(a_socket_that_knows_no_runs_sends_datagrams,);
