//! What peers may hold at the most: who is one too many is turned away, and nobody else notices.

use crate::harness::{Harness, await_event, eventually, over_wires};
use crate::raw::{Wire, greeting, hello};
use ringmq::{Message, Monitor, MonitorEvent, Multipart, PeerLimit};

over_wires![
    half_greetings_keep_nobody_out,
    one_connection_too_many_is_turned_away,
    one_address_has_no_more_than_its_share,
    a_limit_of_none_is_none,
    a_message_of_too_many_frames_costs_the_connection,
    a_message_that_never_ends_is_given_up,
];

fn refused(monitor: &Monitor) -> PeerLimit {
    await_event(monitor, |event| match event {
        MonitorEvent::Refused { limit, .. } => Some(*limit),
        _ => None,
    })
}

fn half_greetings_keep_nobody_out(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_handshakes(Some(4)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let early = harness.push();
    early.connect(&endpoint).unwrap();
    early.send("early").unwrap();
    assert_eq!(pull.recv().unwrap(), "early");
    let mut wires = Vec::new();
    for _ in 0..20 {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        wire.write(&greeting()[..20]);
        wires.push(wire);
    }
    eventually("all but four are gone", || pull.totals().refused == 16);
    assert_eq!(refused(&monitor), PeerLimit::Handshakes);
    // Who was there stays, and who comes gets in.
    let late = harness.push();
    late.connect(&endpoint).unwrap();
    late.send("late").unwrap();
    assert_eq!(pull.recv().unwrap(), "late");
    early.send("still").unwrap();
    assert_eq!(pull.recv().unwrap(), "still");
}

fn one_connection_too_many_is_turned_away(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_connections(Some(2)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let pushes = [harness.push(), harness.push()];
    for push in &pushes {
        push.connect(&endpoint).unwrap();
        push.send("in").unwrap();
        assert_eq!(pull.recv().unwrap(), "in");
    }
    let third = harness.push();
    third.connect(&endpoint).unwrap();
    third.send("third").unwrap();
    assert_eq!(refused(&monitor), PeerLimit::Connections);
    assert!(pull.try_recv().unwrap_err().is_would_block());
    // It comes again by itself, and finds room.
    let [first, _second] = pushes;
    drop(first);
    assert_eq!(pull.recv().unwrap(), "third");
    assert!(pull.totals().refused > 0);
}

fn one_address_has_no_more_than_its_share(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_connections_per_address(Some(3)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let wires: Vec<Wire> = (0..4).filter_map(|_| Wire::connect(&endpoint)).collect();
    if wires.len() == 4 {
        // Over ipc where the system tells of the process at the other end.
        let tells = cfg!(target_os = "linux") || endpoint.starts_with("tcp");
        if tells {
            assert_eq!(refused(&monitor), PeerLimit::ConnectionsOfAddress);
        }
    }
}

fn a_message_of_too_many_frames_costs_the_connection(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_parts(Some(10)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let (good, bad) = (harness.push(), harness.push());
    for push in [&good, &bad] {
        push.connect(&endpoint).unwrap();
    }
    let frames = |count: usize, len: usize| -> Multipart {
        (0..count).map(|_| Message::from(vec![7; len])).collect()
    };
    for len in [0, 300, 40_000] {
        good.send_multipart(frames(10, len)).unwrap();
        good.send("one").unwrap();
        assert_eq!(pull.recv_multipart().unwrap(), frames(10, len));
        assert_eq!(pull.recv().unwrap(), "one");
        bad.send_multipart(frames(12, len)).unwrap();
        let reason = await_event(&monitor, |event| match event {
            MonitorEvent::Disconnected { reason, .. } => Some(reason.to_string()),
            _ => None,
        });
        assert!(reason.contains("more than 10 frames"), "{len}: {reason}");
    }
    good.send("still").unwrap();
    assert_eq!(pull.recv().unwrap(), "still");
}

fn a_message_that_never_ends_is_given_up(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_parts(Some(10_000)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(&hello("PUSH"));
    wire.write(&b"\x01\0".repeat(11_000));
    let reason = await_event(&monitor, |event| match event {
        MonitorEvent::Disconnected { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    assert!(reason.contains("more than 10000 frames"), "{reason}");
    assert!(pull.try_recv().unwrap_err().is_would_block());
}

fn a_limit_of_none_is_none(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_connections(None).unwrap();
    pull.set_max_connections_per_address(None).unwrap();
    pull.set_max_handshakes(None).unwrap();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let _wires: Vec<Wire> = (0..50).filter_map(|_| Wire::connect(&endpoint)).collect();
    let push = harness.push();
    push.connect(&endpoint).unwrap();
    push.send("in").unwrap();
    assert_eq!(pull.recv().unwrap(), "in");
    assert_eq!(pull.totals().refused, 0);
}
