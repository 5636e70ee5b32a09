//! What a message tells of its sender.

use crate::harness::{
    Address, Harness, Transport, connected, eventually, everywhere, over_tcp, over_wires,
};
use ringmq::Message;

everywhere![
    a_message_of_any_size_tells_of_its_sender,
    every_frame_that_a_router_receives_tells_of_its_peer,
    what_is_sent_on_tells_of_who_has_sent_it_last,
];

over_wires![
    each_message_tells_of_its_own_sender_across_a_reconnect,
    what_waits_when_its_sender_leaves_tells_of_it,
    the_latest_message_tells_of_its_sender,
];

over_tcp![a_sender_has_an_address];

/// A property of a message, as text.
fn property(message: &Message, name: &str) -> Option<String> {
    let properties = message.properties()?;
    Some(String::from_utf8_lossy(properties.get(name)?).into_owned())
}

/// What is known of a peer: within the process nothing is.
fn known(harness: &Harness, value: &str) -> Option<String> {
    (harness.transport != Transport::Inproc).then(|| value.to_owned())
}

fn a_message_of_any_size_tells_of_its_sender(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    push.set_metadata("X-Name", b"somebody").unwrap();
    harness.join(&pull, &push);
    for size in [0, 1, 54, 55, 64, 255, 1_000, 10_000, 1_000_000] {
        let sent = Message::from(vec![7; size]);
        assert!(sent.properties().is_none());
        push.send(sent).unwrap();
        let message = pull.recv().unwrap();
        assert_eq!(message.len(), size);
        assert_eq!(property(&message, "Socket-Type"), known(harness, "PUSH"));
        assert_eq!(property(&message, "X-Name"), known(harness, "somebody"));
        assert_eq!(property(&message, "User-Id"), None);
    }
}

fn every_frame_that_a_router_receives_tells_of_its_peer(harness: &Harness) {
    let router = harness.router();
    let dealers = [harness.dealer(), harness.dealer()];
    for (dealer, name) in dealers.iter().zip(["one", "two"]) {
        dealer.set_routing_id(name).unwrap();
        harness.join(&router, dealer);
    }
    for _ in 0..10 {
        for dealer in &dealers {
            dealer.send_multipart(["head", "body"]).unwrap();
        }
    }
    for _ in 0..20 {
        let message = router.recv_multipart().unwrap();
        let name = String::from_utf8_lossy(&message[0]).into_owned();
        for frame in &message {
            assert_eq!(property(frame, "Identity"), known(harness, &name));
            assert_eq!(property(frame, "Routing-Id"), known(harness, &name));
        }
    }
}

fn what_is_sent_on_tells_of_who_has_sent_it_last(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    harness.join(&pull, &push);
    let (dealer, other) = (harness.dealer(), harness.dealer());
    harness.join(&dealer, &other);
    for size in [3, 100, 20_000] {
        push.send(vec![1; size]).unwrap();
        other.send(pull.recv().unwrap()).unwrap();
        let message = dealer.recv().unwrap();
        assert_eq!(property(&message, "Socket-Type"), known(harness, "DEALER"));
    }
}

fn each_message_tells_of_its_own_sender_across_a_reconnect(harness: &Harness) {
    let (address, pull) = (Address::new(harness), harness.pull());
    pull.connect(&address.endpoint).unwrap();
    for name in ["one", "two", "three"] {
        let push = harness.push();
        push.set_linger(None).unwrap();
        push.set_metadata("X-Name", name.as_bytes()).unwrap();
        address.bind(&push);
        for size in [5, 60, 10_000] {
            push.send_multipart([vec![1; size], vec![2; size]]).unwrap();
        }
        eventually("the server is there", || connected(&pull) == 1);
        // It goes when all of that has left, and nobody receives meanwhile.
        drop(push);
        eventually("the server is gone", || connected(&pull) == 0);
    }
    for name in ["one", "two", "three"] {
        for _ in 0..6 {
            assert_eq!(property(&pull.recv().unwrap(), "X-Name").as_deref(), Some(name));
        }
    }
}

fn what_waits_when_its_sender_leaves_tells_of_it(harness: &Harness) {
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let push = harness.push();
    push.set_linger(None).unwrap();
    push.set_metadata("X-Name", b"one").unwrap();
    push.connect(&endpoint).unwrap();
    push.send("short").unwrap();
    push.send(vec![1; 20_000]).unwrap();
    eventually("it is there", || connected(&pull) == 1);
    drop(push);
    eventually("it is gone", || connected(&pull) == 0);
    for _ in 0..2 {
        assert_eq!(property(&pull.recv().unwrap(), "X-Name").as_deref(), Some("one"));
    }
}

fn the_latest_message_tells_of_its_sender(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    pull.set_conflate(true).unwrap();
    harness.join(&pull, &push);
    for size in [3, 100, 20_000] {
        push.send(vec![1; size]).unwrap();
        assert_eq!(property(&pull.recv().unwrap(), "Socket-Type").as_deref(), Some("PUSH"));
    }
}

fn a_sender_has_an_address(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    harness.join(&pull, &push);
    push.send("hello").unwrap();
    let message = pull.recv().unwrap();
    assert_eq!(property(&message, "Peer-Address").as_deref(), Some("127.0.0.1"));
}
