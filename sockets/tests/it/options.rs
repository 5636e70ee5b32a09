//! Options: what each takes, and what some do.

use crate::harness::{
    Address, GLANCE, Harness, await_event, await_kind, await_peers, eventually, everywhere,
    over_tcp, over_wires, within_process,
};
use crate::raw::hello;
use ringmq::{DisconnectReason, Error, Monitor, MonitorEvent, Problem, SocketType};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

within_process![
    impossible_values_are_errors,
    options_of_other_types_are_errors,
    the_longest_times_are_for_ever,
    matching_can_be_inverted,
    a_mark_that_is_set_late_within_the_process_is_told,
];

everywhere![what_is_set_late_is_told_once];

over_wires![heartbeats_keep_an_idle_connection, extreme_times_work];

over_tcp![a_peer_without_a_pulse_is_left];

/// Waits until the monitor has told that an option was set late, and gives which; `None` if no such event
/// has come by now.
fn late(monitor: &Monitor, waits: bool) -> Option<&'static str> {
    let late = |event: &MonitorEvent| match event {
        MonitorEvent::Problem { problem: Problem::OptionTooLate { option, .. }, .. } => {
            Some(*option)
        }
        _ => None,
    };
    if waits {
        return Some(await_event(monitor, late));
    }
    std::iter::from_fn(|| monitor.try_recv().ok()).find_map(|event| late(&event))
}

fn what_is_set_late_is_told_once(harness: &Harness) {
    let (address, dealer) = (Address::new(harness), harness.dealer());
    dealer.set_routing_id("in time").unwrap();
    dealer.set_recv_timeout(None).unwrap();
    let monitor = dealer.monitor();
    dealer.connect(&address.endpoint).unwrap();
    dealer.set_routing_id("in time").unwrap();
    dealer.set_linger(None).unwrap();
    dealer.set_recv_timeout(Some(GLANCE)).unwrap();
    assert_eq!(late(&monitor, false), None, "no change, and what counts at once");
    dealer.set_routing_id("late").unwrap();
    assert_eq!(late(&monitor, true), Some("routing_id"));
    dealer.set_heartbeat_interval(Duration::from_secs(1)).unwrap();
    assert_eq!(late(&monitor, true), Some("heartbeat_interval"));
    dealer.set_conflate(true).unwrap();
    assert_eq!(late(&monitor, true), Some("conflate"));
    dealer.set_routing_id("later").unwrap();
    assert_eq!(late(&monitor, false), None, "told already");
    // It does count for the next one.
    let router = harness.router();
    dealer.connect(&router.bind(&harness.anywhere()).unwrap()).unwrap();
    eventually("the router knows the name", || {
        router.stats().iter().any(|pipe| pipe.routing_id == b"later")
    });
}

fn a_mark_that_is_set_late_within_the_process_is_told(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(3).unwrap();
    let monitor = push.monitor();
    harness.join(&pull, &push);
    assert_eq!(late(&monitor, false), None);
    let mark = push.stats()[0].send_hwm;
    push.set_send_hwm(5).unwrap();
    assert_eq!(late(&monitor, true), Some("send_hwm"));
    assert_eq!(push.stats()[0].send_hwm, mark);
}

fn invalid(result: Result<(), Error>) {
    assert!(matches!(result, Err(Error::InvalidOption { .. })), "{result:?}");
}

fn impossible_values_are_errors(harness: &Harness) {
    let dealer = harness.dealer();
    invalid(dealer.set_routing_id(""));
    invalid(dealer.set_routing_id([1; 256]));
    invalid(dealer.set_routing_id([0, 1]));
    invalid(dealer.set_reconnect_interval(Some(Duration::ZERO)));
    invalid(dealer.set_tos(256));
    invalid(dealer.set_heartbeat_ttl(Duration::from_secs(7000)));
    invalid(dealer.set_metadata("Colour", b"blue"));
    invalid(dealer.set_metadata("X-white space", b""));
    invalid(harness.req().set_conflate(true));
    invalid(harness.router().set_connect_routing_id([1; 256]));
}

fn options_of_other_types_are_errors(harness: &Harness) {
    let socket = harness.context.socket(SocketType::Pair).unwrap();
    invalid(socket.subscribe("x"));
    invalid(socket.set_mandatory(true));
    invalid(socket.set_correlate(true));
    invalid(socket.set_verbose(true));
    invalid(socket.set_no_drop(true));
    invalid(socket.set_probe_router(true));
    invalid(socket.apply_subscription(true, "x"));
    invalid(socket.set_welcome_message("x"));
}

fn the_longest_times_are_for_ever(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    a.set_send_timeout(Some(Duration::MAX)).unwrap();
    b.set_recv_timeout(Some(Duration::MAX)).unwrap();
    let endpoint = b.bind(&harness.anywhere()).unwrap();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| a.send("waits"));
        let receiving = scope.spawn(|| b.recv());
        a.connect(&endpoint).unwrap();
        sending.join().unwrap().unwrap();
        assert_eq!(receiving.join().unwrap().unwrap(), "waits");
    });
}

fn extreme_times_work(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    for time in [Duration::MAX, Duration::from_nanos(1)] {
        push.set_reconnect_interval(Some(time)).unwrap();
        push.set_reconnect_interval_max(time).unwrap();
        push.set_heartbeat_timeout(Some(Duration::MAX)).unwrap();
        push.set_connect_timeout(Some(Duration::MAX)).unwrap();
        push.set_handshake_interval(Some(Duration::MAX)).unwrap();
        harness.join(&pull, &push);
        push.send("hello").unwrap();
        assert_eq!(pull.recv().unwrap(), "hello");
        push.disconnect(&push.last_endpoint()).unwrap();
        await_peers(&pull, 0);
    }
    push.set_linger(Some(Duration::MAX)).unwrap();
    push.set_heartbeat_interval(Duration::MAX).unwrap();
    harness.join(&pull, &push);
    push.send("last").unwrap();
    drop(push);
    assert_eq!(pull.recv().unwrap(), "last");
}

fn matching_can_be_inverted(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_invert_matching(true).unwrap();
    subscriber.set_invert_matching(true).unwrap();
    subscriber.subscribe("no").unwrap();
    harness.join(&publisher, &subscriber);
    eventually("the subscription arrives", || publisher.topics() == 1);
    for topic in ["no", "yes", "north", "n"] {
        publisher.send(topic).unwrap();
    }
    assert_eq!(subscriber.recv().unwrap(), "yes");
    assert_eq!(subscriber.recv().unwrap(), "n");
}

fn heartbeats_keep_an_idle_connection(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_heartbeat_interval(Duration::from_millis(5)).unwrap();
    push.set_heartbeat_timeout(Some(crate::harness::PATIENCE)).unwrap();
    push.set_heartbeat_ttl(crate::harness::PATIENCE).unwrap();
    harness.join(&pull, &push);
    let monitor = push.monitor();
    assert!(monitor.recv_timeout(GLANCE * 2).is_err(), "nothing happens");
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn a_peer_without_a_pulse_is_left(harness: &Harness) {
    let push = harness.push();
    push.set_heartbeat_interval(Duration::from_millis(10)).unwrap();
    push.set_reconnect_interval(Some(Duration::from_millis(1))).unwrap();
    let monitor = push.monitor();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    push.connect(&format!("tcp://{}", dead.local_addr().unwrap())).unwrap();
    for _ in 0..2 {
        let (mut stream, _) = dead.accept().unwrap();
        stream.write_all(&hello("PULL")).unwrap();
        await_kind!(&monitor, HandshakeSucceeded);
        let reason = await_event(&monitor, |event| match event {
            MonitorEvent::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(matches!(reason, DisconnectReason::HeartbeatExpired), "{reason:?}");
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        assert!(all.windows(4).any(|bytes| bytes == b"PING"));
        await_kind!(&monitor, ConnectRetried);
    }
}
