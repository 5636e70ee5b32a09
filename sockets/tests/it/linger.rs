//! Closing: what was sent is delivered for the linger time, and nothing is lost before.

use crate::harness::{
    Address, Harness, PATIENCE, await_kind, connected, eventually, everywhere, over_wires, patient,
};
use ringmq::{Context, Push};
use std::time::{Duration, Instant};

everywhere![
    a_closed_socket_delivers_everything,
    what_was_sent_to_nobody_waits_for_them,
    a_disconnect_delivers_everything,
    a_message_without_its_end_is_not_delivered,
];

over_wires![
    without_linger_nothing_is_kept,
    a_context_waits_for_the_linger_time_and_no_longer,
    terminating_delivers_everything,
    dropping_a_context_delivers_everything,
    an_unbound_endpoint_keeps_what_came_in,
    the_linger_time_of_a_context_waits_for_nobody_in_a_socket,
];

/// A PUSH that lingers for ever.
fn lingering(context: &Context) -> Push {
    let push = patient(context.push().unwrap());
    push.set_linger(None).unwrap();
    push
}

/// Another context like that of the harness.
fn elsewhere(harness: &Harness) -> Context {
    Context::builder().backend(harness.backend).build().unwrap()
}

fn a_closed_socket_delivers_everything(harness: &Harness) {
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    for size in [1usize, 1_000, 50_000] {
        let push = lingering(&harness.context);
        push.connect(&endpoint).unwrap();
        for number in 0..500u32 {
            push.send_multipart([number.to_be_bytes().to_vec(), vec![1; size]]).unwrap();
        }
        drop(push);
        for number in 0..500u32 {
            let message = pull.recv_multipart().unwrap();
            assert_eq!((&message[0], message[1].len()), (&number.to_be_bytes().into(), size));
        }
    }
}

fn what_was_sent_to_nobody_waits_for_them(harness: &Harness) {
    let address = Address::new(harness);
    let push = lingering(&harness.context);
    push.connect(&address.endpoint).unwrap();
    for number in 0..100u8 {
        push.send([number]).unwrap();
    }
    drop(push);
    let pull = harness.pull();
    address.bind(&pull);
    for number in 0..100u8 {
        assert_eq!(pull.recv().unwrap(), [number]);
    }
}

fn a_disconnect_delivers_everything(harness: &Harness) {
    let (push, pull) = (lingering(&harness.context), harness.pull());
    let endpoint = harness.join(&pull, &push);
    for number in 0..900u32 {
        push.send(number.to_be_bytes()).unwrap();
    }
    push.disconnect(&endpoint).unwrap();
    assert!(push.try_send("nobody").is_err());
    for number in 0..900u32 {
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
    eventually("the connection is gone", || connected(&pull) == 0);
}

fn a_message_without_its_end_is_not_delivered(harness: &Harness) {
    let (push, pull) = (lingering(&harness.context), harness.pull());
    harness.join(&pull, &push);
    push.send("whole").unwrap();
    let mut beginning = ringmq::Message::from("the end is missing");
    beginning.set_more(true);
    push.send(beginning).unwrap();
    drop(push);
    assert_eq!(pull.recv().unwrap(), "whole");
    eventually("the peer is gone", || {
        assert!(pull.try_recv().is_err());
        connected(&pull) == 0
    });
}

fn without_linger_nothing_is_kept(harness: &Harness) {
    let address = Address::new(harness);
    let context = elsewhere(harness);
    let push = lingering(&context);
    push.set_linger(Some(Duration::ZERO)).unwrap();
    push.connect(&address.endpoint).unwrap();
    push.send("lost").unwrap();
    drop(push);
    let start = Instant::now();
    context.term();
    assert!(start.elapsed() < PATIENCE);
}

fn a_context_waits_for_the_linger_time_and_no_longer(harness: &Harness) {
    const LINGER: Duration = Duration::from_millis(150);
    let address = Address::new(harness);
    let context = elsewhere(harness);
    let push = lingering(&context);
    push.set_linger(Some(LINGER)).unwrap();
    push.connect(&address.endpoint).unwrap();
    push.send("late").unwrap();
    let start = Instant::now();
    drop(push);
    context.term();
    let took = start.elapsed();
    assert!(took >= LINGER && took < PATIENCE, "{took:?}");
}

/// Sends much to an endpoint without a server, ends the context with `end`, and looks who waits.
fn outlive(harness: &Harness, end: fn(Context)) {
    let address = Address::new(harness);
    let context = elsewhere(harness);
    let push = lingering(&context);
    push.connect(&address.endpoint).unwrap();
    for number in 0..1000u32 {
        push.send(number.to_be_bytes()).unwrap();
    }
    drop(push);
    let ending = std::thread::spawn(move || end(context));
    let pull = harness.pull();
    address.bind(&pull);
    for number in 0..500u32 {
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
    for number in 500..1000u32 {
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
    ending.join().unwrap();
}

fn terminating_delivers_everything(harness: &Harness) {
    outlive(harness, |context| context.term());
}

fn dropping_a_context_delivers_everything(harness: &Harness) {
    outlive(harness, drop);
}

fn an_unbound_endpoint_keeps_what_came_in(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let monitor = push.monitor();
    let endpoint = harness.join(&pull, &push);
    for number in 0..10u8 {
        push.send([number]).unwrap();
    }
    assert_eq!(pull.recv().unwrap(), [0]);
    pull.unbind(&endpoint).unwrap();
    await_kind!(&monitor, Disconnected);
    let received: Vec<u8> = std::iter::from_fn(|| pull.try_recv().ok()).map(|m| m[0]).collect();
    let expected: Vec<u8> = (1..10).take(received.len()).collect();
    assert_eq!(received, expected, "in order, without a gap");
}

/// Whoever sets it would wait here for a callback that waits for it.
fn the_linger_time_of_a_context_waits_for_nobody_in_a_socket(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    harness.join(&a, &b);
    b.send("look").unwrap();
    let set = |linger| {
        std::thread::scope(|scope| {
            scope.spawn(|| harness.context.set_linger(linger)).join().unwrap();
        });
    };
    a.set_linger(Some(Duration::ZERO)).unwrap();
    a.recv_with(|_| set(Some(PATIENCE))).unwrap();
    assert_eq!(a.linger().unwrap(), Some(PATIENCE));
    // Also of one that is being closed.
    b.send("look again").unwrap();
    a.recv_with(|_| {
        a.close();
        set(Some(Duration::ZERO));
    })
    .unwrap();
    assert_eq!(a.linger().unwrap(), Some(Duration::ZERO));
}
