//! Sessions with a mechanism that asks an authenticator and then seals each frame.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{App, BOTH, Harness, Over, Settings, connection, more};
use crate::peer::{Peer, wire};
use crate::xor::{self, Xor};
use ringmq_engine::{Attach, BackendKind, DisconnectReason, Link, SessionEvent};
use ringmq_pipe::{Capacity, frame};
use ringmq_zmtp::{
    AuthAnswer, Command, Config, Decoder, Denial, Encoder, Handshake, HeartbeatConfig,
    NoRandomness, Peer as PeerInfo, ProtocolError, Sink, SocketType, subscribe_frame,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

const ROUTER: SocketType = SocketType::Router;
const DEALER: SocketType = SocketType::Dealer;

fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: b"Alice".to_vec(), properties: Vec::new() }
}

fn server(kind: BackendKind) -> Harness {
    Harness::with(
        kind,
        Settings { config: xor::config(ROUTER, Xor::Server), ..Settings::default() },
    )
}

/// The far end, which shakes hands by the mechanism and then seals and opens.
struct SealedPeer {
    peer: Peer,
    info: PeerInfo,
    encoder: Encoder,
    decoder: Decoder,
    arrived: Arrived,
}

/// Frames that have arrived. Commands for the session as they stand in a frame.
#[derive(Default)]
struct Arrived(VecDeque<(u8, Vec<u8>)>);

impl Sink for Arrived {
    fn span(&mut self, _: &[u8], _: usize, _: usize) {
        panic!("a frame that is not sealed");
    }

    fn begin(&mut self, flags: u8, _: u64) {
        self.0.push_back((flags, Vec::new()));
    }

    fn body(&mut self, bytes: &[u8]) {
        self.0.back_mut().unwrap().1.extend_from_slice(bytes);
    }

    fn end(&mut self) {}

    fn command(&mut self, command: Command<'_>) {
        let body = match command {
            Command::Ping { context, .. } => [b"\x04PING", context].concat(),
            Command::Pong { context } => [b"\x04PONG", context].concat(),
        };
        self.0.push_back((frame::COMMAND, body));
    }
}

/// Random bytes that are good enough for a peer that is played.
fn played(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    bytes.fill(0x2a);
    Ok(())
}

fn client() -> Config {
    xor::config(DEALER, Xor::Client("alice"))
}

impl SealedPeer {
    fn shake_hands(mut peer: Peer, config: Config) -> Result<Self, ProtocolError> {
        let now = Instant::now();
        let mut handshake = Handshake::new(Arc::new(config), now);
        let mut bytes = Vec::new();
        loop {
            let mut out = Vec::new();
            handshake.take_output(&mut out);
            peer.write(&out);
            if let Some(established) = handshake.established() {
                let mut this = Self {
                    peer,
                    info: established.peer,
                    encoder: established.encoder,
                    decoder: established.decoder,
                    arrived: Arrived::default(),
                };
                this.take(&bytes);
                return Ok(this);
            }
            bytes = peer.read_some();
            let used = handshake.input(now, &mut played, &bytes)?;
            bytes.drain(..used);
            if handshake.poll_request().is_some() {
                handshake.answer(now, &mut played, allow())?;
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.decoder.decode(bytes, usize::MAX, &mut self.arrived).unwrap();
    }

    fn send(&mut self, flags: u8, body: &[u8]) {
        let mut wire = Vec::new();
        self.encoder.translate(flags, body, &mut wire);
        self.peer.write(&wire);
    }

    /// The next frame.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        while self.arrived.0.is_empty() {
            let bytes = self.peer.read_some();
            self.take(&bytes);
        }
        self.arrived.0.pop_front().unwrap()
    }
}

/// A session whose peer was let in, the socket's end of its pipe, and the peer.
fn established(harness: &mut Harness, over: Over) -> (App, SealedPeer) {
    let (descriptor, peer) = connection(over);
    harness.session(descriptor, None);
    let shaking = std::thread::spawn(move || SealedPeer::shake_hands(peer, client()));
    harness.asked().answer(allow());
    let app = harness.attached();
    (app, shaking.join().unwrap().unwrap())
}

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

const SIZES: [usize; 10] = [0, 1, 222, 223, 255, 256, 8192, 8193, 70_000, 2_000_000];

fn messages_of_every_size_are_sealed_both_ways(kind: BackendKind) {
    for over in BOTH {
        let mut harness = server(kind);
        let (mut app, mut peer) = established(&mut harness, over);
        let writer = std::thread::spawn(move || {
            for size in SIZES {
                app.send(more(&vec![1; size]));
                app.send(more(b""));
                app.send(vec![2; size]);
            }
            app
        });
        for size in SIZES {
            let parts = [peer.frame(), peer.frame(), peer.frame()];
            let expected =
                [(frame::MORE, vec![1; size]), (frame::MORE, Vec::new()), (0, vec![2; size])];
            assert!(parts == expected, "{size} bytes over {over:?}");
        }
        let mut app = writer.join().unwrap();
        let writer = std::thread::spawn(move || {
            for size in SIZES {
                peer.send(frame::MORE, &vec![3; size]);
                peer.send(0, &vec![4; size]);
            }
            peer
        });
        for size in SIZES {
            let first = app.recv();
            assert!(first.more() && first == *vec![3; size], "{size} bytes over {over:?}");
            let last = app.recv();
            assert!(!last.more() && last == *vec![4; size], "{size} bytes over {over:?}");
        }
        drop(writer.join().unwrap());
    }
}

/// The session may be the end that is let in, and its first words are sealed as all others.
fn subscriptions_and_signs_of_life_are_sealed(kind: BackendKind) {
    let mut settings = Settings { config: client(), ..Settings::default() };
    subscribe_frame(b"topic", &mut settings.preamble);
    settings.config.heartbeat = Some(HeartbeatConfig {
        timeout: Duration::ZERO,
        ..HeartbeatConfig::every(Duration::from_millis(10))
    });
    let mut harness = Harness::with(kind, settings);
    let (descriptor, peer) = connection(Over::Tcp);
    harness.session(descriptor, None);
    let mut peer = SealedPeer::shake_hands(peer, xor::config(ROUTER, Xor::Server)).unwrap();
    let mut app = harness.attached();
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x09SUBSCRIBEtopic".to_vec()));
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x04PING".to_vec()));
    peer.send(frame::COMMAND, b"\x04PING\0\0context");
    while peer.frame() != (frame::COMMAND, b"\x04PONGcontext".to_vec()) {}
    // The other way round, a subscription is the socket's.
    peer.send(frame::COMMAND, b"\x06CANCELtopic");
    let command = app.recv();
    assert!(command == *b"\x06CANCELtopic" && command.flags() == frame::COMMAND);
}

/// A sign of life behind messages for which there is no room.
fn a_full_pipe_answers_pings(kind: BackendKind) {
    let mut harness = server(kind);
    harness.settings.receive = Capacity::Messages(3);
    let (mut app, mut peer) = established(&mut harness, Over::Unix);
    for number in 0..3 {
        peer.send(0, &[number]);
    }
    peer.send(frame::COMMAND, b"\x04PING\0\0full");
    assert_eq!(peer.frame(), (frame::COMMAND, b"\x04PONGfull".to_vec()));
    for number in 3..100 {
        peer.send(0, &[number]);
    }
    for number in 0..100 {
        assert_eq!(app.recv(), [number]);
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
struct Unprotected(Sender<SessionEvent>);

impl Link for Unprotected {
    fn attach(&self, _: &Arc<PeerInfo>) -> Attach {
        Attach::Closed
    }

    fn connected(&self, _: &Arc<PeerInfo>) {}

    fn preamble(&self, _: &mut Vec<u8>) -> Option<u64> {
        None
    }

    fn event(&self, event: SessionEvent) {
        let _ = self.0.send(event);
    }
}

fn without_an_authenticator_nobody_is_let_in(kind: BackendKind) {
    let mut harness = server(kind);
    let (descriptor, peer) = connection(Over::Tcp);
    let (sender, events) = channel();
    harness.session_of(Arc::new(Unprotected(sender)), descriptor, None);
    let refused = SealedPeer::shake_hands(peer, client()).err().unwrap();
    assert_eq!(refused.auth_status(), Some(500));
    let event = events.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(event, SessionEvent::HandshakeFailed(DisconnectReason::Protocol(_))));
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
                // It is not read any more, and so not seen to leave, unless that is seen all the same.
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

/// What one connection has not sent as a whole goes to the next, sealed anew.
fn whole_messages_go_to_the_next_connection(kind: BackendKind) {
    const COUNT: u32 = 400;
    let mut harness = Harness::with(kind, Settings { config: client(), ..Settings::default() });
    let (mut app, carry) = App::lent(&harness.settings);
    for number in 0..COUNT {
        app.send(more(&number.to_be_bytes()));
        app.send(vec![number as u8; 20_000]);
    }
    let (descriptor, peer) = connection(Over::Unix);
    harness.session(descriptor, Some(carry));
    let peer_config = || xor::config(ROUTER, Xor::Server);
    let mut peer = SealedPeer::shake_hands(peer, peer_config()).unwrap();
    for number in 0..3_u32 {
        assert_eq!(peer.frame(), (frame::MORE, number.to_be_bytes().to_vec()));
        peer.frame();
    }
    drop(peer);
    let carry = harness.ended().carry;
    let (descriptor, peer) = connection(Over::Unix);
    harness.session(descriptor, carry);
    let mut peer = SealedPeer::shake_hands(peer, peer_config()).unwrap();
    let (_, first) = peer.frame();
    let first = u32::from_be_bytes(first.try_into().unwrap());
    assert!((3..COUNT).contains(&first), "{first}");
    assert_eq!(peer.frame(), (0, vec![first as u8; 20_000]));
    for number in first + 1..COUNT {
        assert_eq!(peer.frame(), (frame::MORE, number.to_be_bytes().to_vec()));
        assert_eq!(peer.frame(), (0, vec![number as u8; 20_000]));
    }
}

fn a_broken_seal_ends_the_connection(kind: BackendKind) {
    let mut harness = server(kind);
    let (mut app, mut peer) = established(&mut harness, Over::Tcp);
    peer.send(0, b"sealed");
    peer.peer.write(&wire(0, b"not sealed"));
    assert_eq!(app.recv(), *b"sealed");
    let reason = harness.disconnected();
    assert!(matches!(reason, DisconnectReason::Protocol(ProtocolError::BrokenSeal)), "{reason}");
    assert!(app.end.rx.read().is_none());
}

on_each_backend!(
    an_authenticator_may_answer_later_from_another_thread,
    messages_of_every_size_are_sealed_both_ways,
    subscriptions_and_signs_of_life_are_sealed,
    a_full_pipe_answers_pings,
    who_is_denied_is_told,
    without_an_authenticator_nobody_is_let_in,
    a_peer_that_leaves_is_forgotten,
    time_runs_on_while_the_answer_is_awaited,
    a_peer_is_not_listened_to_before_the_answer,
    random_bytes_are_the_systems,
    whole_messages_go_to_the_next_connection,
    a_broken_seal_ends_the_connection,
);
