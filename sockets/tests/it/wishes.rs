//! What an XPUB hears of subscriptions and departures, and whom it applies them to by hand.

use crate::harness::{Address, Harness, PATIENCE, connected, eventually, everywhere, over_wires};
use ringmq::{Interest, Message, Poller, XPub, XSub};

everywhere![
    a_wish_of_one_who_has_left_is_not_applied_to_the_next,
    a_departure_cancels_every_wish,
    a_departure_cancels_what_nobody_else_has,
    a_verboser_one_hears_of_every_cancellation_by_departure,
    only_a_wish_says_whom_to_apply_it_to,
    a_cancelled_wish_is_not_cancelled_again,
    the_last_value_is_for_the_one_who_has_asked,
];

over_wires![a_wish_is_not_applied_to_the_next_peer_of_a_connect];

fn asks(xsub: &XSub, topic: &str) {
    xsub.send([b"\x01", topic.as_bytes()].concat()).unwrap();
}

fn cancels(xsub: &XSub, topic: &str) {
    xsub.send([b"\0", topic.as_bytes()].concat()).unwrap();
}

/// An XPUB in manual mode, or whichever `set` makes it.
fn publisher(harness: &Harness, set: fn(&XPub) -> Result<(), ringmq::Error>) -> XPub {
    let xpub = harness.xpub();
    set(&xpub).unwrap();
    xpub.bind(&harness.anywhere()).unwrap();
    xpub
}

fn manual(xpub: &XPub) -> Result<(), ringmq::Error> {
    xpub.set_manual(true)
}

/// An XSUB, which receives whatever it is sent, connected and with something to ask for.
fn asking_xsub(harness: &Harness, xpub: &XPub, topics: &[&str]) -> XSub {
    let (xsub, before) = (harness.xsub(), connected(xpub));
    topics.iter().for_each(|topic| asks(&xsub, topic));
    xsub.connect(&xpub.last_endpoint()).unwrap();
    eventually("it is connected", || connected(xpub) > before && connected(&xsub) == 1);
    xsub
}

/// Waits until something has come that can be received, and leaves it there.
fn await_wish(xpub: &XPub) {
    let poller = Poller::new();
    poller.add(xpub, Interest::READABLE);
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
}

/// Waits until so many are left.
fn await_departure(xpub: &XPub, left: usize) {
    // Those who left are forgotten when all that they have said is heard.
    eventually("it has left", || xpub.topics() < usize::MAX && xpub.stats().len() == left);
}

fn recv_all(xpub: &XPub, expected: &[&str]) {
    for expected in expected {
        assert_eq!(xpub.recv().unwrap(), *expected);
    }
}

/// What there is to receive, in order of the bytes: in which order the topics are told of one who
/// leaves is not promised.
fn rest(xpub: &XPub) -> Vec<Message> {
    let mut rest: Vec<_> = std::iter::from_fn(|| xpub.try_recv().ok()).collect();
    rest.sort_by(|a, b| a[..].cmp(&b[..]));
    rest
}

fn a_wish_of_one_who_has_left_is_not_applied_to_the_next(harness: &Harness) {
    let xpub = publisher(harness, manual);
    let first = asking_xsub(harness, &xpub, &["secret"]);
    await_wish(&xpub);
    drop(first);
    await_departure(&xpub, 0);
    let second = asking_xsub(harness, &xpub, &["public"]);
    for heard in ["\x01secret", "\0secret"] {
        assert_eq!(xpub.recv().unwrap(), *heard);
        xpub.apply_subscription(true, "secret").unwrap();
        assert_eq!(xpub.topics(), 0, "nobody is there to have it");
    }
    recv_all(&xpub, &["\x01public"]);
    xpub.apply_subscription(true, "public").unwrap();
    xpub.send("secret").unwrap();
    xpub.send("public").unwrap();
    assert_eq!(second.recv().unwrap(), "public");
}

fn a_wish_is_not_applied_to_the_next_peer_of_a_connect(harness: &Harness) {
    for heard_in_time in [false, true] {
        let (address, xpub, first) = (Address::new(harness), harness.xpub(), harness.xsub());
        xpub.set_manual(true).unwrap();
        xpub.connect(&address.endpoint).unwrap();
        asks(&first, "secret");
        address.bind(&first);
        await_wish(&xpub);
        if heard_in_time {
            recv_all(&xpub, &["\x01secret"]);
            xpub.apply_subscription(true, "secret").unwrap();
        }
        drop(first);
        eventually("it has left", || connected(&xpub) == 0);
        let second = harness.xsub();
        asks(&second, "public");
        address.bind(&second);
        if !heard_in_time {
            recv_all(&xpub, &["\x01secret"]);
            xpub.apply_subscription(true, "secret").unwrap();
        }
        recv_all(&xpub, &["\0secret"]);
        xpub.apply_subscription(true, "secret").unwrap();
        recv_all(&xpub, &["\x01public"]);
        xpub.apply_subscription(true, "public").unwrap();
        assert_eq!(xpub.topics(), 1);
        xpub.send("secret").unwrap();
        xpub.send("public").unwrap();
        assert_eq!(second.recv().unwrap(), "public");
    }
}

fn a_departure_cancels_every_wish(harness: &Harness) {
    let xpub = publisher(harness, manual);
    let staying = asking_xsub(harness, &xpub, &["b"]);
    recv_all(&xpub, &["\x01b"]);
    xpub.apply_subscription(true, "b").unwrap();
    let leaving = asking_xsub(harness, &xpub, &["a", "b", "c"]);
    recv_all(&xpub, &["\x01a", "\x01b"]);
    // Granted to it: something else, and something that the other has too.
    xpub.apply_subscription(true, "other").unwrap();
    xpub.apply_subscription(true, "b").unwrap();
    await_wish(&xpub);
    drop(leaving);
    await_departure(&xpub, 1);
    assert_eq!(rest(&xpub), [b"\0a", b"\0b", b"\0c", b"\x01c"]);
    assert_eq!(xpub.topics(), 1);
    xpub.send("b").unwrap();
    assert_eq!(staying.recv().unwrap(), "b");
}

fn a_cancelled_wish_is_not_cancelled_again(harness: &Harness) {
    let xpub = publisher(harness, manual);
    let leaving = asking_xsub(harness, &xpub, &["a", "b"]);
    recv_all(&xpub, &["\x01a", "\x01b"]);
    cancels(&leaving, "a");
    recv_all(&xpub, &["\0a"]);
    drop(leaving);
    await_departure(&xpub, 0);
    assert_eq!(rest(&xpub), [b"\0b"]);
}

fn a_departure_cancels_what_nobody_else_has(harness: &Harness) {
    for set in [|xpub: &XPub| xpub.set_verbose(false), |xpub: &XPub| xpub.set_verbose(true)] {
        let xpub = publisher(harness, set);
        let leaving = asking_xsub(harness, &xpub, &["a", "b"]);
        recv_all(&xpub, &["\x01a", "\x01b"]);
        let _staying = asking_xsub(harness, &xpub, &["b", "c"]);
        eventually("it is heard", || xpub.topics() == 3);
        drop(leaving);
        await_departure(&xpub, 1);
        let rest = rest(&xpub);
        let cancelled: Vec<_> = rest.iter().filter(|message| message[0] == 0).collect();
        assert_eq!(cancelled, [b"\0a"]);
    }
}

fn a_verboser_one_hears_of_every_cancellation_by_departure(harness: &Harness) {
    let xpub = publisher(harness, |xpub| xpub.set_verboser(true));
    let leaving = asking_xsub(harness, &xpub, &["a", "b"]);
    recv_all(&xpub, &["\x01a", "\x01b"]);
    let staying = asking_xsub(harness, &xpub, &["b"]);
    recv_all(&xpub, &["\x01b"]);
    drop(leaving);
    await_departure(&xpub, 1);
    assert_eq!(rest(&xpub), [b"\0a", b"\0b"]);
    drop(staying);
    await_departure(&xpub, 0);
    assert_eq!(rest(&xpub), [b"\0b"]);
}

fn only_a_wish_says_whom_to_apply_it_to(harness: &Harness) {
    let xpub = publisher(harness, manual);
    let other = asking_xsub(harness, &xpub, &["b"]);
    recv_all(&xpub, &["\x01b"]);
    let asking = asking_xsub(harness, &xpub, &["a"]);
    recv_all(&xpub, &["\x01a"]);
    other.send("a message").unwrap();
    recv_all(&xpub, &["a message"]);
    xpub.apply_subscription(true, "granted").unwrap();
    xpub.send("granted").unwrap();
    assert_eq!(asking.recv().unwrap(), "granted");
    // The cancellation is nobody's that is there.
    drop(other);
    await_departure(&xpub, 1);
    recv_all(&xpub, &["\0b"]);
    xpub.apply_subscription(false, "granted").unwrap();
    xpub.send("granted").unwrap();
    assert_eq!(asking.recv().unwrap(), "granted");
}

fn the_last_value_is_for_the_one_who_has_asked(harness: &Harness) {
    let xpub = publisher(harness, |xpub| xpub.set_manual_last_value(true));
    let early = asking_xsub(harness, &xpub, &["t"]);
    recv_all(&xpub, &["\x01t"]);
    xpub.apply_subscription(true, "t").unwrap();
    let late = asking_xsub(harness, &xpub, &["t"]);
    recv_all(&xpub, &["\x01t"]);
    xpub.apply_subscription(true, "t").unwrap();
    // All frames of it, and of the next none.
    xpub.send_multipart(["t last", "value"]).unwrap();
    xpub.send("t news").unwrap();
    for expected in ["t last", "value", "t news"] {
        assert_eq!(late.recv().unwrap(), expected);
    }
    assert_eq!(early.recv().unwrap(), "t news");
    // What the last one has not subscribed to is for nobody.
    asks(&late, "u");
    recv_all(&xpub, &["\x01u"]);
    xpub.send("u last").unwrap();
    // Nor is what one has asked for who has left.
    let gone = asking_xsub(harness, &xpub, &["t"]);
    recv_all(&xpub, &["\x01t"]);
    drop(gone);
    await_departure(&xpub, 2);
    xpub.send("t for nobody").unwrap();
    xpub.send("t more").unwrap();
    for xsub in [&early, &late] {
        assert_eq!(xsub.recv().unwrap(), "t more");
    }
}
