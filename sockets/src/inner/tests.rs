//! What every pattern has to do with pipes that come and go.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::subscription::Wanted;
use crate::types::{self, Subscriptions};
use ringmq_engine::PipeEnd;
use ringmq_pipe::{Capacity, pipe};
use ringmq_zmtp::{SocketType, Version};
use std::sync::Mutex;

fn core(socket_type: SocketType) -> Core {
    let subscriptions = Subscriptions::new(Mutex::new(Wanted::new()));
    subscriptions.lock().unwrap().subscribe(b"", Vec::new());
    let pattern = types::make(socket_type, &subscriptions);
    let shared = Arc::new(SocketMailbox::new(socket_type, subscriptions));
    Core::new(shared, Options::new(socket_type), pattern)
}

/// A new peer that does not say who it is.
fn come(core: &Core) -> PipeEnd {
    let (near, far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
    let peer = Peer {
        version: Version::V3_1,
        socket_type: None,
        routing_id: Vec::new(),
        metadata: Vec::new(),
    };
    let (end, peer) = (Box::new(near), Arc::new(peer));
    core.shared.post_pipe(Arrival {
        end,
        connection: Arc::default(),
        peer,
        direct: false,
        coming: None,
    });
    far
}

/// Receives a message; its last frame is what was said.
fn hear(core: &mut Core) -> Message {
    core.enter().unwrap();
    let mut frame = Message::new();
    loop {
        core.recv(&mut frame).unwrap();
        if !frame.more() {
            return frame;
        }
    }
}

#[test]
fn a_newcomer_in_the_place_of_one_that_ended_stays() {
    let types = [SocketType::Pull, SocketType::Dealer, SocketType::Router, SocketType::XSub];
    for socket_type in types {
        let mut core = core(socket_type);
        let (first, mut second) = (come(&core), come(&core));
        second.tx.write_body(0, b"one").unwrap();
        assert_eq!(hear(&mut core), "one");
        // Its end is found out by a look at it, before the news of that is heeded.
        core.enter().unwrap();
        drop(first);
        second.tx.write_body(0, b"two").unwrap();
        let mut frame = Message::new();
        while core.recv(&mut frame).is_ok() && frame != "two" {}
        let mut third = come(&core);
        core.enter().unwrap();
        third.tx.write_body(0, b"three").unwrap();
        assert_eq!(hear(&mut core), "three", "{socket_type:?}");
        assert_eq!(core.pipes.iter().count(), 2);
    }
}

#[test]
fn a_publisher_that_only_sends_lets_go_of_who_has_left() {
    for socket_type in [SocketType::Pub, SocketType::XPub] {
        let mut core = core(socket_type);
        let mut far = come(&core);
        core.enter().unwrap();
        far.tx.write_body(0, b"\x01a").unwrap();
        core.enter().unwrap();
        let mut publish = || core.send(&mut Outgoing::Copied(b"a")).unwrap();
        publish();
        assert!(far.rx.read().is_some());
        // Its pipe is looked at with each send: nobody is told of its end.
        far.tx.write_body(0, b"\x01b").unwrap();
        drop(far);
        (0..3).for_each(|_| publish());
        assert_eq!(core.pipes.iter().count(), 0);
    }
}
