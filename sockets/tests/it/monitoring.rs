//! Monitors: what happens to connections, in order and with reasons. And the figures of each.

use crate::harness::{
    Address, Harness, PATIENCE, await_event, eventually, everywhere, over_tcp, over_wires,
};
use ringmq::{DisconnectReason, Error, Monitor, MonitorEvent, ProtocolError, SocketType, Version};
use std::time::Duration;

over_wires![
    a_server_sees_a_client_come_and_go,
    a_client_sees_a_server_come_and_go,
    the_peer_introduces_itself,
    types_that_do_not_go_together,
    several_monitors_see_the_same,
];

everywhere![a_monitor_ends_with_its_socket, figures_of_a_queue, waiting_ends_in_time];

over_tcp![a_monitor_that_is_not_read_is_bounded];

/// The name of the next event.
fn next(monitor: &Monitor) -> (&'static str, MonitorEvent) {
    let event = monitor.recv_timeout(PATIENCE).unwrap();
    let name = match &event {
        MonitorEvent::Listening { .. } => "listening",
        MonitorEvent::Accepted { .. } => "accepted",
        MonitorEvent::AcceptFailed { .. } => "accept failed",
        MonitorEvent::Refused { .. } => "refused",
        MonitorEvent::Connected { .. } => "connected",
        MonitorEvent::ConnectFailed { .. } => "connect failed",
        MonitorEvent::ConnectRetried { .. } => "retried",
        MonitorEvent::HandshakeSucceeded { .. } => "handshake",
        MonitorEvent::HandshakeFailed { .. } => "handshake failed",
        MonitorEvent::Disconnected { .. } => "disconnected",
        MonitorEvent::Closed { .. } => "closed",
        _ => "unknown",
    };
    (name, event)
}

fn expect(monitor: &Monitor, names: &[&str]) {
    for name in names {
        let (found, event) = next(monitor);
        assert_eq!(found, *name, "{event:?}");
    }
}

fn a_server_sees_a_client_come_and_go(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let (name, event) = next(&monitor);
    assert_eq!(name, "listening");
    assert!(matches!(event, MonitorEvent::Listening { endpoint: at, .. } if *at == *endpoint));
    push.connect(&endpoint).unwrap();
    let (name, event) = next(&monitor);
    assert_eq!(name, "accepted");
    let MonitorEvent::Accepted { endpoint: at, descriptor, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(*at, *endpoint);
    expect(&monitor, &["handshake"]);
    push.send("from there").unwrap();
    let peer = pull.recv().unwrap().peer().unwrap();
    assert_eq!(peer.descriptor(), descriptor);
    assert!(descriptor.is_some());
    drop(push);
    let (_, event) = next(&monitor);
    let MonitorEvent::Disconnected { reason, .. } = event else { panic!("{event:?}") };
    // A peer that leaves in a hurry, with something unread, resets the connection.
    assert!(matches!(reason, DisconnectReason::PeerClosed | DisconnectReason::Io(_)), "{reason:?}");
    pull.unbind(&endpoint).unwrap();
    expect(&monitor, &["closed"]);
}

fn a_client_sees_a_server_come_and_go(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_reconnect_interval(Some(Duration::from_millis(40))).unwrap();
    let monitor = push.monitor();
    push.connect(&address.endpoint).unwrap();
    expect(&monitor, &["connect failed", "retried"]);
    let pull = harness.pull();
    address.bind(&pull);
    loop {
        match next(&monitor).0 {
            "connected" => break,
            "connect failed" => expect(&monitor, &["retried"]),
            other => panic!("{other}"),
        }
    }
    expect(&monitor, &["handshake"]);
    drop(pull);
    expect(&monitor, &["disconnected", "retried"]);
    push.disconnect(&address.endpoint).unwrap();
    eventually("it is closed for good", || next(&monitor).0 == "closed");
}

fn the_peer_introduces_itself(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("me").unwrap();
    dealer.set_metadata("X-Colour", b"blue").unwrap();
    let monitor = router.monitor();
    harness.join(&router, &dealer);
    let identity = await_event(&monitor, |event| match event {
        MonitorEvent::HandshakeSucceeded { identity, .. } => Some(identity.clone()),
        _ => None,
    });
    assert_eq!(identity.socket_type, Some(SocketType::Dealer));
    assert_eq!(identity.version, Version::V3_1);
    assert_eq!(identity.routing_id, b"me");
    assert!(identity.metadata.contains(&("X-Colour".into(), b"blue".to_vec())));
}

fn types_that_do_not_go_together(harness: &Harness) {
    let (publisher, pull, push) = (harness.publisher(), harness.pull(), harness.push());
    let (here, there) = (pull.monitor(), publisher.monitor());
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    publisher.connect(&endpoint).unwrap();
    for monitor in [&here, &there] {
        let reason = await_event(monitor, |event| match event {
            MonitorEvent::HandshakeFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(
            matches!(
                &reason,
                DisconnectReason::Protocol(
                    ProtocolError::IncompatibleSocketType { .. } | ProtocolError::PeerError { .. }
                ) | DisconnectReason::PeerClosed
                    | DisconnectReason::Io(_)
            ),
            "{reason:?}"
        );
        await_event(monitor, |event| {
            matches!(event, MonitorEvent::Disconnected { .. }).then_some(())
        });
    }
    push.connect(&endpoint).unwrap();
    push.send("unharmed").unwrap();
    assert_eq!(pull.recv().unwrap(), "unharmed");
}

fn several_monitors_see_the_same(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    let monitors = [pull.monitor(), pull.monitor()];
    drop(pull.monitor());
    harness.join(&pull, &push);
    for monitor in &monitors {
        expect(monitor, &["listening", "accepted", "handshake"]);
    }
    // A late one sees what is still to come.
    let late = pull.monitor();
    drop(push);
    expect(&late, &["disconnected"]);
}

fn a_monitor_ends_with_its_socket(harness: &Harness) {
    let pull = harness.pull();
    let monitor = pull.monitor();
    pull.bind(&harness.anywhere()).unwrap();
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            loop {
                if let Err(error) = monitor.recv() {
                    return error;
                }
            }
        });
        drop(pull);
        assert!(matches!(watching.join().unwrap(), Error::Terminated));
    });
    assert!(matches!(monitor.try_recv(), Err(Error::Terminated)));
}

fn figures_of_a_queue(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_send_hwm(10).unwrap();
    push.set_routing_id("pusher").unwrap();
    push.connect(&address.endpoint).unwrap();
    assert_eq!(push.stats()[0].queued, 0);
    for _ in 0..4 {
        push.send_multipart(["a", "b"]).unwrap();
    }
    let stats = push.stats();
    assert_eq!((stats.len(), stats[0].queued, stats[0].send_hwm), (1, 4, 10));
    assert_eq!(stats[0].dropped, 0);
    push.disconnect(&address.endpoint).unwrap();
    assert!(push.stats().is_empty());
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("dealer").unwrap();
    harness.join(&router, &dealer);
    let stats = router.stats();
    assert_eq!((stats[0].routing_id.as_slice(), stats[0].connected), (&b"dealer"[..], true));
}

fn waiting_ends_in_time(harness: &Harness) {
    let pull = harness.pull();
    let monitor = pull.monitor();
    assert!(matches!(monitor.try_recv(), Err(Error::WouldBlock)));
    let short = Duration::from_millis(5);
    assert!(monitor.recv_timeout(short).unwrap_err().is_would_block());
}

fn a_monitor_that_is_not_read_is_bounded(harness: &Harness) {
    let pull = harness.pull();
    let monitor = pull.monitor();
    // Each gives two events; the monitor keeps ten thousand.
    for _ in 0..5_010 {
        let endpoint = pull.bind(&harness.anywhere()).unwrap();
        pull.unbind(&endpoint).unwrap();
    }
    eventually("the rest is counted", || monitor.missed() == 20);
    expect(&monitor, &["listening"]);
}
