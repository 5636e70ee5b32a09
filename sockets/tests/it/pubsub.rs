//! PUB, SUB, XPUB and XSUB: to each what it subscribed to.

use crate::harness::{GLANCE, Harness, await_peers, eventually, everywhere};
use ringmq::{Error, Pub, Sub};

everywhere![
    a_subscription_is_a_prefix,
    without_a_subscription_nothing_comes,
    the_empty_subscription_takes_all,
    subscriptions_are_counted,
    an_unknown_unsubscribe_is_no_error,
    the_whole_message_follows_its_first_frame,
    a_late_joiner_misses_what_was_before,
    publishing_to_nobody_is_no_error,
    a_slow_subscriber_misses_messages_which_are_counted,
    a_slow_subscriber_is_no_other_ones_concern,
    no_drop_waits_for_the_slow_subscriber,
    an_xpub_hears_of_first_and_last,
    a_subscriber_that_leaves_cancels_all,
    verbose_hears_of_every_subscription,
    verboser_hears_of_every_cancellation_too,
    in_manual_mode_the_application_decides,
    the_welcome_comes_first,
    an_xsub_does_not_filter,
    an_xsub_counts_its_subscriptions,
    one_subscriber_hears_many_publishers,
    a_subscriber_conflates,
    a_subscription_in_the_middle_of_a_message_counts_for_the_next,
    subscriptions_made_while_connecting_all_arrive,
    an_xpub_that_never_receives_heeds_every_subscription,
];

/// A PUB and a SUB, connected, with the subscriptions known.
fn subscribed(harness: &Harness, topics: &[&str]) -> (Pub, Sub) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    topics.iter().for_each(|topic| subscriber.subscribe(topic).unwrap());
    harness.join(&publisher, &subscriber);
    await_topics(&publisher, subscriber.topics());
    (publisher, subscriber)
}

fn await_topics(publisher: &Pub, topics: usize) {
    eventually("the subscriptions are known", || publisher.topics() == topics);
}

pub(crate) fn a_subscription_is_a_prefix(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &["ab", "xyz"]);
    for topic in ["a", "ab", "abc", "b", "xy", "xyz", "xyz!", "", "end", "ab end"] {
        publisher.send(topic).unwrap();
    }
    for expected in ["ab", "abc", "xyz", "xyz!", "ab end"] {
        assert_eq!(subscriber.recv().unwrap(), expected);
    }
}

fn without_a_subscription_nothing_comes(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &[]);
    publisher.send("unheard").unwrap();
    publisher.send("").unwrap();
    subscriber.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(subscriber.recv().unwrap_err().is_would_block());
}

fn the_empty_subscription_takes_all(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &[""]);
    for body in ["", "a", "\0\u{1}"] {
        publisher.send(body).unwrap();
        assert_eq!(subscriber.recv().unwrap(), body);
    }
}

fn subscriptions_are_counted(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &["t", "t", "end"]);
    subscriber.unsubscribe("t").unwrap();
    assert_eq!(subscriber.topics(), 2);
    publisher.send("t once more").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "t once more");
    subscriber.unsubscribe("t").unwrap();
    await_topics(&publisher, 1);
    publisher.send("t no more").unwrap();
    publisher.send("end").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "end");
}

fn an_unknown_unsubscribe_is_no_error(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &["known"]);
    subscriber.unsubscribe("unknown").unwrap();
    publisher.send("known").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "known");
}

fn the_whole_message_follows_its_first_frame(harness: &Harness) {
    let (publisher, subscriber) = subscribed(harness, &["yes"]);
    publisher.send_multipart(["no", "yes", "yes"]).unwrap();
    publisher.send_multipart(["yes", "no", ""]).unwrap();
    assert_eq!(subscriber.recv_multipart().unwrap(), ["yes", "no", ""].into());
    assert!(subscriber.try_recv().is_err());
}

fn a_late_joiner_misses_what_was_before(harness: &Harness) {
    let (publisher, early) = subscribed(harness, &[""]);
    publisher.send("before").unwrap();
    let late = harness.subscriber();
    late.subscribe("").unwrap();
    late.connect(&publisher.last_endpoint()).unwrap();
    await_peers(&publisher, 2);
    // Its subscription has come when a message gets through.
    late.set_recv_timeout(Some(GLANCE)).unwrap();
    eventually("it hears something", || {
        publisher.send("after").unwrap();
        late.recv().is_ok_and(|message| message == "after")
    });
    assert_eq!(early.recv().unwrap(), "before");
}

fn publishing_to_nobody_is_no_error(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.bind(&harness.anywhere()).unwrap();
    for _ in 0..5_000 {
        publisher.send("unheard").unwrap();
    }
}

fn a_slow_subscriber_misses_messages_which_are_counted(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_send_hwm(3).unwrap();
    subscriber.set_recv_hwm(3).unwrap();
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    await_topics(&publisher, 1);
    let mut sent = 0u64;
    while publisher.stats()[0].dropped < 5 {
        let mut body = vec![0; 1 << 20];
        body[..8].copy_from_slice(&sent.to_be_bytes());
        publisher.send(body).unwrap();
        sent += 1;
        assert!(sent < 1000, "nothing is dropped");
    }
    let dropped = publisher.stats()[0].dropped;
    let mut last = None;
    // All that was not dropped, and nothing else.
    for _ in dropped..sent {
        let message = subscriber.recv().unwrap();
        let number = u64::from_be_bytes(message[..8].try_into().unwrap());
        assert!(last < Some(number), "in order");
        last = Some(number);
    }
    assert!(subscriber.try_recv().is_err());
}

fn a_slow_subscriber_is_no_other_ones_concern(harness: &Harness) {
    let (publisher, slow, quick) =
        (harness.publisher(), harness.subscriber(), harness.subscriber());
    publisher.set_send_hwm(5).unwrap();
    slow.set_recv_hwm(1).unwrap();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    // Both want everything, in other words.
    for (subscriber, topic) in [(&slow, &[0][..]), (&quick, &[])] {
        subscriber.subscribe(topic).unwrap();
        subscriber.connect(&endpoint).unwrap();
    }
    await_topics(&publisher, 2);
    for number in 0..100u32 {
        let mut body = vec![0; 300_000];
        body[..4].copy_from_slice(&number.to_be_bytes());
        publisher.send(body).unwrap();
        assert_eq!(quick.recv().unwrap()[..4], number.to_be_bytes());
    }
}

fn no_drop_waits_for_the_slow_subscriber(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_send_hwm(2).unwrap();
    publisher.set_no_drop(true).unwrap();
    subscriber.set_recv_hwm(2).unwrap();
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    await_topics(&publisher, 1);
    let mut sent = 0;
    while publisher.try_send(vec![7; 1 << 20]).is_ok() {
        sent += 1;
        assert!(sent < 1000, "it does not wait");
    }
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| publisher.send(vec![7; 1 << 20]));
        for _ in 0..=sent {
            assert_eq!(subscriber.recv().unwrap().len(), 1 << 20);
        }
        sending.join().unwrap().unwrap();
    });
    assert_eq!(publisher.stats()[0].dropped, 0);
}

fn an_xpub_hears_of_first_and_last(harness: &Harness) {
    let (xpub, one, two) = (harness.xpub(), harness.subscriber(), harness.subscriber());
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    one.connect(&endpoint).unwrap();
    two.connect(&endpoint).unwrap();
    await_peers(&xpub, 2);
    one.subscribe("t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01t");
    two.subscribe("t").unwrap();
    two.subscribe("second").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01second");
    one.unsubscribe("t").unwrap();
    one.subscribe("mark").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01mark");
    two.unsubscribe("t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x00t");
}

pub(crate) fn a_subscriber_that_leaves_cancels_all(harness: &Harness) {
    let (xpub, subscriber) = (harness.xpub(), harness.subscriber());
    harness.join(&xpub, &subscriber);
    subscriber.subscribe("a").unwrap();
    subscriber.subscribe("b").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01a");
    assert_eq!(xpub.recv().unwrap(), b"\x01b");
    drop(subscriber);
    let mut gone = [xpub.recv().unwrap().to_vec(), xpub.recv().unwrap().to_vec()];
    gone.sort();
    assert_eq!(gone, [b"\x00a", b"\x00b"]);
    assert_eq!(xpub.topics(), 0);
}

fn verbose_hears_of_every_subscription(harness: &Harness) {
    let (xpub, one, two) = (harness.xpub(), harness.subscriber(), harness.subscriber());
    xpub.set_verbose(true).unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    one.connect(&endpoint).unwrap();
    two.connect(&endpoint).unwrap();
    await_peers(&xpub, 2);
    one.subscribe("t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01t");
    two.subscribe("t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01t");
    // The first cancellation is not the last one, and is kept quiet.
    one.unsubscribe("t").unwrap();
    one.subscribe("mark").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01mark");
    two.unsubscribe("t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x00t");
}

fn verboser_hears_of_every_cancellation_too(harness: &Harness) {
    let (xpub, one, two) = (harness.xpub(), harness.subscriber(), harness.subscriber());
    xpub.set_verboser(true).unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    for subscriber in [&one, &two] {
        subscriber.connect(&endpoint).unwrap();
        subscriber.subscribe("t").unwrap();
        assert_eq!(xpub.recv().unwrap(), b"\x01t");
    }
    for subscriber in [&one, &two] {
        subscriber.unsubscribe("t").unwrap();
        assert_eq!(xpub.recv().unwrap(), b"\x00t");
    }
}

fn in_manual_mode_the_application_decides(harness: &Harness) {
    let (xpub, subscriber) = (harness.xpub(), harness.subscriber());
    assert!(matches!(xpub.apply_subscription(true, "x"), Err(Error::InvalidOption { .. })));
    xpub.set_manual(true).unwrap();
    harness.join(&xpub, &subscriber);
    subscriber.subscribe("").unwrap();
    assert_eq!(xpub.recv().unwrap(), [1]);
    xpub.apply_subscription(true, "granted").unwrap();
    xpub.send("denied").unwrap();
    xpub.send("granted").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "granted");
    subscriber.unsubscribe("nothing").unwrap();
    xpub.apply_subscription(false, "granted").unwrap();
    xpub.apply_subscription(true, "end").unwrap();
    xpub.send("granted").unwrap();
    xpub.send("end").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "end");
}

fn the_welcome_comes_first(harness: &Harness) {
    let (xpub, subscriber) = (harness.xpub(), harness.subscriber());
    xpub.set_welcome_message("welcome, stranger").unwrap();
    subscriber.subscribe("welcome").unwrap();
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    subscriber.connect(&endpoint).unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01welcome");
    xpub.send("welcome, all").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "welcome, stranger");
    assert_eq!(subscriber.recv().unwrap(), "welcome, all");
}

fn an_xsub_does_not_filter(harness: &Harness) {
    let (xpub, xsub) = (harness.xpub(), harness.xsub());
    xpub.set_manual(true).unwrap();
    harness.join(&xpub, &xsub);
    xsub.send(b"\x01wish").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01wish");
    xpub.apply_subscription(true, "").unwrap();
    xpub.send("something else").unwrap();
    assert_eq!(xsub.recv().unwrap(), "something else");
}

fn an_xsub_counts_its_subscriptions(harness: &Harness) {
    let (xpub, xsub) = (harness.xpub(), harness.xsub());
    xpub.set_verboser(true).unwrap();
    harness.join(&xpub, &xsub);
    xsub.send(b"\x01t").unwrap();
    xsub.send(b"\x01t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x01t");
    assert_eq!(xpub.recv().unwrap(), b"\x01t", "every subscription is forwarded");
    xsub.send(b"\x00t").unwrap();
    xsub.send(b"\x00unknown").unwrap();
    xsub.send(b"mark").unwrap();
    assert_eq!(xpub.recv().unwrap(), "mark", "only the last cancellation is");
    xsub.send(b"\x00t").unwrap();
    assert_eq!(xpub.recv().unwrap(), b"\x00t");
}

fn one_subscriber_hears_many_publishers(harness: &Harness) {
    let subscriber = harness.subscriber();
    subscriber.subscribe("").unwrap();
    let publishers = [harness.publisher(), harness.publisher(), harness.publisher()];
    for publisher in &publishers {
        harness.join(publisher, &subscriber);
        await_topics(publisher, 1);
    }
    for (name, publisher) in publishers.iter().enumerate() {
        publisher.send([name as u8]).unwrap();
    }
    let mut heard: Vec<u8> = (0..3).map(|_| subscriber.recv().unwrap()[0]).collect();
    heard.sort_unstable();
    assert_eq!(heard, [0, 1, 2]);
}

fn a_subscriber_conflates(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    subscriber.set_conflate(true).unwrap();
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    await_topics(&publisher, 1);
    for number in 0..=500u32 {
        publisher.send(number.to_be_bytes()).unwrap();
    }
    let mut received = 0;
    while subscriber.recv().unwrap() != 500u32.to_be_bytes() {
        received += 1;
    }
    assert!(received < 500);
}

fn a_subscription_in_the_middle_of_a_message_counts_for_the_next(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    harness.join(&publisher, &subscriber);
    let mut beginning = ringmq::Message::from("beginning");
    beginning.set_more(true);
    publisher.send(beginning).unwrap();
    subscriber.subscribe("").unwrap();
    await_topics(&publisher, 1);
    publisher.send("end").unwrap();
    publisher.send_multipart(["next", "whole"]).unwrap();
    assert_eq!(subscriber.recv_multipart().unwrap(), ["next", "whole"].into());
}

fn subscriptions_made_while_connecting_all_arrive(harness: &Harness) {
    let publisher = harness.publisher();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    for _ in 0..30 {
        let subscriber = harness.subscriber();
        for topic in 0..20u8 {
            subscriber.subscribe([topic]).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for topic in 0..20u8 {
                    subscriber.subscribe([100 + topic]).unwrap();
                    subscriber.unsubscribe([topic]).unwrap();
                    std::thread::yield_now();
                }
            });
            subscriber.connect(&endpoint).unwrap();
        });
        // The last one arrives last: a new connection tells them in the order of their bytes, and
        // after that they go as they are made.
        subscriber.subscribe([255]).unwrap();
        subscriber.set_recv_timeout(Some(GLANCE)).unwrap();
        eventually("the last one arrives", || {
            publisher.send([255]).unwrap();
            subscriber.recv().is_ok()
        });
        assert_eq!(publisher.topics(), 21);
        drop(subscriber);
        await_topics(&publisher, 0);
    }
}

fn an_xpub_that_never_receives_heeds_every_subscription(harness: &Harness) {
    let (xpub, subscriber) = (harness.xpub(), harness.subscriber());
    harness.join(&xpub, &subscriber);
    for topic in 0..1500u32 {
        subscriber.subscribe(topic.to_be_bytes()).unwrap();
    }
    subscriber.subscribe("end").unwrap();
    subscriber.set_recv_timeout(Some(GLANCE)).unwrap();
    eventually("the last one is heeded", || {
        xpub.send("end").unwrap();
        subscriber.recv().is_ok()
    });
}
