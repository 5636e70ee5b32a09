//! What peers leave behind that came and went: nothing, though nobody enters the socket meanwhile.
//!
//! The memory of the whole process is counted. One test at a time, because others beside it would be
//! counted too.

#![allow(clippy::unwrap_used)]

use ringmq::{AnySocket, BackendChoice, Context, Monitor, MonitorEvent, SocketType};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Peers that come before counting, so that tables have grown to what they need.
const BEFORE: usize = 40;
/// Peers that are counted.
const PEERS: usize = 100;
/// Bytes that may be left of each: some tables and pools grow now and then. A pipe has 1,500.
const ALLOWED: usize = 150;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

const TYPES: [(SocketType, SocketType); 11] = [
    (SocketType::Pair, SocketType::Pair),
    (SocketType::Push, SocketType::Pull),
    (SocketType::Pull, SocketType::Push),
    (SocketType::Req, SocketType::Rep),
    (SocketType::Rep, SocketType::Req),
    (SocketType::Dealer, SocketType::Dealer),
    (SocketType::Router, SocketType::Dealer),
    (SocketType::Pub, SocketType::Sub),
    (SocketType::XPub, SocketType::XSub),
    (SocketType::Sub, SocketType::Pub),
    (SocketType::XSub, SocketType::XPub),
];

fn make(context: &Context, socket_type: SocketType) -> AnySocket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    if socket_type == SocketType::Sub {
        socket.subscribe("a topic").unwrap();
    }
    socket
}

fn bytes() -> usize {
    dhat::HeapStats::get().curr_bytes
}

/// Waits for an event of a socket that is not to be entered.
fn await_event(monitor: &Monitor, wanted: fn(&MonitorEvent) -> bool) {
    let start = Instant::now();
    while !wanted(&monitor.recv_timeout(PATIENCE).unwrap()) {
        assert!(start.elapsed() < PATIENCE, "it never happens");
    }
}

/// Peers connect to an endpoint and leave; `monitor` is that of the socket there, if it has events.
fn come_and_go(context: &Context, other: SocketType, endpoint: &str, monitor: Option<&Monitor>) {
    let peer = make(context, other);
    peer.connect(endpoint).unwrap();
    let Some(monitor) = monitor else { return };
    await_event(monitor, |event| matches!(event, MonitorEvent::HandshakeSucceeded { .. }));
    drop(peer);
    await_event(monitor, |event| matches!(event, MonitorEvent::Disconnected { .. }));
}

/// Does something again and again, and gives the bytes that are left of each time.
fn left_of(mut act: impl FnMut()) -> usize {
    (0..BEFORE).for_each(|_| act());
    let before = bytes();
    (0..PEERS).for_each(|_| act());
    // What is about to go on an I/O thread may take a moment.
    let start = Instant::now();
    loop {
        let left = bytes().saturating_sub(before) / PEERS;
        if left < ALLOWED || start.elapsed() > PATIENCE {
            return left;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Peers of a socket that is left alone.
fn peers_leave_nothing(context: &Context, endpoint: &str) {
    for (own, other) in TYPES {
        let socket = make(context, own);
        let monitor = socket.monitor();
        let endpoint = socket.bind(endpoint).unwrap();
        let monitor = (!endpoint.starts_with("inproc")).then_some(&monitor);
        let left = left_of(|| come_and_go(context, other, &endpoint, monitor));
        assert!(left < ALLOWED, "{own:?} at {endpoint} keeps {left} bytes of each peer");
        // It is as good as new.
        let peer = make(context, other);
        peer.connect(&endpoint).unwrap();
        let start = Instant::now();
        while !socket.stats().iter().any(|pipe| pipe.connected) {
            assert!(start.elapsed() < PATIENCE, "{own:?} at {endpoint} has no peer");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(socket.stats().len(), 1, "{own:?} at {endpoint}");
    }
}

/// Connects to a name that nobody binds.
fn connects_in_vain_leave_nothing(context: &Context) {
    for (own, _) in TYPES {
        let close = || make(context, own).connect("inproc://nobody").unwrap();
        let left = left_of(close);
        assert!(left < ALLOWED, "a {own:?} that is closed leaves {left} bytes");
        let socket = make(context, own);
        let left = left_of(|| {
            socket.connect("inproc://nobody").unwrap();
            socket.disconnect("inproc://nobody").unwrap();
        });
        assert!(left < ALLOWED, "a {own:?} that disconnects leaves {left} bytes");
    }
}

/// A connect whose peer comes and goes, of a socket that is left alone.
fn a_peer_that_comes_again_leaves_nothing(context: &Context) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let socket = make(context, SocketType::Dealer);
    socket.set_reconnect_interval(Some(Duration::from_millis(1))).unwrap();
    let monitor = socket.monitor();
    socket.connect(&endpoint).unwrap();
    let mut number = 0_u32;
    let left = left_of(|| {
        let peer = make(context, SocketType::Dealer);
        number += 1;
        peer.set_routing_id(format!("a name of its own each time, {number}")).unwrap();
        let start = Instant::now();
        while peer.bind(&endpoint).is_err() {
            assert!(start.elapsed() < PATIENCE, "the address is taken");
        }
        await_event(&monitor, |event| matches!(event, MonitorEvent::HandshakeSucceeded { .. }));
        drop(peer);
        await_event(&monitor, |event| matches!(event, MonitorEvent::Disconnected { .. }));
        while monitor.try_recv().is_ok() {}
    });
    assert!(left < ALLOWED, "{left} bytes are kept of each peer");
}

/// Checks a context on a backend, with nothing else in the process that would be counted.
fn alone(backend: BackendChoice, check: impl FnOnce(&Context)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // Another test that has failed is no reason.
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if backend == BackendChoice::Uring && Context::uring_available().is_err() {
        eprintln!("SKIPPED: no io_uring here");
        return;
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    check(&Context::builder().backend(backend).build().unwrap());
}

fn over_wires_nothing_is_left(backend: BackendChoice) {
    alone(backend, |context| peers_leave_nothing(context, "tcp://127.0.0.1:*"));
    if cfg!(unix) {
        alone(backend, |context| peers_leave_nothing(context, "ipc://*"));
    }
    alone(backend, a_peer_that_comes_again_leaves_nothing);
}

#[test]
fn who_came_and_went_within_the_process_leaves_nothing() {
    alone(BackendChoice::Auto, |context| {
        peers_leave_nothing(context, "inproc://somebody");
        connects_in_vain_leave_nothing(context);
    });
}

#[test]
fn who_came_and_went_leaves_nothing_on_mio() {
    over_wires_nothing_is_left(BackendChoice::Mio);
}

#[test]
fn who_came_and_went_leaves_nothing_on_io_uring() {
    over_wires_nothing_is_left(BackendChoice::Uring);
}
