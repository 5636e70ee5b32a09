//! How much a peer may subscribe to: one that wants more goes, with all that it wanted, and nobody else
//! notices.

use crate::harness::{
    Address, Harness, await_event, await_peers, eventually, over_wires, within_process,
};
use crate::raw::{Wire, frame, hello};
use ringmq::kind::Kind;
use ringmq::{DisconnectReason, Monitor, MonitorEvent, PeerLimit, Pub, Socket};
use std::time::Duration;

over_wires![
    a_topic_too_many_costs_the_connection,
    topics_have_so_many_bytes_together,
    a_topic_counts_once_and_as_long_as_it_is_held,
    who_comes_again_and_again_gets_in_with_less,
    who_is_refused_again_and_again_comes_less_and_less_often,
    a_publisher_that_connects_refuses_the_connection_and_not_the_endpoint,
    what_a_refused_peer_has_said_behind_is_not_heard,
    wishes_count_in_manual_mode,
    of_a_refused_peer_all_that_nobody_else_wants_is_cancelled,
    a_limit_of_none_is_none,
];

within_process![peers_within_the_process_have_no_limit];

fn refused(monitor: &Monitor) -> PeerLimit {
    await_event(monitor, |event| match event {
        MonitorEvent::Refused { limit, .. } => Some(*limit),
        _ => None,
    })
}

/// Why a connection has ended.
fn ended(monitor: &Monitor) -> DisconnectReason {
    await_event(monitor, |event| match event {
        MonitorEvent::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    })
}

/// Sends until the subscriber has received it.
fn reaches<K: ringmq::kind::Receives>(publisher: &Pub, subscriber: &Socket<K>, message: &str) {
    eventually("the message arrives", || {
        publisher.send(message).unwrap();
        subscriber.try_recv().is_ok_and(|received| received == message)
    });
}

fn topics(publisher: &Pub, count: usize) {
    eventually("the topics are those that are wanted", || publisher.topics() == count);
}

/// Waits until somebody was turned away so often. Subscriptions are heeded when the publisher is used.
fn turned_away(publisher: &Pub, times: u64) {
    eventually("it is turned away", || {
        publisher.topics();
        publisher.totals().refused >= times
    });
}

/// A subscription as a peer of version 3.0 says it.
fn subscription(topic: &str) -> Vec<u8> {
    frame(0, format!("\x01{topic}").as_bytes())
}

fn cancellation(topic: &str) -> Vec<u8> {
    frame(0, format!("\0{topic}").as_bytes())
}

fn a_topic_too_many_costs_the_connection(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.set_max_subscriptions(Some(3)).unwrap();
    let monitor = publisher.monitor();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let good = harness.subscriber();
    for topic in ["a", "b", "c"] {
        good.subscribe(topic).unwrap();
    }
    good.connect(&endpoint).unwrap();
    topics(&publisher, 3);
    let Some(mut bad) = Wire::connect(&endpoint) else { return };
    bad.write(&hello("SUB"));
    for topic in ["x", "y", "a"] {
        bad.write(&subscription(topic));
    }
    topics(&publisher, 5);
    assert_eq!(publisher.totals().refused, 0);
    bad.write(&subscription("z"));
    turned_away(&publisher, 1);
    assert_eq!(refused(&monitor), PeerLimit::Subscriptions);
    let reason = ended(&monitor);
    assert!(matches!(reason, DisconnectReason::Refused(PeerLimit::Subscriptions)), "{reason:?}");
    await_peers(&publisher, 1);
    topics(&publisher, 3);
    reaches(&publisher, &good, "a, which both have wanted");
    reaches(&publisher, &good, "c");
    assert_eq!(publisher.totals().refused, 1);
}

fn topics_have_so_many_bytes_together(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.set_max_subscription_bytes(Some(100)).unwrap();
    let monitor = publisher.monitor();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let (good, mut bad) = (harness.subscriber(), Wire::connect(&endpoint));
    good.subscribe("g".repeat(100)).unwrap();
    good.connect(&endpoint).unwrap();
    let Some(bad) = &mut bad else { return };
    bad.write(&hello("SUB"));
    bad.write(&subscription(&"b".repeat(60)));
    bad.write(&subscription(&"c".repeat(40)));
    bad.write(&subscription(""));
    topics(&publisher, 4);
    bad.write(&subscription("d"));
    turned_away(&publisher, 1);
    assert_eq!(refused(&monitor), PeerLimit::SubscriptionBytes);
    topics(&publisher, 1);
    reaches(&publisher, &good, &"g".repeat(200));
}

fn a_topic_counts_once_and_as_long_as_it_is_held(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.set_max_subscriptions(Some(2)).unwrap();
    publisher.set_max_subscription_bytes(Some(20)).unwrap();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(&hello("SUB"));
    wire.write(&subscription("stays, ten"));
    for round in 0..100 {
        let topic = format!("{round:010}");
        // As often as it likes, and what it does not have is not given back.
        wire.write(&subscription(&topic).repeat(3));
        wire.write(&subscription("stays, ten"));
        wire.write(&cancellation(&topic).repeat(3));
        wire.write(&cancellation("never had"));
    }
    wire.write(&subscription("the last 1"));
    topics(&publisher, 2);
    assert_eq!(publisher.totals().refused, 0);
    wire.write(&subscription("1"));
    turned_away(&publisher, 1);
    topics(&publisher, 0);
}

fn who_comes_again_and_again_gets_in_with_less(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.set_max_subscriptions(Some(2)).unwrap();
    let address = Address::new(harness);
    address.bind(&publisher);
    let subscriber = harness.subscriber();
    for topic in ["a", "b", "c"] {
        subscriber.subscribe(topic).unwrap();
    }
    subscriber.connect(&address.endpoint).unwrap();
    turned_away(&publisher, 3);
    subscriber.unsubscribe("b").unwrap();
    reaches(&publisher, &subscriber, "a");
    // With what it has, it comes again and is not one too many.
    let refused = publisher.totals().refused;
    for _ in 0..3 {
        publisher.unbind(&address.endpoint).unwrap();
        await_peers(&publisher, 0);
        address.bind(&publisher);
        reaches(&publisher, &subscriber, "c");
    }
    assert_eq!(publisher.totals().refused, refused);
    topics(&publisher, 2);
}

fn who_is_refused_again_and_again_comes_less_and_less_often(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_max_subscriptions(Some(0)).unwrap();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    subscriber.set_reconnect_interval(Some(Duration::from_millis(200))).unwrap();
    subscriber.set_reconnect_interval_max(Duration::from_secs(10)).unwrap();
    subscriber.subscribe("").unwrap();
    let monitor = subscriber.monitor();
    subscriber.connect(&endpoint).unwrap();
    let mut longest = Duration::ZERO;
    eventually("it waits for longer each time", || {
        publisher.topics();
        while let Ok(event) = monitor.try_recv() {
            if let MonitorEvent::ConnectRetried { after, .. } = event {
                longest = longest.max(after);
            }
        }
        longest >= Duration::from_millis(800)
    });
}

fn a_publisher_that_connects_refuses_the_connection_and_not_the_endpoint(harness: &Harness) {
    let (subscriber, publisher) = (harness.subscriber(), harness.publisher());
    publisher.set_max_subscriptions(Some(2)).unwrap();
    let monitor = publisher.monitor();
    for topic in ["a", "b", "c"] {
        subscriber.subscribe(topic).unwrap();
    }
    let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
    publisher.connect(&endpoint).unwrap();
    turned_away(&publisher, 3);
    assert_eq!(refused(&monitor), PeerLimit::Subscriptions);
    assert!(matches!(ended(&monitor), DisconnectReason::Refused(_)));
    subscriber.unsubscribe("c").unwrap();
    reaches(&publisher, &subscriber, "b");
    topics(&publisher, 2);
}

fn what_a_refused_peer_has_said_behind_is_not_heard(harness: &Harness) {
    let xpub = harness.xpub();
    xpub.set_max_subscriptions(Some(1)).unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    let all = [
        hello("XSUB"),
        frame(0, b"heard"),
        subscription("one"),
        subscription("two"),
        frame(1, b"not heard"),
        frame(0, b"nor this"),
        cancellation("one"),
        subscription("three"),
    ];
    wire.write(&all.concat());
    for word in ["heard", "\x01one", "\0one"] {
        assert_eq!(xpub.recv().unwrap(), word);
    }
    eventually("it is turned away", || xpub.totals().refused == 1);
    await_peers(&xpub, 0);
    assert!(xpub.try_recv().unwrap_err().is_would_block());
    assert_eq!(xpub.topics(), 0);
}

fn wishes_count_in_manual_mode(harness: &Harness) {
    let xpub = harness.xpub();
    xpub.set_manual(true).unwrap();
    xpub.set_max_subscriptions(Some(2)).unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(&hello("SUB"));
    wire.write(&subscription("one"));
    assert_eq!(xpub.recv().unwrap(), "\x01one");
    // What the application makes of it is its own business.
    for topic in ["1", "2", "3", "4"] {
        xpub.apply_subscription(true, topic).unwrap();
    }
    wire.write(&subscription("two"));
    assert_eq!(xpub.recv().unwrap(), "\x01two");
    assert_eq!((xpub.topics(), xpub.totals().refused), (4, 0));
    wire.write(&subscription("three"));
    let mut gone = [xpub.recv().unwrap(), xpub.recv().unwrap()].map(|word| word.to_vec());
    gone.sort();
    assert_eq!(gone, [b"\0one", b"\0two"]);
    // It is nobody's wish any more.
    xpub.apply_subscription(true, "5").unwrap();
    assert_eq!(xpub.topics(), 0);
    eventually("it is turned away", || xpub.totals().refused == 1);
    await_peers(&xpub, 0);
}

fn of_a_refused_peer_all_that_nobody_else_wants_is_cancelled(harness: &Harness) {
    let xpub = harness.xpub();
    xpub.set_max_subscriptions(Some(2)).unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    let (good, mut bad) = (harness.subscriber(), Wire::connect(&endpoint));
    good.subscribe("both").unwrap();
    good.connect(&endpoint).unwrap();
    assert_eq!(xpub.recv().unwrap(), "\x01both");
    let Some(bad) = &mut bad else { return };
    bad.write(&hello("SUB"));
    for topic in ["both", "alone", "too many"] {
        bad.write(&subscription(topic));
    }
    assert_eq!(xpub.recv().unwrap(), "\x01alone");
    assert_eq!(xpub.recv().unwrap(), "\0alone");
    xpub.send("both").unwrap();
    assert_eq!(good.recv().unwrap(), "both");
}

fn fill<K: Kind + ringmq::kind::Subscribes>(subscriber: &Socket<K>) {
    for topic in 0..100 {
        subscriber.subscribe(format!("{topic:0100}")).unwrap();
    }
}

fn a_limit_of_none_is_none(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_max_subscriptions(Some(3)).unwrap();
    publisher.set_max_subscription_bytes(Some(3)).unwrap();
    // The value counts at once.
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    publisher.set_max_subscriptions(None).unwrap();
    publisher.set_max_subscription_bytes(None).unwrap();
    fill(&subscriber);
    subscriber.connect(&endpoint).unwrap();
    topics(&publisher, 100);
    assert_eq!(publisher.totals().refused, 0);
}

fn peers_within_the_process_have_no_limit(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_max_subscriptions(Some(3)).unwrap();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    fill(&subscriber);
    subscriber.connect(&endpoint).unwrap();
    topics(&publisher, 100);
    assert_eq!(publisher.totals().refused, 0);
}
