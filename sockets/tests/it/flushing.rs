//! Flushing: waiting until what was sent has left.

use crate::harness::{
    Address, Harness, PATIENCE, eventually, everywhere, over_wires, patient, within_process,
};
use futures_lite::future::{block_on, poll_once};
use ringmq::{Context, Error, Push, SocketType, Unfinished};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

everywhere![
    nothing_to_flush_is_flushed,
    what_waits_for_nobody_is_told,
    who_waits_is_told_when_the_peer_comes,
    every_type_that_sends_can_be_flushed,
    the_latest_message_of_a_conflated_socket_is_flushed,
    a_flush_ends_with_its_socket,
];

over_wires![
    what_was_flushed_survives_the_end_of_its_context,
    a_peer_that_does_not_read_is_told_by_how_much,
    what_others_send_meanwhile_is_not_waited_for,
    who_gives_up_hinders_no_other_flush,
];

within_process![a_flush_from_inside_a_call_is_refused];

fn left(result: Result<(), Error>) -> Arc<Unfinished> {
    match result {
        Err(Error::Unfinished(left)) => left,
        result => panic!("{result:?}"),
    }
}

fn nothing_to_flush_is_flushed(harness: &Harness) {
    // A DGRAM speaks udp only.
    for socket_type in SocketType::ALL.into_iter().filter(|all| *all != SocketType::Dgram) {
        let socket = harness.context.socket(socket_type).unwrap();
        socket.flush(Some(Duration::ZERO)).unwrap();
        socket.bind(&harness.anywhere()).unwrap();
        socket.flush(None).unwrap();
        block_on(socket.flush_async()).unwrap();
    }
}

fn what_waits_for_nobody_is_told(harness: &Harness) {
    let address = Address::new(harness);
    let push = harness.push();
    push.connect(&address.endpoint).unwrap();
    (0..10u8).for_each(|number| push.send([number]).unwrap());
    for timeout in [Duration::ZERO, Duration::from_millis(1)] {
        let left = left(push.flush(Some(timeout)));
        assert_eq!((left.messages(), &*left.waiting()[0].endpoint), (10, &*address.endpoint));
    }
    assert!(block_on(poll_once(push.flush_async())).is_none());
}

fn who_waits_is_told_when_the_peer_comes(harness: &Harness) {
    let address = Address::new(harness);
    let push = harness.push();
    push.connect(&address.endpoint).unwrap();
    (0..700u32).for_each(|number| push.send(number.to_be_bytes()).unwrap());
    let pull = harness.pull();
    std::thread::scope(|scope| {
        scope.spawn(|| push.flush(None).unwrap());
        scope.spawn(|| block_on(push.flush_async()).unwrap());
        scope.spawn(|| block_on(push.flush_async()).unwrap());
        address.bind(&pull);
    });
    push.flush(Some(Duration::ZERO)).unwrap();
    (0..700u32).for_each(|number| assert_eq!(pull.recv().unwrap(), number.to_be_bytes()));
}

fn every_type_that_sends_can_be_flushed(harness: &Harness) {
    use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
    for (near, far) in
        [(Pair, Pair), (Push, Pull), (Dealer, Router), (Req, Rep), (Pub, Sub), (XPub, XSub)]
    {
        let make = |socket_type| patient(harness.context.socket(socket_type).unwrap());
        let (near, far) = (make(near), make(far));
        match far.socket_type() {
            Sub => far.subscribe("").unwrap(),
            XSub => far.send("\x01").unwrap(),
            _ => {}
        }
        harness.join(&near, &far);
        far.flush(Some(PATIENCE)).unwrap();
        if matches!(near.socket_type(), Pub | XPub) {
            eventually("it is subscribed to", || near.topics() == 1);
        }
        near.send("x").unwrap();
        near.flush(Some(PATIENCE)).unwrap();
        assert_eq!(far.recv_multipart().unwrap().pop_back().unwrap(), "x");
    }
}

fn the_latest_message_of_a_conflated_socket_is_flushed(harness: &Harness) {
    let address = Address::new(harness);
    let push = harness.push();
    push.set_conflate(true).unwrap();
    push.connect(&address.endpoint).unwrap();
    (0..3u8).for_each(|number| push.send([number]).unwrap());
    assert_eq!(left(push.flush(Some(Duration::ZERO))).messages(), 1);
    let pull = harness.pull();
    std::thread::scope(|scope| {
        scope.spawn(|| push.flush(None).unwrap());
        address.bind(&pull);
    });
    assert_eq!(pull.recv().unwrap(), [2]);
}

fn a_flush_ends_with_its_socket(harness: &Harness) {
    for close in [true, false] {
        let address = Address::new(harness);
        let context = Context::builder().backend(harness.backend).build().unwrap();
        let push = patient(context.push().unwrap());
        push.connect(&address.endpoint).unwrap();
        push.send("to nobody").unwrap();
        let is_over = |result: Result<(), Error>| match result {
            Err(Error::Closed) => assert!(close),
            Err(Error::Terminated) => assert!(!close),
            result => panic!("{result:?}"),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| is_over(push.flush(None)));
            scope.spawn(|| is_over(block_on(push.flush_async())));
            if close { push.close() } else { context.shutdown() }
        });
        is_over(push.flush(Some(PATIENCE)));
    }
}

fn what_was_flushed_survives_the_end_of_its_context(harness: &Harness) {
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    for round in 0..10u32 {
        let context = Context::builder().backend(harness.backend).build().unwrap();
        let push = patient(context.push().unwrap());
        push.connect(&endpoint).unwrap();
        (0..500u32).for_each(|number| push.send(number.to_be_bytes()).unwrap());
        if round % 2 == 0 {
            push.flush(Some(PATIENCE)).unwrap();
        } else {
            block_on(push.flush_async()).unwrap();
        }
        // Without a linger time: what is not flushed is lost.
        push.close();
        (0..500u32).for_each(|number| assert_eq!(pull.recv().unwrap(), number.to_be_bytes()));
        context.term();
        assert_eq!(push.gave_up(), 0);
    }
}

fn a_peer_that_does_not_read_is_told_by_how_much(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(0).unwrap();
    pull.set_recv_hwm(1).unwrap();
    harness.join(&pull, &push);
    // More than the system takes of a peer that does not read.
    const MESSAGES: u64 = 1000;
    (0..MESSAGES).for_each(|_| push.send(vec![7; 100_000]).unwrap());
    eventually("the system takes some", || push.stats()[0].queued < MESSAGES);
    let before = left(push.flush(Some(Duration::from_millis(1)))).messages();
    assert!(before > 0 && before < MESSAGES, "{before}");
    std::thread::scope(|scope| {
        scope.spawn(|| push.flush(Some(PATIENCE)).unwrap());
        (0..MESSAGES).for_each(|_| drop(pull.recv().unwrap()));
    });
    assert_eq!(push.stats()[0].queued, 0);
}

fn what_others_send_meanwhile_is_not_waited_for(harness: &Harness) {
    flush_while(harness, |_| ());
}

fn who_gives_up_hinders_no_other_flush(harness: &Harness) {
    flush_while(harness, |push| assert!(block_on(poll_once(push.flush_async())).is_none()));
}

/// Flushes while others send more than the peer takes, after `meanwhile`.
fn flush_while(harness: &Harness, meanwhile: impl FnOnce(&Push)) {
    let address = Address::new(harness);
    let push = harness.push();
    push.connect(&address.endpoint).unwrap();
    (0..10u8).for_each(|number| push.send([number]).unwrap());
    let pull = harness.pull();
    pull.set_recv_hwm(1).unwrap();
    block_on(async {
        let mut flush = pin!(push.flush_async());
        assert!(poll_once(&mut flush).await.is_none());
        meanwhile(&push);
        // More than a peer takes that does not read.
        while push.try_send(vec![7; 100_000]).is_ok() {}
        address.bind(&pull);
        flush.await.unwrap();
    });
    left(push.flush(Some(Duration::ZERO)));
}

fn a_flush_from_inside_a_call_is_refused(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    push.send("look").unwrap();
    let (one, other) = pull.recv_with(|_| (pull.flush(None), push.flush(None))).unwrap();
    assert!(matches!(one, Err(Error::Reentered)));
    other.unwrap();
}
