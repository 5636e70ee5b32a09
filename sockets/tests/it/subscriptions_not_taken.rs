//! What a publisher is told that does not take it: memory is bounded, however long changes are made, and nothing
//! is lost of what is wanted in the end.

use crate::harness::{
    Address, Harness, await_event, await_peers, eventually, over_wires, within_process,
};
use crate::raw::{Wire, frame, hello, long_header};
use ringmq::kind::Kind;
use ringmq::{MonitorEvent, Problem, Socket, Sub, proxy};
use std::collections::BTreeSet;

over_wires![
    changes_that_are_not_read_are_put_together,
    who_comes_again_is_told_what_is_wanted,
    a_publisher_that_does_not_look_is_told_when_it_does,
    a_new_publisher_in_its_place_is_told_what_is_wanted,
    peers_of_a_proxy_do_not_fill_it,
];

within_process![a_publisher_within_the_process_is_told_when_it_looks];

/// So long are the topics that come and go, and so many of them do: 80 MB of changes.
const LENGTH: usize = 2000;
const CHANGES: usize = 20_000;
/// 8 MiB of these changes, and what is not credited yet.
const MOST_QUEUED: u64 = 6000;

/// A topic of its own.
fn topic(number: usize) -> String {
    format!("{number:0LENGTH$}")
}

/// Subscribes to topics and cancels them, each another one.
fn churn(subscriber: &Sub) {
    for number in 0..CHANGES {
        subscriber.subscribe(topic(number)).unwrap();
        subscriber.unsubscribe(topic(number)).unwrap();
    }
}

/// How many changes wait for the publishers.
fn queued<K: Kind>(socket: &Socket<K>) -> u64 {
    socket.stats().iter().map(|pipe| pipe.queued).sum()
}

/// What a publisher knows, played by a test.
#[derive(Default)]
struct Known(BTreeSet<String>);

impl Known {
    fn heed(&mut self, (flags, body): (u8, Vec<u8>)) {
        let text = String::from_utf8(body).unwrap();
        if let Some(topic) = text.strip_prefix("\tSUBSCRIBE") {
            assert_eq!(flags, 4);
            self.0.insert(topic.into());
        } else if let Some(topic) = text.strip_prefix("\x06CANCEL") {
            assert!(self.0.remove(topic), "it was told of no such subscription: {topic}");
        } else if let Some(topic) = text.strip_prefix('\x01') {
            self.0.insert(topic.into());
        } else if let Some(topic) = text.strip_prefix('\0') {
            assert!(self.0.remove(topic), "it was told of no such subscription: {topic}");
        } else {
            panic!("{text}");
        }
    }

    /// Reads until it knows of these and no others.
    fn read_until(&mut self, wire: &mut Wire, topics: &[&str]) {
        let wanted = topics.iter().map(|topic| (*topic).to_owned()).collect();
        while self.0 != wanted {
            self.heed(wire.read_frame());
        }
    }
}

/// A publisher that has done its handshake and does not read any further; `None` if the test cannot play one.
fn publisher(endpoint: &str) -> Option<Wire> {
    let mut wire = Wire::connect(endpoint)?;
    wire.write(&hello("PUB"));
    wire.read_exactly(64);
    wire.read_frame();
    Some(wire)
}

fn changes_that_are_not_read_are_put_together(harness: &Harness) {
    let subscriber = harness.subscriber();
    let monitor = subscriber.monitor();
    let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = publisher(&endpoint) else { return };
    await_peers(&subscriber, 1);
    subscriber.subscribe("stays").unwrap();
    subscriber.subscribe("goes").unwrap();
    churn(&subscriber);
    assert!(queued(&subscriber) <= MOST_QUEUED, "{} changes wait", queued(&subscriber));
    let problem = await_event(&monitor, |event| match event {
        MonitorEvent::Problem { problem, .. } => Some(*problem),
        _ => None,
    });
    assert_eq!(problem, Problem::SubscriptionsNotTaken);
    subscriber.unsubscribe("goes").unwrap();
    subscriber.subscribe("comes").unwrap();
    std::thread::scope(|scope| {
        // Who waits for messages sees to it.
        let receiving = scope.spawn(|| subscriber.recv().unwrap());
        let mut known = Known::default();
        known.read_until(&mut wire, &["comes", "stays"]);
        wire.write(&frame(0, b"comes at last"));
        assert_eq!(receiving.join().unwrap(), "comes at last");
        // From here on each by itself.
        subscriber.subscribe("more").unwrap();
        known.read_until(&mut wire, &["comes", "more", "stays"]);
    });
}

fn who_comes_again_is_told_what_is_wanted(harness: &Harness) {
    let subscriber = harness.subscriber();
    let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
    let Some(first) = publisher(&endpoint) else { return };
    await_peers(&subscriber, 1);
    churn(&subscriber);
    subscriber.subscribe("wanted").unwrap();
    drop(first);
    let Some(mut second) = publisher(&endpoint) else { return };
    let mut known = Known::default();
    known.read_until(&mut second, &["wanted"]);
    eventually("the first one is gone", || subscriber.stats().len() == 1);
    subscriber.subscribe("more").unwrap();
    known.read_until(&mut second, &["more", "wanted"]);
    subscriber.unsubscribe("wanted").unwrap();
    known.read_until(&mut second, &["more"]);
}

fn a_publisher_that_does_not_look_is_told_when_it_does(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    harness.join(&publisher, &subscriber);
    subscriber.subscribe("goes").unwrap();
    churn(&subscriber);
    assert!(queued(&subscriber) <= MOST_QUEUED, "{} changes wait", queued(&subscriber));
    subscriber.unsubscribe("goes").unwrap();
    subscriber.subscribe("comes").unwrap();
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| subscriber.recv().unwrap());
        eventually("it knows", || {
            publisher.send("goes nowhere").unwrap();
            publisher.send("comes").unwrap();
            publisher.topics() == 1 && receiving.is_finished()
        });
        let first = receiving.join().unwrap();
        assert!(first == "comes" || first == "goes nowhere", "{first:?}");
    });
}

fn a_publisher_within_the_process_is_told_when_it_looks(harness: &Harness) {
    a_publisher_that_does_not_look_is_told_when_it_does(harness);
}

fn a_new_publisher_in_its_place_is_told_what_is_wanted(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    let address = Address::new(harness);
    address.bind(&publisher);
    subscriber.connect(&address.endpoint).unwrap();
    await_peers(&subscriber, 1);
    churn(&subscriber);
    subscriber.subscribe("wanted").unwrap();
    drop(publisher);
    await_peers(&subscriber, 0);
    // Of what waited for the first one nothing goes to the second.
    let second = harness.publisher();
    address.bind(&second);
    eventually("it knows", || second.topics() == 1);
    eventually("the message arrives", || {
        second.send("wanted").unwrap();
        subscriber.try_recv().is_ok_and(|message| message == "wanted")
    });
    assert_eq!(second.topics(), 1);
}

fn peers_of_a_proxy_do_not_fill_it(harness: &Harness) {
    let (front, back) = (harness.xsub(), harness.xpub());
    let upstream = front.bind(&harness.anywhere()).unwrap();
    let downstream = back.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = publisher(&upstream) else { return };
    await_peers(&front, 1);
    let Some(mut peer) = Wire::connect(&downstream) else { return };
    let long = |body: String| [long_header(body.len() as u64), body.into()].concat();
    std::thread::scope(|scope| {
        let proxying = scope.spawn(|| proxy(&front, &back));
        peer.write(&hello("SUB"));
        for number in 0..CHANGES {
            peer.write(&long(format!("\x01{}", topic(number))));
            peer.write(&long(format!("\0{}", topic(number))));
        }
        for topic in ["first", "second", "third"] {
            peer.write(&frame(0, format!("\x01{topic}").as_bytes()));
        }
        eventually("the proxy has read all of it", || front.topics() == 3);
        let waiting = queued(&front);
        Known::default().read_until(&mut wire, &["first", "second", "third"]);
        harness.context.shutdown();
        let _ = proxying.join().unwrap();
        assert!(waiting <= MOST_QUEUED, "{waiting} changes wait");
    });
}
