//! What peers may hold at the most: who is one too many is turned away, and nobody else notices.

use crate::harness::{Harness, await_event, eventually, over_wires};
use crate::raw::{Wire, frame, greeting, hello, long_header, ready};
use ringmq::{Message, Monitor, MonitorEvent, Multipart, PeerLimit};

over_wires![
    half_greetings_keep_nobody_out,
    who_has_greeted_keeps_its_place_beside_half_greetings,
    one_connection_too_many_is_turned_away,
    one_address_has_no_more_than_its_share,
    a_limit_of_none_is_none,
    a_message_of_too_many_frames_costs_the_connection,
    a_message_that_never_ends_is_given_up,
    a_message_of_too_many_bytes_costs_the_connection,
    a_message_that_announces_too_many_bytes_is_not_waited_for,
    whole_messages_before_one_that_is_too_much_are_received,
    who_sends_too_much_is_refused_and_counted,
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

fn who_has_greeted_keeps_its_place_beside_half_greetings(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_handshakes(Some(4)).unwrap();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let Some(mut slow) = Wire::connect(&endpoint) else { return };
    slow.write(&greeting());
    // What it is answered comes after its greeting was read.
    slow.read_exactly(64);
    slow.read_frame();
    let mut wires = Vec::new();
    for _ in 0..50 {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        wire.write(&greeting()[..20]);
        wires.push(wire);
    }
    eventually("all but four are gone", || pull.totals().refused == 47);
    slow.write(&[ready(&[("Socket-Type", b"PUSH")]), frame(0, b"at last")].concat());
    assert_eq!(pull.recv().unwrap(), "at last");
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
    let good = harness.push();
    good.connect(&endpoint).unwrap();
    let frames = |count: usize, len: usize| -> Multipart {
        (0..count).map(|_| Message::from(vec![7; len])).collect()
    };
    for len in [0, 300, 40_000] {
        // One of its own each time: what is sent before it hears of the end of its connection is lost with that.
        let bad = harness.push();
        bad.connect(&endpoint).unwrap();
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

/// A message of frames of that length, as it is on the wire.
fn message(frames: usize, len: usize) -> Vec<u8> {
    let mut one = [vec![1 | 2], (len as u64).to_be_bytes().to_vec(), vec![7; len]].concat();
    let mut all = one.repeat(frames - 1);
    one[0] = 2;
    all.append(&mut one);
    all
}

fn a_message_of_too_many_bytes_costs_the_connection(harness: &Harness) {
    for (limit, len) in [(1000, 100), (300_000, 30_000), (1_000_000, 100_000)] {
        let pull = harness.pull();
        pull.set_max_message_bytes(Some(limit)).unwrap();
        let endpoint = pull.bind(&harness.anywhere()).unwrap();
        let (Some(mut good), Some(mut bad)) = (Wire::connect(&endpoint), Wire::connect(&endpoint))
        else {
            return;
        };
        good.write(&hello("PUSH"));
        bad.write(&[hello("PUSH"), message(10, len)].concat());
        assert_eq!(pull.recv_multipart().unwrap().len(), 10);
        bad.write(&message(1, limit as usize));
        assert_eq!(pull.recv().unwrap().len(), limit as usize);
        assert_eq!(pull.totals().refused, 0);
        bad.write(&message(10, len));
        bad.write_what_is_taken(&message(11, len));
        assert_eq!(pull.recv_multipart().unwrap().len(), 10);
        eventually("it is turned away", || pull.totals().refused == 1);
        good.write(&message(10, len));
        assert_eq!(pull.recv_multipart().unwrap().len(), 10);
        assert!(pull.try_recv().unwrap_err().is_would_block());
    }
}

fn a_message_that_announces_too_many_bytes_is_not_waited_for(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_message_bytes(Some(1_000_000)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    for (begins, announces) in [(vec![], 1_000_001), (frame(1, &[7; 200]), 999_801)] {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        wire.write(&[hello("PUSH"), begins, long_header(announces)].concat());
        assert_eq!(refused(&monitor), PeerLimit::MessageBytes);
    }
}

fn whole_messages_before_one_that_is_too_much_are_received(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_parts(Some(10)).unwrap();
    pull.set_max_message_bytes(Some(100_000)).unwrap();
    pull.set_max_message_size(Some(50_000)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let too_much = [
        (PeerLimit::Parts, message(11, 1)),
        (PeerLimit::Parts, message(11, 300)),
        (PeerLimit::MessageBytes, message(3, 40_000)),
        (PeerLimit::FrameBytes, message(1, 50_001)),
    ];
    for (limit, bad) in too_much {
        for (good, len) in [(3, 1), (300, 30), (100, 2000)] {
            let Some(mut wire) = Wire::connect(&endpoint) else { return };
            // All at once, so that one read brings the bad one with others before it.
            let all = [hello("PUSH"), message(1, len).repeat(good), message(2, len), bad.clone()];
            wire.write_what_is_taken(&all.concat());
            for _ in 0..good {
                assert_eq!(pull.recv_multipart().unwrap().len(), 1, "{limit:?}, {good}");
            }
            assert_eq!(pull.recv_multipart().unwrap().len(), 2, "{limit:?}, {good}");
            assert_eq!(refused(&monitor), limit);
            assert!(pull.try_recv().unwrap_err().is_would_block());
        }
    }
}

fn who_sends_too_much_is_refused_and_counted(harness: &Harness) {
    let pull = harness.pull();
    pull.set_max_parts(Some(2)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(&[hello("PUSH"), message(3, 1)].concat());
    assert_eq!(refused(&monitor), PeerLimit::Parts);
    let reason = await_event(&monitor, |event| match event {
        MonitorEvent::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason.limit(), Some(PeerLimit::Parts));
    assert_eq!(pull.totals().refused, 1);
}
