//! Conflation: only the latest message is kept, whole; of subscriptions all are.

use crate::harness::{Harness, eventually, everywhere, over_tcp, over_wires};
use crate::raw::{greeting_of, ready};
use ringmq::{AnySocket, Message, Multipart, SocketType};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

everywhere![
    a_conflating_subscriber_is_known_by_all_its_topics,
    a_conflating_publisher_knows_all_topics,
    a_subscription_is_heard_beside_messages,
    a_message_of_several_frames_is_kept_whole,
];

over_wires![a_conflating_socket_keeps_up_with_a_stream];

over_tcp![
    a_conflating_publisher_knows_all_topics_of_an_old_peer,
    a_conflating_subscriber_tells_an_old_peer_all_its_topics,
];

const TOPICS: u32 = 200;

fn a_conflating_subscriber_is_known_by_all_its_topics(harness: &Harness) {
    for subscriber_binds in [false, true] {
        let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
        subscriber.set_conflate(true).unwrap();
        (0..TOPICS).for_each(|topic| subscriber.subscribe(topic.to_be_bytes()).unwrap());
        if subscriber_binds {
            harness.join(&subscriber, &publisher);
        } else {
            harness.join(&publisher, &subscriber);
        }
        (TOPICS..2 * TOPICS).for_each(|topic| subscriber.subscribe(topic.to_be_bytes()).unwrap());
        eventually("all topics are known", || publisher.topics() == 2 * TOPICS as usize);
        (1..2 * TOPICS).for_each(|topic| subscriber.unsubscribe(topic.to_be_bytes()).unwrap());
        eventually("all cancellations are known", || publisher.topics() == 1);
        publisher.send([0; 4]).unwrap();
        assert_eq!(subscriber.recv().unwrap(), [0; 4]);
    }
}

fn a_conflating_publisher_knows_all_topics(harness: &Harness) {
    for publisher_binds in [false, true] {
        let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
        publisher.set_conflate(true).unwrap();
        (0..TOPICS).for_each(|topic| subscriber.subscribe(topic.to_be_bytes()).unwrap());
        if publisher_binds {
            harness.join(&publisher, &subscriber);
        } else {
            harness.join(&subscriber, &publisher);
        }
        eventually("all topics are known", || publisher.topics() == TOPICS as usize);
        (1..TOPICS).for_each(|topic| subscriber.unsubscribe(topic.to_be_bytes()).unwrap());
        eventually("all cancellations are known", || publisher.topics() == 1);
        publisher.send([0; 4]).unwrap();
        assert_eq!(subscriber.recv().unwrap(), [0; 4]);
    }
}

fn a_subscription_is_heard_beside_messages(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_conflate(true).unwrap();
    subscriber.set_conflate(true).unwrap();
    subscriber.subscribe("a").unwrap();
    harness.join(&publisher, &subscriber);
    for topic in ["b", "c", "d"] {
        publisher.send("a").unwrap();
        subscriber.subscribe(topic).unwrap();
        publisher.send("a").unwrap();
    }
    eventually("all topics are known", || publisher.topics() == 4);
    publisher.send("d").unwrap();
    eventually("the latest comes", || subscriber.recv().unwrap() == "d");
}

/// The frames of a message: some by reference, some empty.
fn whole(number: u32) -> Multipart {
    let size = if number % 10 == 9 { 20_000 } else { 20 };
    let frame = |len: usize| {
        let mut frame = number.to_be_bytes().to_vec();
        frame.resize(len, 7);
        Message::from(frame)
    };
    [frame(4), frame(size), Message::new(), frame(size + 1)].into()
}

fn a_message_of_several_frames_is_kept_whole(harness: &Harness) {
    // No more than fit a PUB's mark: the last is not dropped.
    const LAST: u32 = 900;
    use SocketType::{Dealer, Pub, Pull, Push, Sub};
    for (from, to) in [(Push, Pull), (Dealer, Dealer), (Pub, Sub)] {
        for conflating in ["the sender", "the receiver", "both"] {
            let make = |socket_type, own| -> AnySocket {
                let socket = crate::harness::patient(harness.context.socket(socket_type).unwrap());
                socket.set_conflate(conflating == own || conflating == "both").unwrap();
                socket
            };
            let (sender, receiver) = (make(from, "the sender"), make(to, "the receiver"));
            if to == Sub {
                receiver.subscribe("").unwrap();
            }
            harness.join(&sender, &receiver);
            if from == Pub {
                eventually("it is subscribed to", || sender.topics() == 1);
            }
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    (0..=LAST).for_each(|number| sender.send_multipart(whole(number)).unwrap());
                });
                let mut last = None;
                while last != Some(LAST) {
                    let message = receiver.recv_multipart().unwrap();
                    let number = u32::from_be_bytes(message[0][..4].try_into().unwrap());
                    assert!(last < Some(number), "never back in time");
                    assert_eq!(message, whole(number), "{from:?} to {to:?}, {conflating}");
                    last = Some(number);
                }
            });
        }
    }
}

fn a_conflating_socket_keeps_up_with_a_stream(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    pull.set_conflate(true).unwrap();
    harness.join(&push, &pull);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..20_000).for_each(|_| push.send([7; 1000]).unwrap());
            push.send("end").unwrap();
        });
        while pull.recv().unwrap() != "end" {}
    });
}

/// A peer that speaks ZMTP 3.0, in which subscriptions are messages.
fn old_hello(socket_type: &str) -> Vec<u8> {
    [greeting_of(3, 0), ready(&[("Socket-Type", socket_type.as_bytes())])].concat()
}

fn a_conflating_publisher_knows_all_topics_of_an_old_peer(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.set_conflate(true).unwrap();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let mut peer = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    let topics = b"\0\x02\x01a\0\x02\x01b\0\x02\x01c\0\x02\x01d\0\x02\0b";
    peer.write_all(&[&old_hello("SUB"), &topics[..]].concat()).unwrap();
    eventually("all topics are known", || publisher.topics() == 3);
}

fn a_conflating_subscriber_tells_an_old_peer_all_its_topics(harness: &Harness) {
    let subscriber = harness.subscriber();
    subscriber.set_conflate(true).unwrap();
    subscriber.subscribe("a").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    subscriber.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(&old_hello("PUB")).unwrap();
    crate::harness::await_peers(&subscriber, 1);
    for topic in ["b", "c", "d"] {
        subscriber.subscribe(topic).unwrap();
    }
    subscriber.unsubscribe("c").unwrap();
    let mut told = vec![0; greeting_of(3, 0).len()];
    peer.read_exact(&mut told).unwrap();
    let mut header = [0; 2];
    peer.read_exact(&mut header).unwrap();
    peer.read_exact(&mut vec![0; header[1].into()]).unwrap();
    let mut told = [0; 5 * 4];
    peer.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    peer.read_exact(&mut told).unwrap();
    assert_eq!(told, *b"\0\x02\x01a\0\x02\x01b\0\x02\x01c\0\x02\x01d\0\x02\0c");
}
