//! Peers that are let in by an authenticator, later or never.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{BOTH, Over, connection};
use crate::peer::{Peer, wire};
use crate::sealed_peer::{DEALER, ROUTER, SealedPeer, allow, client, established, server};
use crate::xor;
use ringmq_engine::{
    Attach, BackendKind, Connection, DisconnectReason, EndpointId, MonitorEvent, SessionOwner,
};
use ringmq_pipe::frame;
use ringmq_zmtp::{AuthAnswer, Denial, Peer as PeerInfo, ProtocolError};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

fn an_authenticator_may_answer_later_from_another_thread(kind: BackendKind) {
    for over in BOTH {
        let mut harness = server(kind);
        let (descriptor, peer) = connection(over);
        harness.session(descriptor, None);
        let shaking = std::thread::spawn(move || SealedPeer::shake_hands(peer, client()));
        let applicant = harness.asked();
        let request = applicant.request();
        assert_eq!((request.domain.as_str(), request.mechanism), ("global", "XOR"));
        assert_eq!(request.credentials, [b"alice"]);
        // Others are served meanwhile.
        let (mut app, mut other) = established(&mut harness, over);
        app.send("not held up");
        assert_eq!(other.frame(), (0, b"not held up".to_vec()));
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            applicant.answer(allow());
        });
        let mut app = harness.attached();
        let mut peer = shaking.join().unwrap().unwrap();
        assert_eq!(peer.info.socket_type, Some(ROUTER));
        app.send("let in");
        assert_eq!(peer.frame(), (0, b"let in".to_vec()));
        let user = |info: &PeerInfo| info.metadata.first().cloned();
        for _ in 0..2 {
            let known = harness.succeeded();
            assert_eq!(user(&known), Some(("User-Id".to_owned(), b"Alice".to_vec())));
            assert_eq!(known.socket_type, Some(DEALER));
        }
    }
}

fn who_is_denied_is_told(kind: BackendKind) {
    for over in BOTH {
        let mut harness = server(kind);
        let (descriptor, peer) = connection(over);
        harness.session(descriptor, None);
        let shaking = std::thread::spawn(move || SealedPeer::shake_hands(peer, client()).err());
        let applicant = harness.asked();
        std::thread::spawn(move || applicant.answer(AuthAnswer::Deny(Denial::Credentials)));
        let denied = ProtocolError::Denied { denial: Denial::Credentials };
        let reason = harness.handshake_failed();
        assert!(matches!(&reason, DisconnectReason::Protocol(error) if *error == denied));
        assert_eq!(shaking.join().unwrap().unwrap().auth_status(), Some(400));
        assert!(!harness.ended().established);
        harness.finish();
    }
}

/// A socket that knows of no authenticator.
struct Unprotected(Sender<MonitorEvent>);

impl SessionOwner for Unprotected {
    fn attach(&self, _: &Arc<Connection>, _: &Arc<PeerInfo>) -> Attach {
        Attach::Closed
    }

    fn connected(&self, _: &Arc<Connection>, _: &Arc<PeerInfo>, _: u64) {}

    fn preamble(&self, _: &mut Vec<u8>) -> Option<u64> {
        None
    }

    fn event(&self, event: MonitorEvent) {
        let _ = self.0.send(event);
    }

    fn ended(&self, _: EndpointId, _: &str) {}
}

fn without_an_authenticator_nobody_is_let_in(kind: BackendKind) {
    let mut harness = server(kind);
    let (descriptor, peer) = connection(Over::Tcp);
    let (sender, events) = channel();
    harness.session_of(Arc::new(Unprotected(sender)), descriptor, None);
    let refused = SealedPeer::shake_hands(peer, client()).err().unwrap();
    assert_eq!(refused.auth_status(), Some(500));
    let event = events.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(
        event,
        MonitorEvent::HandshakeFailed { reason: DisconnectReason::Protocol(_), .. }
    ));
    harness.ended();
    harness.finish();
}

/// A peer that has said HELLO, by hand.
fn hello(peer: &mut Peer) {
    let mut greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01XOR".to_vec();
    greeting.resize(64, 0);
    peer.write(&[greeting, wire(frame::COMMAND, b"\x05HELLO12345678bob")].concat());
}

fn a_peer_that_leaves_is_forgotten(kind: BackendKind) {
    for over in BOTH {
        for ahead in [false, true] {
            let mut harness = server(kind);
            let (descriptor, mut peer) = connection(over);
            harness.session(descriptor, None);
            hello(&mut peer);
            let applicant = harness.asked();
            if ahead {
                peer.write(&wire(0, b"what nobody listens to"));
            }
            drop(peer);
            if ahead {
                // It is not read any more, and so not seen to leave, unless that is seen all the
                // same.
                applicant.answer(allow());
                harness.handshake_failed();
            } else {
                let reason = harness.handshake_failed();
                assert!(
                    matches!(reason, DisconnectReason::PeerClosed | DisconnectReason::Io(_)),
                    "{reason}"
                );
                assert!(!harness.ended().established);
                applicant.answer(allow());
            }
            harness.finish();
        }
    }
}

fn time_runs_on_while_the_answer_is_awaited(kind: BackendKind) {
    let mut harness = server(kind);
    harness.settings.config.handshake_timeout = Some(Duration::from_millis(300));
    let (descriptor, mut peer) = connection(Over::Tcp);
    harness.session(descriptor, None);
    hello(&mut peer);
    let applicant = harness.asked();
    let reason = harness.handshake_failed();
    assert!(matches!(reason, DisconnectReason::Protocol(ProtocolError::HandshakeTimeout)));
    harness.ended();
    applicant.answer(allow());
    peer.rest();
    harness.finish();
}

/// Whoever is not let in yet does not fill the memory of those who decide about that.
fn a_peer_is_not_listened_to_before_the_answer(kind: BackendKind) {
    const MUCH: usize = 64 << 20;
    for over in BOTH {
        let mut harness = server(kind);
        let (descriptor, mut peer) = connection(over);
        harness.session(descriptor, None);
        hello(&mut peer);
        let applicant = harness.asked();
        assert!(peer.write_until_blocked(&vec![0; MUCH]) < MUCH);
        applicant.answer(allow());
        let reason = harness.handshake_failed();
        assert!(
            matches!(reason, DisconnectReason::Protocol(ProtocolError::UnexpectedCommand { .. })),
            "{reason}"
        );
        harness.ended();
        harness.finish();
    }
}

fn random_bytes_are_the_systems(kind: BackendKind) {
    let mut harness = server(kind);
    let mut welcome = || {
        let (descriptor, mut peer) = connection(Over::Unix);
        harness.session(descriptor, None);
        hello(&mut peer);
        harness.asked().answer(allow());
        peer.bytes(64);
        peer.frame().body[xor::WELCOME.len()..][..8].to_vec()
    };
    let (first, second) = (welcome(), welcome());
    assert_ne!(first, second);
    assert!(first != [0; 8] && second != [0; 8]);
}

on_each_backend!(
    an_authenticator_may_answer_later_from_another_thread,
    who_is_denied_is_told,
    without_an_authenticator_nobody_is_let_in,
    a_peer_that_leaves_is_forgotten,
    time_runs_on_while_the_answer_is_awaited,
    a_peer_is_not_listened_to_before_the_answer,
    random_bytes_are_the_systems,
);
