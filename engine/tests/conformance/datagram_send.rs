//! Sending datagrams: each where it is to go, past those that are refused, and when there is room.
#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
use crate::common::DEADLINE;
use crate::common::on_each_backend;
#[cfg(target_os = "linux")]
use crate::harness::What;
use crate::harness::{Harness, apart, datagrams, far_udp, pattern, udp};
use ringmq_engine::backend::{DATAGRAMS, DatagramBatch, Event};
use ringmq_engine::{BackendKind, Token};
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;
#[cfg(target_os = "linux")]
use std::{io::Read, sync::Arc};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn received(far: &UdpSocket) -> Vec<u8> {
    let mut bytes = vec![0; 10_000];
    let (len, _) = far.recv_from(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

fn each_goes_whole_where_it_is_to_go(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _)) = (Token::unique(), udp(HERE));
    let peers = [far_udp(), far_udp(), far_udp()];
    // More than are sent at a time.
    let all = 4 * DATAGRAMS;
    let len = |number: usize| number * 37 % 1500;
    let to = |number: usize| Some(peers[number % peers.len()].1);
    let tally = harness.send_datagrams(
        token,
        &near,
        datagrams((0..all).map(|number| (pattern(len(number)), to(number)))),
    );
    assert_eq!((tally.sent as usize, tally.refused), (all, 0));
    for number in 0..all {
        assert!(received(&peers[number % peers.len()].0) == pattern(len(number)), "{number}");
    }
    harness.silence();
}

fn without_a_destination_it_goes_where_its_socket_is_connected_to(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _), (far, there)) = (Token::unique(), udp(HERE), far_udp());
    near.connect(&there.into()).unwrap();
    let tally = harness.send_datagrams(token, &near, datagrams([(&b"you"[..], None)]));
    assert_eq!(tally.sent, 1);
    assert_eq!(received(&far), b"you");
}

fn one_that_is_refused_does_not_stop_those_after_it(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _), (far, there)) = (Token::unique(), udp(HERE), far_udp());
    let too_long = vec![0; 70_000];
    let all = [
        (b"one".to_vec(), Some(there)),
        (too_long.clone(), Some(there)),
        (b"two".to_vec(), Some(there)),
        (too_long.clone(), Some(there)),
        (too_long, Some(there)),
        (b"to nobody".to_vec(), None),
        (b"three".to_vec(), Some(there)),
    ];
    let tally = harness.send_datagrams(token, &near, datagrams(all.clone()));
    assert_eq!((tally.sent, tally.refused), (3, 4));
    #[cfg(unix)]
    assert_eq!(tally.refusal.unwrap().raw_os_error(), Some(libc::EMSGSIZE));
    for expected in [&b"one"[..], b"two", b"three"] {
        assert_eq!(received(&far), expected);
    }
    // Refused or not, each is tried once.
    let [_, refused, ..] = all;
    let tally = harness.send_datagrams(token, &near, datagrams([refused]));
    assert_eq!((tally.sent, tally.refused), (0, 1));
    harness.silence();
}

/// What the network says of one datagram the next is refused with; those after that go out.
#[cfg(target_os = "linux")]
fn nobody_there_does_not_stop_those_after_it(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _), (far, there)) = (Token::unique(), udp(HERE), far_udp());
    near.connect(&there.into()).unwrap();
    drop(far);
    let (anybody, peer) = far_udp();
    let deadline = std::time::Instant::now() + DEADLINE;
    let refusal = loop {
        assert!(std::time::Instant::now() < deadline);
        harness.send_datagrams(token, &near, datagrams([(&b"hello"[..], None)]));
        // The answer may take a moment.
        let others = [(&b"to another"[..], Some(peer)), (b"to another", Some(peer))];
        let tally = harness.send_datagrams(token, &near, datagrams(others));
        assert_eq!(tally.tried(), 2);
        // There may be two of them.
        let Some(refusal) = tally.refusal.filter(|_| tally.sent > 0) else { continue };
        break refusal;
    };
    assert_eq!(refusal.raw_os_error(), Some(libc::ECONNREFUSED));
    assert_eq!(received(&anybody), b"to another");
}

fn nothing_to_send_is_sent_at_once(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _)) = (Token::unique(), udp(HERE));
    harness.backend.send_datagrams(token, &near, DatagramBatch::default());
    let Some(Event::DatagramsSent(_, batch, Ok(tally))) = harness.raw(Duration::from_secs(5))
    else {
        panic!("it is sent");
    };
    assert!(batch.is_empty() && tally.tried() == 0);
}

/// A socket whose peer takes a few datagrams only: of the Unix kind, since UDP always has room on
/// loopback.
#[cfg(target_os = "linux")]
pub(crate) fn narrow() -> (Arc<Socket>, Socket) {
    let (near, far) = Socket::pair(Domain::UNIX, Type::DGRAM, None).unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_read_timeout(Some(DEADLINE)).unwrap();
    (Arc::new(near), far)
}

/// Sends until there is no room; returns how many went out. One more batch, of ten, is under way
/// then.
#[cfg(target_os = "linux")]
pub(crate) fn fill(harness: &mut Harness, token: Token, near: &Arc<Socket>) -> usize {
    let mut count = 0;
    loop {
        let ten = (count..count + 10).map(|number| (vec![number as u8; 100], None));
        harness.backend.send_datagrams(token, near, datagrams(ten));
        match harness.raw(Duration::from_millis(50)) {
            None => return count,
            Some(Event::DatagramsSent(_, _, result)) => {
                let tally = result.unwrap();
                assert_eq!(tally.refused, 0);
                count += tally.sent as usize;
            }
            Some(_) => panic!("nothing but a send is under way"),
        }
    }
}

#[cfg(target_os = "linux")]
fn those_without_room_wait_for_it(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, far)) = (Token::unique(), narrow());
    let before = fill(&mut harness, token, &near);
    assert!(before > 0);
    let mut count = 0;
    let mut read = || {
        assert_eq!((&far).read(&mut [0; 200]).unwrap(), 100);
        count += 1;
    };
    (0..before).for_each(|_| read());
    let What::DatagramsSent(mut batch, result) = harness.next_of(token) else {
        panic!("nothing but a send is under way");
    };
    let tally = result.unwrap();
    assert!(tally.sent > 0 && tally.refused == 0);
    batch.advance(tally.tried());
    (0..tally.sent).for_each(|_| read());
    let rest = batch.len();
    let tally = harness.send_datagrams(token, &near, batch);
    assert_eq!((tally.sent as usize, tally.refused), (rest, 0));
    (0..rest).for_each(|_| read());
    assert_eq!(count, before + 10);
}

#[cfg(target_os = "linux")]
fn a_second_send_of_datagrams_is_refused_and_the_first_goes_on(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, far)) = (Token::unique(), narrow());
    fill(&mut harness, token, &near);
    harness.backend.send_datagrams(token, &near, datagrams([(&b"second"[..], None)]));
    let What::DatagramsSent(batch, Err(error)) = harness.next_of(token) else {
        panic!("one is under way");
    };
    assert_eq!((batch.len(), error.kind()), (1, std::io::ErrorKind::ResourceBusy));
    harness.silence();
    drop(far);
    // Whoever waits learns that nobody is there any more.
    let What::DatagramsSent(batch, Ok(tally)) = harness.next_of(token) else {
        panic!("the first is under way");
    };
    assert_eq!((batch.len(), tally.sent, tally.refused), (10, 0, 10));
}

fn datagrams_go_both_ways_at_once(kind: BackendKind) {
    const ROUNDS: usize = 300;
    let mut harness = Harness::new(kind);
    let (one, two) = (Token::unique(), Token::unique());
    let ((near, here), (far, there)) = (udp(HERE), udp(HERE));
    harness.backend.receive_datagrams(one, &near, apart(100));
    harness.backend.receive_datagrams(two, &far, apart(100));
    let send = |harness: &mut Harness, token, number: usize| {
        let (socket, to) = if token == one { (&near, there) } else { (&far, here) };
        let batch = datagrams([(number.to_be_bytes().to_vec(), Some(to))]);
        harness.backend.send_datagrams(token, socket, batch);
    };
    send(&mut harness, one, 0);
    let (mut arrived, mut sent) = (0, 0);
    while arrived < ROUNDS || sent < ROUNDS {
        match harness.raw(Duration::from_secs(5)).unwrap() {
            Event::Datagram(token, buffer) => {
                assert_eq!(harness.take_datagram(buffer).bytes, arrived.to_be_bytes());
                arrived += 1;
                if arrived < ROUNDS {
                    send(&mut harness, token, arrived);
                }
            }
            Event::DatagramsSent(_, _, result) => {
                assert_eq!(result.unwrap().sent, 1);
                sent += 1;
            }
            _ => panic!("nothing else is under way"),
        }
    }
    harness.silence();
}

on_each_backend!(
    each_goes_whole_where_it_is_to_go,
    without_a_destination_it_goes_where_its_socket_is_connected_to,
    one_that_is_refused_does_not_stop_those_after_it,
    nothing_to_send_is_sent_at_once,
    datagrams_go_both_ways_at_once,
);
#[cfg(target_os = "linux")]
on_each_backend!(
    nobody_there_does_not_stop_those_after_it,
    those_without_room_wait_for_it,
    a_second_send_of_datagrams_is_refused_and_the_first_goes_on,
);
