//! High-water marks: exact, in whole messages.

use crate::harness::{
    Address, Harness, Transport, eventually, everywhere, over_wires, within_process,
};
use ringmq::{Multipart, Push};

everywhere![
    a_connect_without_a_peer_queues_exactly_the_mark,
    a_message_of_several_frames_counts_as_one,
    zero_is_no_limit,
    a_higher_mark_counts_at_once,
];

over_wires![a_mark_of_one_bounds_what_is_in_flight];

within_process![
    the_marks_of_both_sides_add_up,
    no_mark_on_either_side_is_no_limit,
    a_full_pipe_takes_more_when_half_is_drained,
];

/// Sends until there is no room, and says how many.
fn fill(push: &Push) -> usize {
    (0..10_000).take_while(|number: &u32| push.try_send(number.to_be_bytes()).is_ok()).count()
}

fn a_connect_without_a_peer_queues_exactly_the_mark(harness: &Harness) {
    for mark in [1, 2, 7, 1000] {
        let push = harness.push();
        push.set_send_hwm(mark).unwrap();
        push.connect(&Address::new(harness).endpoint).unwrap();
        assert_eq!(fill(&push), mark as usize);
        assert_eq!(push.stats()[0].queued, u64::from(mark));
    }
}

fn a_message_of_several_frames_counts_as_one(harness: &Harness) {
    let push = harness.push();
    push.set_send_hwm(3).unwrap();
    push.connect(&Address::new(harness).endpoint).unwrap();
    let message = || (0..20u8).map(|frame| [frame; 100]).collect::<Multipart>();
    for _ in 0..3 {
        push.try_send_multipart(message()).unwrap();
    }
    let failed = push.try_send_multipart(message()).unwrap_err();
    assert_eq!(failed.message, message());
}

fn zero_is_no_limit(harness: &Harness) {
    let push = harness.push();
    push.set_send_hwm(0).unwrap();
    push.connect(&Address::new(harness).endpoint).unwrap();
    assert_eq!(fill(&push), 10_000);
}

fn a_higher_mark_counts_at_once(harness: &Harness) {
    let push = harness.push();
    push.set_send_hwm(3).unwrap();
    push.connect(&Address::new(harness).endpoint).unwrap();
    assert_eq!(fill(&push), 3);
    push.set_send_hwm(5).unwrap();
    assert_eq!(fill(&push), if harness.transport == Transport::Inproc { 0 } else { 2 });
}

fn a_mark_of_one_bounds_what_is_in_flight(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(1).unwrap();
    pull.set_recv_hwm(1).unwrap();
    // The kernel doubles these.
    push.set_send_buffer(Some(32_768)).unwrap();
    pull.set_recv_buffer(Some(32_768)).unwrap();
    harness.join(&pull, &push);
    let mut sent = 0;
    // Full for good: no room for a hundred looks in a row.
    let mut refused = 0;
    eventually("it is full", || {
        match push.try_send(vec![1; 65_536]) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(_) => refused += 1,
        }
        refused == 100
    });
    assert!(sent <= 8, "{sent} messages are in flight");
    for _ in 0..sent {
        assert_eq!(pull.recv().unwrap().len(), 65_536);
    }
    assert!(pull.try_recv().is_err());
}

fn the_marks_of_both_sides_add_up(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(3).unwrap();
    pull.set_recv_hwm(4).unwrap();
    harness.join(&pull, &push);
    assert_eq!(fill(&push), 7);
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(3).unwrap();
    pull.set_recv_hwm(4).unwrap();
    harness.join(&push, &pull);
    assert_eq!(fill(&push), 7);
}

fn no_mark_on_either_side_is_no_limit(harness: &Harness) {
    for (ours, theirs) in [(0, 4), (3, 0), (0, 0)] {
        let (push, pull) = (harness.push(), harness.pull());
        push.set_send_hwm(ours).unwrap();
        pull.set_recv_hwm(theirs).unwrap();
        harness.join(&pull, &push);
        assert_eq!(fill(&push), 10_000);
    }
}

fn a_full_pipe_takes_more_when_half_is_drained(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(5).unwrap();
    pull.set_recv_hwm(5).unwrap();
    harness.join(&pull, &push);
    assert_eq!(fill(&push), 10);
    for _ in 0..4 {
        pull.recv().unwrap();
        assert_eq!(fill(&push), 0);
    }
    pull.recv().unwrap();
    assert_eq!(fill(&push), 5);
}
