//! Peers that are no ZeroMQ peers, or bad ones: each loses its own connection, with a reason, and
//! nobody else notices.

use crate::harness::{GLANCE, Harness, await_event, await_kind, eventually, over_tcp};
use crate::raw::{frame, greeting, hello, long_header, ready};
use ringmq::{DisconnectReason, Monitor, MonitorEvent, ProtocolError, Pull, Push};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

over_tcp![
    http,
    noise,
    a_tls_hello,
    half_a_greeting,
    nothing_at_all,
    bytes_that_trickle_too_slowly,
    bytes_that_trickle_are_put_together,
    a_length_of_two_to_the_63,
    a_length_that_never_comes,
    a_frame_over_the_limit,
    a_message_cut_off_in_the_middle,
    a_frame_cut_off_in_the_middle,
    an_empty_command,
    the_wrong_type_of_socket,
    a_routing_id_too_long,
    a_storm_of_connections,
];

/// A PULL with one good peer, on which bad ones are tried out.
struct Victim {
    pull: Pull,
    good: Push,
    monitor: Monitor,
    address: String,
}

impl Victim {
    fn new(harness: &Harness) -> Self {
        Self::with(harness, |_| {})
    }

    fn with(harness: &Harness, prepare: fn(&Pull)) -> Self {
        let (pull, good) = (harness.pull(), harness.push());
        harness.join(&pull, &good);
        // A limit of time is for those who come here: the good peer may be slow.
        prepare(&pull);
        let endpoint = pull.bind(&harness.anywhere()).unwrap();
        let monitor = pull.monitor();
        let address = endpoint.strip_prefix("tcp://").unwrap().to_owned();
        Self { pull, good, monitor, address }
    }

    fn attack(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// The good peer still is.
    fn is_well(&self) {
        for number in 0..20u8 {
            self.good.send([number]).unwrap();
            assert_eq!(self.pull.recv().unwrap(), [number]);
        }
    }

    /// The handshake fails for this reason, and the connection ends.
    fn refuses(&self, mut stream: TcpStream) -> DisconnectReason {
        let reason = await_event(&self.monitor, |event| match event {
            MonitorEvent::HandshakeFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        await_kind!(&self.monitor, Disconnected);
        // An end or a reset: no matter which.
        let _ = stream.read_to_end(&mut Vec::new());
        self.is_well();
        reason
    }

    /// The connection ends for this reason.
    fn drops(&self) -> DisconnectReason {
        let reason = await_event(&self.monitor, |event| match event {
            MonitorEvent::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        self.is_well();
        reason
    }
}

macro_rules! assert_protocol {
    ($reason:expr, $error:pat) => {
        let reason = $reason;
        assert!(matches!(reason, DisconnectReason::Protocol($error)), "{reason:?}");
    };
}

fn http(harness: &Harness) {
    let victim = Victim::new(harness);
    let stream = victim.attack(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_protocol!(victim.refuses(stream), ProtocolError::NotZmtp { .. });
}

fn a_tls_hello(harness: &Harness) {
    let victim = Victim::new(harness);
    let stream = victim.attack(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3, 9, 9, 9, 9, 9, 9]);
    assert_protocol!(victim.refuses(stream), _);
}

fn noise(harness: &Harness) {
    let victim = Victim::with(harness, |pull| {
        pull.set_handshake_interval(Some(GLANCE)).unwrap();
    });
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    for _ in 0..50 {
        let bytes: Vec<u8> = (0..300)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed as u8
            })
            .collect();
        let stream = victim.attack(&bytes);
        // Some noise may pass for a peer of old; then it is one until it leaves.
        drop(stream);
        await_kind!(&victim.monitor, Disconnected);
    }
    while victim.pull.try_recv().is_ok() {}
    victim.is_well();
}

fn half_a_greeting(harness: &Harness) {
    let victim = Victim::with(harness, |pull| {
        pull.set_handshake_interval(Some(GLANCE)).unwrap();
    });
    for length in [1, 10, 11, 12, 40, 63, 64] {
        let stream = victim.attack(&greeting()[..length]);
        assert_protocol!(victim.refuses(stream), ProtocolError::HandshakeTimeout);
    }
    let stream = victim.attack(&greeting()[..20]);
    drop(stream);
    await_kind!(&victim.monitor, HandshakeFailed);
    victim.is_well();
}

fn nothing_at_all(harness: &Harness) {
    let victim = Victim::with(harness, |pull| {
        pull.set_handshake_interval(Some(GLANCE)).unwrap();
    });
    let stream = victim.attack(b"");
    assert_protocol!(victim.refuses(stream), ProtocolError::HandshakeTimeout);
}

fn bytes_that_trickle_too_slowly(harness: &Harness) {
    let victim = Victim::with(harness, |pull| {
        pull.set_handshake_interval(Some(GLANCE)).unwrap();
    });
    let mut stream = victim.attack(b"");
    for byte in greeting() {
        std::thread::sleep(Duration::from_millis(2));
        if stream.write_all(&[byte]).is_err() {
            break;
        }
    }
    assert_protocol!(victim.refuses(stream), ProtocolError::HandshakeTimeout);
}

fn bytes_that_trickle_are_put_together(harness: &Harness) {
    let victim = Victim::new(harness);
    let mut stream = victim.attack(b"");
    let bytes = [hello("PUSH"), frame(1, b"slow"), frame(0, b"but whole")].concat();
    for byte in bytes {
        stream.write_all(&[byte]).unwrap();
        std::thread::yield_now();
    }
    assert_eq!(victim.pull.recv_multipart().unwrap(), ["slow", "but whole"].into());
    victim.is_well();
}

fn a_length_of_two_to_the_63(harness: &Harness) {
    let victim = Victim::new(harness);
    for length in [1u64 << 63, u64::MAX] {
        let header = long_header(length);
        let _stream = victim.attack(&[hello("PUSH"), header].concat());
        assert_protocol!(victim.drops(), ProtocolError::FrameLengthInvalid { .. });
    }
}

fn a_length_that_never_comes(harness: &Harness) {
    let victim = Victim::new(harness);
    // What is announced is not allocated.
    let header = long_header((1 << 63) - 1);
    let stream = victim.attack(&[hello("PUSH"), header, vec![7; 100_000]].concat());
    await_kind!(&victim.monitor, HandshakeSucceeded);
    victim.is_well();
    drop(stream);
    victim.drops();
}

fn a_frame_over_the_limit(harness: &Harness) {
    let victim = Victim::with(harness, |pull| pull.set_max_message_size(Some(100)).unwrap());
    let stream = victim.attack(&[hello("PUSH"), frame(0, &[1; 100])].concat());
    assert_eq!(victim.pull.recv().unwrap().len(), 100);
    drop(stream);
    victim.drops();
    let _stream = victim.attack(&[hello("PUSH"), frame(0, &[1; 101])].concat());
    assert_protocol!(victim.drops(), ProtocolError::FrameTooLarge { length: 101, limit: 100 });
    assert!(victim.pull.try_recv().is_err());
    // Not one byte, and still a handshake, and messages of none.
    let victim = Victim::with(harness, |pull| pull.set_max_message_size(Some(0)).unwrap());
    let _stream = victim.attack(&[hello("PUSH"), frame(0, &[]), frame(0, &[1])].concat());
    assert_eq!(victim.pull.recv().unwrap(), "");
    assert_protocol!(victim.drops(), ProtocolError::FrameTooLarge { length: 1, limit: 0 });
}

fn a_message_cut_off_in_the_middle(harness: &Harness) {
    let victim = Victim::new(harness);
    let whole = frame(0, b"whole");
    let stream = victim.attack(&[hello("PUSH"), whole, frame(1, b"half"), frame(1, b"")].concat());
    assert_eq!(victim.pull.recv().unwrap(), "whole");
    drop(stream);
    victim.drops();
    assert!(victim.pull.try_recv().is_err(), "half a message is none");
    victim.is_well();
}

fn a_frame_cut_off_in_the_middle(harness: &Harness) {
    let victim = Victim::new(harness);
    for body in [10usize, 100_000] {
        let header = long_header(body as u64 + 1);
        let stream = victim.attack(&[hello("PUSH"), header, vec![1; body]].concat());
        await_kind!(&victim.monitor, HandshakeSucceeded);
        drop(stream);
        victim.drops();
        assert!(victim.pull.try_recv().is_err());
    }
}

fn an_empty_command(harness: &Harness) {
    let victim = Victim::new(harness);
    let _stream = victim.attack(&[hello("PUSH"), frame(4, b"")].concat());
    assert_protocol!(victim.drops(), ProtocolError::EmptyCommand);
    let _stream = victim.attack(&[hello("PUSH"), frame(4, b"\x04PING\x00")].concat());
    assert_protocol!(victim.drops(), ProtocolError::MalformedPing { .. });
}

fn the_wrong_type_of_socket(harness: &Harness) {
    let victim = Victim::new(harness);
    let stream = victim.attack(&[greeting(), ready(&[("Socket-Type", b"SUB")])].concat());
    assert_protocol!(victim.refuses(stream), ProtocolError::IncompatibleSocketType { .. });
    let stream = victim.attack(&[greeting(), ready(&[("Socket-Type", b"NONSENSE")])].concat());
    assert_protocol!(victim.refuses(stream), ProtocolError::IncompatibleSocketType { .. });
}

fn a_routing_id_too_long(harness: &Harness) {
    let router = harness.router();
    let monitor = router.monitor();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let ready = ready(&[("Socket-Type", b"DEALER"), ("Identity", &[b'x'; 256])]);
    stream.write_all(&[greeting(), ready].concat()).unwrap();
    let reason = await_event(&monitor, |event| match event {
        MonitorEvent::HandshakeFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_protocol!(reason, ProtocolError::RoutingIdTooLong { .. });
}

fn a_storm_of_connections(harness: &Harness) {
    let victim = Victim::new(harness);
    for _ in 0..10 {
        let streams: Vec<_> = (0..30).map(|_| victim.attack(&hello("PUSH")[..30])).collect();
        victim.is_well();
        drop(streams);
    }
    victim.is_well();
    eventually("all are gone", || victim.pull.stats().len() == 1);
}
