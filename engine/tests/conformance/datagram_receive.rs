//! Receiving datagrams: each by itself, with where it came from; paused, cut, held, refused.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
#[cfg(unix)]
use crate::harness::datagrams;
use crate::harness::{Harness, What, apart, far_udp, pair, pattern, udp};
use ringmq_engine::backend::{
    DATAGRAMS, DatagramBuffer, Ended, Event, LONGEST_DATAGRAM, Receive, report_destination,
};
use ringmq_engine::{BackendKind, Token};
#[cfg(unix)]
use std::io;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The longest that can be sent: with the headers of IP it is 64 KiB; macOS allows less.
const LONGEST: usize = if cfg!(target_vendor = "apple") { 9216 } else { 65_507 };
/// As many as a socket certainly keeps if they are small.
const MANY: usize = 3 * DATAGRAMS;

/// A small datagram that says which one it is.
fn numbered(number: usize) -> [u8; 4] {
    (number as u32).to_be_bytes()
}

pub(crate) fn send_many(address: SocketAddr) {
    let (far, _) = far_udp();
    for number in 0..MANY {
        far.send_to(&numbered(number), address).unwrap();
    }
}

fn each_comes_by_itself_with_its_source(kind: BackendKind) {
    for ip in [IpAddr::from(HERE), Ipv6Addr::LOCALHOST.into()] {
        let Ok(one) = UdpSocket::bind((ip, 0)) else { continue }; // No IPv6 here.
        let other = UdpSocket::bind((ip, 0)).unwrap();
        let mut harness = Harness::new(kind);
        let (token, (near, address)) = (Token::unique(), udp(ip));
        harness.backend.receive_datagrams(token, &near, apart(LONGEST_DATAGRAM));
        harness.silence();
        for len in [1, 0, 0, 1000, 8192, LONGEST, 2] {
            for far in [&one, &other] {
                far.send_to(&pattern(len), address).unwrap();
                let arrived = harness.arrived(token);
                assert!(arrived.bytes == pattern(len), "{len} bytes");
                assert_eq!(arrived.source, far.local_addr().unwrap());
                assert!(!arrived.truncated);
                assert_eq!(arrived.destination, None, "nobody has asked");
            }
        }
        harness.silence();
    }
}

fn the_destination_is_told_to_those_who_ask(kind: BackendKind) {
    // All of these are this machine's.
    let mut v4 = vec![HERE.into()];
    if cfg!(target_os = "linux") {
        v4.push(Ipv4Addr::new(127, 0, 0, 2).into());
    }
    let v6 = vec![Ipv6Addr::LOCALHOST.into()];
    let all: [(IpAddr, Vec<IpAddr>); 2] =
        [(Ipv4Addr::UNSPECIFIED.into(), v4), (Ipv6Addr::LOCALHOST.into(), v6)];
    for (bound, destinations) in all {
        if UdpSocket::bind((bound, 0)).is_err() {
            continue; // No IPv6 here.
        }
        let mut harness = Harness::new(kind);
        let (token, (near, address)) = (Token::unique(), udp(bound));
        let asked = report_destination(&near);
        assert_eq!(asked.is_ok(), cfg!(unix), "{asked:?}");
        harness.backend.receive_datagrams(token, &near, apart(100));
        for destination in destinations {
            let far = UdpSocket::bind((bound, 0)).unwrap();
            far.send_to(b"to you", (destination, address.port())).unwrap();
            let arrived = harness.arrived(token);
            assert_eq!(arrived.bytes, b"to you");
            assert_eq!(arrived.destination, asked.is_ok().then_some(destination));
        }
    }
}

/// On the loopback interface, which takes part in groups if it is named.
#[cfg(target_os = "linux")]
fn what_is_sent_to_a_group_has_it_for_its_destination(kind: BackendKind) {
    let group = Ipv4Addr::new(239, 192, 7, 8);
    let mut harness = Harness::new(kind);
    let (token, (near, address)) = (Token::unique(), udp(Ipv4Addr::UNSPECIFIED));
    report_destination(&near).unwrap();
    near.join_multicast_v4(&group, &HERE).unwrap();
    harness.backend.receive_datagrams(token, &near, apart(100));
    let (far, there) = udp(HERE);
    far.set_multicast_if_v4(&HERE).unwrap();
    let to = SocketAddr::from((group, address.port()));
    let batch =
        datagrams([(&b"all of you"[..], Some(to)), (b"you", Some((HERE, to.port()).into()))]);
    assert_eq!(harness.send_datagrams(Token::unique(), &far, batch).sent, 2);
    for (bytes, destination) in [(&b"all of you"[..], group), (b"you", HERE)] {
        let arrived = harness.arrived(token);
        assert_eq!((&arrived.bytes[..], arrived.source), (bytes, there));
        assert_eq!(arrived.destination, Some(destination.into()));
    }
}

fn what_is_too_long_is_cut_and_said_to_be(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address), (far, _)) = (Token::unique(), udp(HERE), far_udp());
    harness.backend.receive_datagrams(token, &near, apart(100));
    for len in [99, 100, 101, 5000, 100, 0] {
        far.send_to(&pattern(len), address).unwrap();
        let arrived = harness.arrived(token);
        assert_eq!(arrived.bytes, pattern(len.min(100)));
        assert_eq!(arrived.truncated, len > 100, "{len}");
    }
    harness.silence();
}

/// However many wait: a turn brings no more than [`DATAGRAMS`] of a socket, and whoever else has
/// something to say is heard after that many.
fn a_busy_socket_has_its_turn_and_no_more(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (busy, (near, address)) = (Token::unique(), udp(HERE));
    send_many(address);
    let (quiet, (quiet_near, quiet_address)) = (Token::unique(), udp(HERE));
    far_udp().0.send_to(b"a word", quiet_address).unwrap();
    let (stream, (stream_near, mut far)) = (Token::unique(), pair());
    far.write_all(b"a byte").unwrap();
    harness.backend.receive_datagrams(busy, &near, apart(100));
    harness.backend.receive_datagrams(quiet, &quiet_near, apart(100));
    harness.backend.receive(stream, &stream_near, Receive::Once);
    let (mut count, mut turns, mut heard) = (0, 0, Vec::new());
    while count < MANY {
        let mut events = Vec::new();
        harness.backend.poll(Some(DEADLINE), &mut events).unwrap();
        let before = count;
        for event in events {
            match event {
                Event::Datagram(token, buffer) if token == busy => {
                    assert_eq!(harness.take_datagram(buffer).bytes, numbered(count));
                    count += 1;
                }
                Event::Datagram(_, buffer) => {
                    assert_eq!(harness.take_datagram(buffer).bytes, b"a word");
                    heard.push(turns);
                }
                Event::Received(_, buffer) => {
                    assert_eq!(harness.take(buffer), b"a byte");
                    heard.push(turns);
                }
                Event::ReceiveEnded(token, Ended::Stopped) if token == stream => {}
                _ => panic!("nothing else is under way"),
            }
        }
        assert!(count - before <= DATAGRAMS, "{} in a row", count - before);
        turns += 1;
    }
    assert!(turns <= 2 * MANY / DATAGRAMS, "{turns} turns are many for so few");
    assert!(heard.len() == 2 && heard.iter().all(|turn| *turn < 2), "heard in turns {heard:?}");
}

/// Holds all the buffers that `token` has.
pub(crate) fn hold(harness: &mut Harness, token: Token) -> Vec<DatagramBuffer> {
    let mut held = Vec::new();
    while let Some(event) = harness.raw(Duration::from_millis(50)) {
        match event {
            Event::Datagram(of, buffer) if of == token => held.push(buffer),
            _ => panic!("nothing else is under way"),
        }
    }
    assert_eq!(held.len(), DATAGRAMS);
    held
}

fn who_holds_all_buffers_keeps_nobody_else_waiting(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address)) = (Token::unique(), udp(HERE));
    harness.backend.receive_datagrams(token, &near, apart(100));
    send_many(address);
    let held = hold(&mut harness, token);
    let (other, (other_near, other_address)) = (Token::unique(), udp(HERE));
    harness.backend.receive_datagrams(other, &other_near, apart(100));
    far_udp().0.send_to(b"me too", other_address).unwrap();
    assert_eq!(harness.arrived(other).bytes, b"me too");
    harness.silence();
    for (number, buffer) in held.into_iter().enumerate() {
        assert_eq!(harness.take_datagram(buffer).bytes, numbered(number));
    }
    for number in DATAGRAMS..MANY {
        assert_eq!(harness.arrived(token).bytes, numbered(number));
    }
    harness.silence();
}

fn who_holds_all_buffers_can_pause_and_go_on(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address)) = (Token::unique(), udp(HERE));
    harness.backend.receive_datagrams(token, &near, apart(100));
    send_many(address);
    let held = hold(&mut harness, token);
    harness.backend.pause(token);
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    for buffer in held {
        harness.take_datagram(buffer);
    }
    harness.silence();
    harness.backend.receive_datagrams(token, &near, apart(100));
    for number in DATAGRAMS..MANY {
        assert_eq!(harness.arrived(token).bytes, numbered(number));
    }
    harness.silence();
}

/// With a pause after every event.
fn no_datagram_is_lost_or_doubled_by_pauses(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address)) = (Token::unique(), udp(HERE));
    send_many(address);
    harness.backend.pause(token);
    harness.backend.receive_datagrams(token, &near, apart(100));
    let (mut count, mut pauses) = (0, 0);
    while count < MANY {
        match harness.next_of(token) {
            What::Datagram(arrived) => {
                assert_eq!(arrived.bytes, numbered(count));
                count += 1;
                harness.backend.pause(token);
            }
            What::Ended(Ended::Stopped) => {
                pauses += 1;
                harness.backend.receive_datagrams(token, &near, apart(100));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(pauses > 0);
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    send_many(address);
    harness.silence();
}

fn a_second_receive_of_datagrams_is_the_one_under_way(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address), (far, _)) = (Token::unique(), udp(HERE), far_udp());
    harness.backend.receive_datagrams(token, &near, apart(100));
    harness.backend.receive_datagrams(token, &near, apart(10));
    far.send_to(&pattern(50), address).unwrap();
    assert_eq!(harness.arrived(token).bytes, pattern(50));
    harness.backend.pause(token);
    assert!(matches!(harness.next_of(token), What::Ended(Ended::Stopped)));
    harness.silence();
}

/// What comes back of a datagram that nobody wanted ends the receive, and only that. (Wine does not
/// tell of it, and what Windows does is not known.)
#[cfg(unix)]
fn a_refusal_by_the_peer_is_a_failure_and_asking_again_goes_on(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address), (far, there)) = (Token::unique(), udp(HERE), far_udp());
    near.connect(&there.into()).unwrap();
    drop(far);
    harness.backend.receive_datagrams(token, &near, apart(100));
    let deadline = std::time::Instant::now() + DEADLINE;
    let error = loop {
        assert!(std::time::Instant::now() < deadline);
        // A send that meets the refusal takes it away.
        harness.backend.send_datagrams(token, &near, datagrams([(&b"anybody?"[..], None)]));
        match harness.next_of(token) {
            What::DatagramsSent(..) => {}
            What::Ended(Ended::Failed(error)) => break error,
            other => panic!("{other:?}"),
        }
        if let Some(Event::ReceiveEnded(_, Ended::Failed(error))) =
            harness.raw(Duration::from_millis(10))
        {
            break error;
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let far = UdpSocket::bind(there).unwrap();
    harness.backend.receive_datagrams(token, &near, apart(100));
    far.send_to(b"me", address).unwrap();
    loop {
        match harness.next_of(token) {
            What::Datagram(arrived) => break assert_eq!(arrived.bytes, b"me"),
            // The answer to another of them.
            What::Ended(Ended::Failed(_)) => {
                harness.backend.receive_datagrams(token, &near, apart(100));
            }
            What::DatagramsSent(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

on_each_backend!(
    each_comes_by_itself_with_its_source,
    the_destination_is_told_to_those_who_ask,
    what_is_too_long_is_cut_and_said_to_be,
    a_busy_socket_has_its_turn_and_no_more,
    who_holds_all_buffers_keeps_nobody_else_waiting,
    who_holds_all_buffers_can_pause_and_go_on,
    no_datagram_is_lost_or_doubled_by_pauses,
    a_second_receive_of_datagrams_is_the_one_under_way,
    #[cfg(unix)]
    a_refusal_by_the_peer_is_a_failure_and_asking_again_goes_on,
    #[cfg(target_os = "linux")]
    what_is_sent_to_a_group_has_it_for_its_destination,
);
