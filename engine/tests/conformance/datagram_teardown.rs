//! Closing the tokens of datagram sockets, and dropping backends with everything under way.
#![allow(clippy::unwrap_used)]

use crate::common::{on_each_backend, on_each_backend_alone};
use crate::datagram_receive::{hold, send_many};
#[cfg(target_os = "linux")]
use crate::datagram_send::{fill, narrow};
#[cfg(target_os = "linux")]
use crate::harness::What;
use crate::harness::{Harness, apart, datagrams, far_udp, open_descriptors, udp};
use ringmq_engine::backend::{DATAGRAMS, DatagramBuffer, Event};
use ringmq_engine::{BackendKind, Token};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The buffer of a datagram that was received by `token`.
fn held(harness: &mut Harness, token: Token) -> DatagramBuffer {
    match harness.raw(Duration::from_secs(5)) {
        Some(Event::Datagram(of, buffer)) if of == token => buffer,
        _ => panic!("a datagram was sent"),
    }
}

fn a_closed_token_has_no_datagrams(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, address), (far, _)) = (Token::unique(), udp(HERE), far_udp());
    harness.backend.receive_datagrams(token, &near, apart(100));
    far.send_to(b"held", address).unwrap();
    let buffer = held(&mut harness, token);
    harness.backend.close(token);
    harness.backend.close(token);
    assert_eq!(harness.backend.datagram(&buffer), None);
    harness.silence();
    assert_eq!(harness.backend.datagram(&buffer), None);
    assert_eq!(Arc::strong_count(&near), 1, "the backend has let go of it");
    // The next token with the same socket has what comes now, and buffers that are its own.
    far.send_to(b"later", address).unwrap();
    let next = Token::unique();
    harness.backend.receive_datagrams(next, &near, apart(100));
    let later = held(&mut harness, next);
    harness.backend.release_datagram(buffer);
    assert_eq!(harness.backend.datagram(&later).unwrap().bytes, b"later");
    for round in 0..2 * DATAGRAMS {
        far.send_to(&round.to_be_bytes(), address).unwrap();
        assert_eq!(harness.arrived(next).bytes, round.to_be_bytes());
    }
    assert_eq!(harness.backend.datagram(&later).unwrap().bytes, b"later");
}

/// Neither what is waiting for buffers is told, nor that it does not wait any more.
fn a_token_that_waits_for_buffers_can_be_closed(kind: BackendKind) {
    for paused in [false, true] {
        let mut harness = Harness::new(kind);
        let (token, (near, address)) = (Token::unique(), udp(HERE));
        harness.backend.receive_datagrams(token, &near, apart(100));
        send_many(address);
        let mut held = hold(&mut harness, token);
        if paused {
            harness.backend.pause(token);
        } else {
            harness.backend.release_datagram(held.remove(0));
        }
        harness.backend.close(token);
        harness.silence();
        held.into_iter().for_each(|buffer| harness.backend.release_datagram(buffer));
        harness.silence();
        assert_eq!(Arc::strong_count(&near), 1, "the backend has let go of it");
    }
}

/// As many as one after the other, each with buffers of its own.
fn tokens_come_and_go(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let ((near, address), (far, _)) = (udp(HERE), far_udp());
    for round in 0..100usize {
        let token = Token::unique();
        harness.backend.receive_datagrams(token, &near, apart(10 + round));
        far.send_to(&round.to_be_bytes(), address).unwrap();
        assert_eq!(harness.arrived(token).bytes, round.to_be_bytes());
        harness.backend.close(token);
    }
    harness.silence();
    assert_eq!(Arc::strong_count(&near), 1);
}

#[cfg(target_os = "linux")]
fn closing_gives_datagrams_back_that_had_no_room(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (token, (near, _far)) = (Token::unique(), narrow());
    fill(&mut harness, token, &near);
    harness.backend.close(token);
    let What::DatagramsSent(batch, Err(_)) = harness.next_of(token) else {
        panic!("the send is answered");
    };
    assert_eq!(batch.len(), 10);
    harness.silence();
    assert_eq!(Arc::strong_count(&near), 1, "the backend has let go of it");
}

fn dropping_a_backend_with_datagrams_leaks_nothing(kind: BackendKind) {
    let before = open_descriptors();
    for closed in [false, true] {
        let mut harness = Harness::new(kind);
        let mut sockets = Vec::new();
        for _ in 0..5 {
            let (token, (near, address), (far, _)) = (Token::unique(), udp(HERE), far_udp());
            harness.backend.receive_datagrams(token, &near, apart(100));
            far.send_to(b"held", address).unwrap();
            let _never_given_back = held(&mut harness, token);
            far.send_to(b"unheard", address).unwrap();
            harness.backend.send_datagrams(token, &near, datagrams([(&b"x"[..], Some(address))]));
            if closed {
                harness.backend.close(token);
            }
            while harness.raw(Duration::ZERO).is_some() {}
            sockets.push(near);
        }
        #[cfg(target_os = "linux")]
        let _full = {
            let (token, (near, far)) = (Token::unique(), narrow());
            fill_quietly(&mut harness, token, &near);
            sockets.push(near);
            far
        };
        drop(harness);
        assert!(sockets.iter().all(|socket| Arc::strong_count(socket) == 1));
    }
    assert_eq!(open_descriptors(), before);
}

/// As [`fill`], beside sockets that nobody listens to any more.
#[cfg(target_os = "linux")]
fn fill_quietly(harness: &mut Harness, token: Token, near: &Arc<socket2::Socket>) {
    while harness.raw(Duration::from_millis(50)).is_some() {}
    fill(harness, token, near);
}

on_each_backend!(
    a_closed_token_has_no_datagrams,
    a_token_that_waits_for_buffers_can_be_closed,
    tokens_come_and_go,
);
#[cfg(target_os = "linux")]
on_each_backend!(closing_gives_datagrams_back_that_had_no_room);
on_each_backend_alone!(dropping_a_backend_with_datagrams_leaks_nothing);
