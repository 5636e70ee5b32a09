//! Runs of datagrams: sent and received in one piece where the system does that, and one by one where not.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{Arrived, Harness, apart, far_udp, pattern, udp};
use bytes::Bytes;
use ringmq_engine::backend::{
    DatagramBatch, DatagramReceive, LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram,
};
use ringmq_engine::{BackendKind, Token};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A run of datagrams of `each` bytes, which has `len` in all.
fn run(len: usize, each: u16, to: SocketAddr) -> OutgoingDatagram {
    let bytes = Bytes::from(pattern(len));
    OutgoingDatagram { bytes, to: Some(to), segment: NonZeroU16::new(each) }
}

pub(crate) fn batch(all: impl IntoIterator<Item = OutgoingDatagram>) -> DatagramBatch {
    let mut batch = DatagramBatch::default();
    all.into_iter().for_each(|datagram| batch.push(datagram));
    batch
}

/// The datagrams that come until there are `count`.
pub(crate) fn parts(harness: &mut Harness, token: Token, count: usize) -> Vec<(Vec<u8>, bool)> {
    let mut all = Vec::new();
    while all.len() < count {
        let Arrived { parts, .. } = harness.arrived(token);
        all.extend(parts);
    }
    all
}

/// Those of a run.
pub(crate) fn expected(len: usize, each: usize) -> Vec<(Vec<u8>, bool)> {
    pattern(len).chunks(each).map(|part| (part.to_vec(), false)).collect()
}

fn a_run_arrives_as_its_datagrams(kind: BackendKind) {
    for here in [HERE, HERE_V6] {
        for runs in [true, false] {
            let mut harness = Harness::new(kind);
            let (sending, receiving) = (Token::unique(), Token::unique());
            let ((near, _), (far, to)) = (udp(here), udp(here));
            let how = DatagramReceive { longest: 2000, runs };
            harness.backend.receive_datagrams(receiving, &far, how);
            for (len, each) in
                [(6400, 100), (1001, 100), (99, 100), (100, 100), (28_000, 1400), (64, 1)]
            {
                let sent = harness.send_datagrams(sending, &near, batch([run(len, each, to)]));
                let count = len.div_ceil(each.into());
                assert_eq!((sent.sent as usize, sent.refused), (count, 0));
                let arrived = parts(&mut harness, receiving, count);
                assert_eq!(arrived, expected(len, each.into()), "{len} {each} {runs}");
            }
        }
    }
}

fn runs_and_others_keep_their_order(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, receiving) = (Token::unique(), Token::unique());
    let ((near, _), (far, to)) = (udp(HERE), udp(HERE));
    let how = DatagramReceive { longest: 2000, runs: true };
    harness.backend.receive_datagrams(receiving, &far, how);
    let alone = |len| OutgoingDatagram { bytes: pattern(len).into(), to: Some(to), segment: None };
    let all =
        [alone(10), run(300, 100, to), alone(0), run(150, 60, to), alone(60), run(60, 60, to)];
    let sent = harness.send_datagrams(sending, &near, batch(all));
    assert_eq!((sent.sent, sent.refused), (10, 0));
    let lens: Vec<usize> =
        parts(&mut harness, receiving, 10).iter().map(|(part, _)| part.len()).collect();
    assert_eq!(lens, [10, 100, 100, 100, 0, 60, 60, 30, 60, 60]);
}

/// What no system takes in one piece: too many, too many bytes, or datagrams that no interface carries.
fn what_is_no_run_to_the_system_goes_out_one_by_one(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, (near, _), (far, to)) = (Token::unique(), udp(HERE), far_udp());
    let mut buffer = vec![0; 2000];
    for round in 0..6 {
        for (len, each) in [(3 * MOST_IN_RUN, 1), (LONGEST_RUN + 5000, 1900)] {
            let sent = harness.send_datagrams(sending, &near, batch([run(len, each, to)]));
            let count = len.div_ceil(each.into());
            assert_eq!((sent.sent as usize, sent.refused), (count, 0), "{round}");
            for (part, _) in expected(len, each.into()) {
                let len = far.recv(&mut buffer).unwrap();
                assert_eq!(buffer[..len], part);
            }
        }
    }
}

fn a_run_that_is_refused_is_counted_by_its_datagrams(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, receiving) = (Token::unique(), Token::unique());
    let ((near, _), (far, to)) = (udp(HERE), udp(HERE));
    harness.backend.receive_datagrams(receiving, &far, apart(100));
    // Of another family: the system sends nothing there.
    let nowhere: SocketAddr = (HERE_V6, to.port()).into();
    let all = [run(1000, 100, nowhere), run(150, 100, to)];
    let sent = harness.send_datagrams(sending, &near, batch(all));
    assert_eq!((sent.sent, sent.refused), (2, 10));
    assert!(sent.refusal.is_some());
    assert_eq!(parts(&mut harness, receiving, 2), expected(150, 100));
}

fn each_datagram_of_a_run_is_cut_where_more_is_not_kept(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (sending, receiving) = (Token::unique(), Token::unique());
    let ((near, _), (far, to)) = (udp(HERE), udp(HERE));
    let how = DatagramReceive { longest: 40, runs: true };
    harness.backend.receive_datagrams(receiving, &far, how);
    harness.send_datagrams(sending, &near, batch([run(130, 50, to)]));
    let arrived = parts(&mut harness, receiving, 3);
    let lens: Vec<_> = arrived.iter().map(|(part, cut)| (part.len(), *cut)).collect();
    assert_eq!(lens, [(40, true), (40, true), (30, false)]);
    let (alone, _) = far_udp();
    alone.send_to(&pattern(41), to).unwrap();
    let arrived = parts(&mut harness, receiving, 1);
    assert_eq!(arrived, [(pattern(40), true)]);
}

on_each_backend!(
    a_run_arrives_as_its_datagrams,
    runs_and_others_keep_their_order,
    what_is_no_run_to_the_system_goes_out_one_by_one,
    a_run_that_is_refused_is_counted_by_its_datagrams,
    each_datagram_of_a_run_is_cut_where_more_is_not_kept,
);
