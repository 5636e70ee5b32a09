//! One way through a proxy, where what the far side takes can be chosen.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Context;
use crate::poller::tests::{FEW_ROUNDS, GLANCE, ROUNDS, eventually, everywhere};

/// The last peer leaves after the proxy has asked whether there is room.
#[test]
fn what_the_far_side_does_not_take_any_more_is_kept_until_it_does() {
    everywhere(|context, endpoint| {
        let (from, to) = (context.pull().unwrap(), context.push().unwrap());
        let endpoint = to.bind(endpoint).unwrap();
        let mut way = Direction::new(&from.inner, &to.inner, None);
        let mut message = Multipart::from("kept");
        message.mark();
        assert!(!way.give(InTransit { message, copy: None }).unwrap());
        assert!(!way.forward().unwrap(), "nobody is there");
        assert!(way.blocked);
        let sink = context.pull().unwrap();
        sink.connect(&endpoint).unwrap();
        eventually(|| way.forward().unwrap());
        assert_eq!(sink.recv().unwrap(), "kept");
        assert_eq!(way.sent.frames, 1);
        way.abandon();
        assert_eq!(to.dropped(), 0);
    });
}

#[test]
fn what_is_kept_at_the_end_is_counted() {
    let context = Context::new();
    let (from, to) = (context.pull().unwrap(), context.push().unwrap());
    let mut way = Direction::new(&from.inner, &to.inner, None);
    assert!(!way.give(InTransit { message: "kept".into(), copy: None }).unwrap());
    way.abandon();
    assert_eq!(to.dropped(), 1);
}

/// A message for a peer that is full, at a ROUTER with another one that is not.
#[test]
fn a_proxy_that_is_held_up_sleeps() {
    let context = Context::new();
    let front = context.dealer().unwrap();
    let back = context.router().unwrap();
    let control = context.pair().unwrap();
    let (source, remote) = (context.dealer().unwrap(), context.pair().unwrap());
    let (slow, idle) = (context.dealer().unwrap(), context.dealer().unwrap());
    back.set_mandatory(true).unwrap();
    front.bind("inproc://front").unwrap();
    control.bind("inproc://control").unwrap();
    remote.connect("inproc://control").unwrap();
    source.connect("inproc://front").unwrap();
    back.set_send_hwm(1).unwrap();
    back.bind("inproc://back").unwrap();
    for (peer, id) in [(&slow, "slow"), (&idle, "idle")] {
        peer.set_routing_id(id).unwrap();
        peer.set_recv_hwm(1).unwrap();
        peer.connect("inproc://back").unwrap();
    }
    for _ in 0..3 {
        source.send_multipart(["slow", "message"]).unwrap();
    }
    std::thread::scope(|scope| {
        let proxying = scope.spawn(|| {
            let options = ProxyOptions::new().control(&control);
            ROUNDS.set(0);
            proxy_with(&front, &back, &options).unwrap();
            ROUNDS.get()
        });
        eventually(|| back.stats().iter().any(|pipe| pipe.queued == 2));
        std::thread::sleep(GLANCE);
        remote.send("TERMINATE").unwrap();
        let rounds = proxying.join().unwrap();
        assert!(rounds < 5 * FEW_ROUNDS, "{rounds} rounds");
    });
    assert_eq!(back.dropped(), 1, "what it was held up by");
}
