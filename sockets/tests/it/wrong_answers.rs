//! Whatever answers at an endpoint, a connect goes on, says what it has met, and keeps what is queued.

use crate::harness::{Address, Harness, await_event, await_kind, eventually, over_tcp, over_wires};
use crate::raw::{frame, greeting, hello, ready};
use ringmq::{DisconnectReason, Monitor, MonitorEvent, ProtocolError, Push};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

over_tcp![
    a_wrong_answer_is_told_and_asked_again,
    a_peer_that_denies_is_not_asked_again,
    a_peer_that_breaks_the_rules_later_is_connected_again,
    a_send_that_waits_outlasts_a_wrong_answer,
    an_empty_answer_is_asked_again,
    a_connection_to_itself_is_none,
    a_connection_to_itself_is_none_with_ipv6,
];

over_wires![a_peer_of_another_type_is_asked_again_until_it_is_replaced];

/// Somebody whose address others may take over.
struct Stranger {
    listener: TcpListener,
    endpoint: String,
}

impl Stranger {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        Self { listener, endpoint }
    }

    /// Takes a connection and says something.
    fn answer(&self, bytes: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// Leaves the address to a PULL, which receives what is queued: `count` numbers.
    fn makes_way(self, harness: &Harness, count: u8) {
        let Self { listener, endpoint } = self;
        drop(listener);
        let pull = harness.pull();
        eventually("the endpoint is free", || pull.bind(&endpoint).is_ok());
        for number in 0..count {
            assert_eq!(pull.recv().unwrap(), [number]);
        }
    }
}

fn push_numbers(push: &Push, count: u8) {
    for number in 0..count {
        push.send([number]).unwrap();
    }
}

/// The reason of the next handshake that fails; another attempt follows.
/// As libzmq's does: the answer would be the same.
fn a_peer_that_denies_is_not_asked_again(harness: &Harness) {
    for status in ["300", "400", "500"] {
        let stranger = Stranger::new();
        let push = harness.push();
        let monitor = push.monitor();
        push.connect(&stranger.endpoint).unwrap();
        let refused = [&b"\x04\x0a\x05ERROR\x03"[..], status.as_bytes()].concat();
        let _stream = stranger.answer(&[greeting(), refused].concat());
        await_event(&monitor, |event| match event {
            MonitorEvent::HandshakeFailed { reason, .. } => {
                assert_eq!(
                    reason.auth_status().map(|status| status.to_string()),
                    Some(status.into())
                );
                Some(())
            }
            _ => None,
        });
        await_event(&monitor, |event| match event {
            MonitorEvent::GaveUp { .. } => Some(()),
            MonitorEvent::ConnectRetried { .. } => panic!("it tries again"),
            _ => None,
        });
    }
}

fn handshake_failed(monitor: &Monitor) -> DisconnectReason {
    let reason = await_event(monitor, |event| match event {
        MonitorEvent::HandshakeFailed { reason, .. } => Some(reason.clone()),
        MonitorEvent::Closed { .. } => panic!("it has given up"),
        _ => None,
    });
    await_event(monitor, |event| match event {
        MonitorEvent::ConnectRetried { .. } => Some(()),
        MonitorEvent::Closed { .. } => panic!("it has given up"),
        _ => None,
    });
    reason
}

fn a_wrong_answer_is_told_and_asked_again(harness: &Harness) {
    let stranger = Stranger::new();
    let push = harness.push();
    let monitor = push.monitor();
    push.connect(&stranger.endpoint).unwrap();
    push_numbers(&push, 20);
    let answers: [(&[u8], &str); 6] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the peer speaks HTTP, not ZMTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the peer speaks SSH, not ZMTP"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "the peer speaks TLS, not ZMTP"),
        (&[&greeting()[..12], &[b'X'; 52]].concat(), "the peer uses mechanism"),
        (&hello("SUB"), "the peer's SUB socket cannot talk to a PUSH socket"),
        (
            &[greeting(), b"\x04\x0c\x05ERROR\x05later".to_vec()].concat(),
            "the peer refused the connection",
        ),
    ];
    for round in 0..2 {
        for (answer, told) in &answers {
            let stream = stranger.answer(answer);
            let reason = handshake_failed(&monitor);
            assert!(reason.to_string().contains(told), "round {round}: {reason}");
            drop(stream);
        }
    }
    stranger.makes_way(harness, 20);
}

fn a_peer_that_breaks_the_rules_later_is_connected_again(harness: &Harness) {
    let stranger = Stranger::new();
    let push = harness.push();
    let monitor = push.monitor();
    push.connect(&stranger.endpoint).unwrap();
    for _ in 0..3 {
        let _stream = stranger.answer(&[hello("PULL"), frame(4, b"")].concat());
        let reason = await_event(&monitor, |event| match event {
            MonitorEvent::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(matches!(reason, DisconnectReason::Protocol(ProtocolError::EmptyCommand)));
        await_kind!(&monitor, ConnectRetried);
    }
    // Nothing has been written to any of them.
    let mut last = stranger.answer(&hello("PULL"));
    push.send("at last").unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(&frame(0, b"at last")) {
        let mut byte = [0];
        last.read_exact(&mut byte).unwrap();
        heard.push(byte[0]);
    }
}

fn a_send_that_waits_outlasts_a_wrong_answer(harness: &Harness) {
    let stranger = Stranger::new();
    let push = harness.push();
    push.set_send_hwm(5).unwrap();
    let monitor = push.monitor();
    push.connect(&stranger.endpoint).unwrap();
    push_numbers(&push, 5);
    assert!(push.try_send([5]).is_err());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| push.send([5]));
        drop(stranger.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        handshake_failed(&monitor);
        stranger.makes_way(harness, 6);
        sending.join().unwrap().unwrap();
    });
}

fn an_empty_answer_is_asked_again(harness: &Harness) {
    let stranger = Stranger::new();
    let push = harness.push();
    let monitor = push.monitor();
    push.connect(&stranger.endpoint).unwrap();
    push_numbers(&push, 5);
    for part in [0, 5, 11, 64] {
        drop(stranger.answer(&greeting()[..part]));
        handshake_failed(&monitor);
    }
    // The wrong one of two types, said by a peer that leaves at once.
    drop(stranger.answer(&[greeting(), ready(&[("Socket-Type", b"PUSH")])].concat()));
    handshake_failed(&monitor);
    stranger.makes_way(harness, 5);
}

/// A rolling restart in the wrong order: for a while there is a PUB where a PULL belongs.
fn a_peer_of_another_type_is_asked_again_until_it_is_replaced(harness: &Harness) {
    let (address, push, wrong) = (Address::new(harness), harness.push(), harness.publisher());
    let (here, there) = (push.monitor(), wrong.monitor());
    push.connect(&address.endpoint).unwrap();
    push_numbers(&push, 20);
    address.bind(&wrong);
    for _ in 0..10 {
        // Each end is told what the other is, whichever of them leaves first.
        for (monitor, own, other) in [(&here, "PUSH", "PUB"), (&there, "PUB", "PUSH")] {
            let reason = await_event(monitor, |event| match event {
                MonitorEvent::HandshakeFailed { reason, .. } => Some(reason.clone()),
                MonitorEvent::Closed { .. } => panic!("it has given up"),
                _ => None,
            });
            if cfg!(target_os = "linux") {
                let told = format!("the peer's {other} socket cannot talk to a {own} socket");
                assert_eq!(reason.to_string(), told);
            }
        }
    }
    drop(wrong);
    let right = harness.pull();
    address.bind(&right);
    for number in 0..20u8 {
        assert_eq!(right.recv().unwrap(), [number]);
    }
}

/// A port that the client itself connects from, as the system may choose it, is a port at which nobody
/// listens.
fn alone_with_itself(harness: &Harness, address: &str) {
    let dealer = harness.dealer();
    dealer.set_ipv6(true).unwrap();
    let monitor = dealer.monitor();
    let endpoint = format!("tcp://{address}");
    let circular = format!("tcp://{address};{address}");
    dealer.connect(&circular).unwrap();
    dealer.send("hello").unwrap();
    for _ in 0..3 {
        await_event(&monitor, |event| match event {
            MonitorEvent::ConnectFailed { reason, .. } => {
                assert!(reason.contains("led back to itself"), "{reason}");
                Some(())
            }
            MonitorEvent::ConnectRetried { .. } => None,
            other => panic!("{other:?}"),
        });
    }
    assert!(dealer.try_recv().is_err(), "it does not hear itself");
    // The server has the port as soon as it asks for it.
    let server = harness.dealer();
    server.set_ipv6(true).unwrap();
    server.bind(&endpoint).unwrap();
    dealer.connect(&endpoint).unwrap();
    dealer.disconnect(&circular).unwrap();
    dealer.send("hello again").unwrap();
    assert_eq!(server.recv().unwrap(), "hello again");
}

fn a_connection_to_itself_is_none(harness: &Harness) {
    let address = Address::new(harness);
    alone_with_itself(harness, address.endpoint.strip_prefix("tcp://").unwrap());
}

fn a_connection_to_itself_is_none_with_ipv6(harness: &Harness) {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    alone_with_itself(harness, &address);
}
