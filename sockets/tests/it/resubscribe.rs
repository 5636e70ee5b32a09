//! What a connection is told of subscriptions: all of them once, and from then on each change once, in
//! order, however connections come and go meanwhile.

use crate::harness::{
    Address, Harness, PATIENCE, await_peers, connected, eventually, everywhere, over_tcp,
    over_wires,
};
use crate::raw::{frame, greeting_of, ready};
use ringmq::kind::{Receives, Subscribes};
use ringmq::{Message, Socket, Sub, XPub, XSub};
use ringmq_zmtp::parse_subscription;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

over_tcp![a_subscriber_that_was_behind_is_heard_again, nothing_is_left_of_the_last_connection];

over_wires![
    nothing_that_an_xsub_sends_before_the_connection_comes_twice,
    changes_while_connections_come_and_go_are_told_once,
];

everywhere![
    a_subscription_that_an_xsub_sends_before_it_connects_comes_once,
    a_subscription_of_several_frames_is_one,
    a_change_in_the_middle_of_a_message_follows_it,
    changes_while_connections_are_accepted_are_told_once,
];

/// A publisher that hears of everything.
fn listener(harness: &Harness) -> XPub {
    let xpub = harness.xpub();
    xpub.set_verboser(true).unwrap();
    xpub
}

/// What the publisher hears before `mark` is subscribed to.
fn told(xpub: &XPub, mark: &str) -> Vec<Message> {
    let mark = [b"\x01", mark.as_bytes()].concat();
    let until_mark = || Some(xpub.recv().unwrap()).filter(|message| *message != *mark);
    std::iter::from_fn(until_mark).collect()
}

fn topic(number: u8) -> [u8; 2] {
    [b't', number]
}

/// A publisher on the wire.
struct Wire {
    listener: TcpListener,
    endpoint: String,
}

impl Wire {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        Self { listener, endpoint }
    }

    fn accept(&self, version: (u8, u8)) -> TcpStream {
        let (mut stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let ready = ready(&[("Socket-Type", b"XPUB")]);
        stream.write_all(&[greeting_of(version.0, version.1), ready].concat()).unwrap();
        stream.read_exact(&mut [0; 64]).unwrap();
        assert!(Self::frame(&mut stream).1.starts_with(b"\x05READY"));
        stream
    }

    /// The next frame, which is a short one: its flags and its body.
    fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
        let mut header = [0; 2];
        stream.read_exact(&mut header).unwrap();
        let mut body = vec![0; header[1].into()];
        stream.read_exact(&mut body).unwrap();
        (header[0], body)
    }

    /// The subscriptions before `mark`, in the words of old peers.
    fn told(stream: &mut TcpStream, mark: &str) -> Vec<Vec<u8>> {
        let mark = [b"\x01", mark.as_bytes()].concat();
        let next = || {
            let (flags, body) = Self::frame(stream);
            let told = parse_subscription(flags, &body).unwrap();
            Some([&[u8::from(told.subscribe)], told.topic].concat()).filter(|told| *told != mark)
        };
        std::iter::from_fn(next).collect()
    }

    /// Has a socket that is subscribed to ten topics fall behind, and goes.
    fn leave_behind<K: Subscribes + Receives>(&self, socket: &Socket<K>, version: (u8, u8)) {
        socket.set_recv_hwm(1).unwrap();
        (0..10).for_each(|number| socket.subscribe(topic(number)).unwrap());
        socket.connect(&self.endpoint).unwrap();
        let mut stream = self.accept(version);
        (0..10).for_each(|_| drop(Self::frame(&mut stream)));
        // At once, so that it is all received at once: one message has room, the others wait.
        stream.write_all(&frame(0, &topic(0)).repeat(5)).unwrap();
        await_peers(socket, 1);
        assert_eq!(socket.recv().unwrap(), topic(0));
    }
}

fn news(first: u8, number: u8) -> Vec<u8> {
    [&[first], &topic(number)[..]].concat()
}

const VERSIONS: [(u8, u8); 2] = [(3, 1), (3, 0)];

/// Behind, the publisher goes; two and more topics are cancelled, what has come is read, some of the topics
/// are subscribed to again, and the publisher returns.
fn a_subscriber_that_was_behind_is_heard_again(harness: &Harness) {
    for version in VERSIONS {
        let (wire, subscriber) = (Wire::new(), harness.subscriber());
        wire.leave_behind(&subscriber, version);
        (1..10).for_each(|number| subscriber.unsubscribe(topic(number)).unwrap());
        (0..4).for_each(|_| assert_eq!(subscriber.recv().unwrap(), topic(0)));
        let mut stream = wire.accept(version);
        await_peers(&subscriber, 1);
        (5..10).for_each(|number| subscriber.subscribe(topic(number)).unwrap());
        subscriber.unsubscribe(topic(0)).unwrap();
        subscriber.subscribe("mark").unwrap();
        let mut expected = vec![news(1, 0)];
        expected.extend((5..10).map(|number| news(1, number)));
        expected.push(news(0, 0));
        assert_eq!(Wire::told(&mut stream, "mark"), expected);
        stream.write_all(&frame(0, &topic(7))).unwrap();
        assert_eq!(subscriber.recv().unwrap(), topic(7));
    }
}

fn nothing_is_left_of_the_last_connection(harness: &Harness) {
    for version in VERSIONS {
        let (wire, xsub) = (Wire::new(), harness.xsub());
        wire.leave_behind(&xsub, version);
        for number in 1..10 {
            xsub.unsubscribe(topic(number)).unwrap();
            xsub.send(news(1, 10 + number)).unwrap();
        }
        for number in 1..10 {
            xsub.subscribe(topic(number)).unwrap();
            xsub.send(news(0, 10 + number)).unwrap();
        }
        (0..4).for_each(|_| assert_eq!(xsub.recv().unwrap(), topic(0)));
        let mut stream = wire.accept(version);
        await_peers(&xsub, 1);
        xsub.send(news(0, 3)).unwrap();
        xsub.subscribe("mark").unwrap();
        let mut expected: Vec<_> = (0..10).map(|number| news(1, number)).collect();
        expected.push(news(0, 3));
        assert_eq!(Wire::told(&mut stream, "mark"), expected);
    }
}

/// Subscriptions, and messages that are none, as an application sends them.
fn send_some(xsub: &XSub) {
    xsub.send(b"\x01a").unwrap();
    xsub.send("first").unwrap();
    xsub.send(b"\x01b").unwrap();
    xsub.send(b"\x01b").unwrap();
    xsub.send_multipart([&b"second"[..], b"\x01no topic", &[7; 20_000]]).unwrap();
    xsub.send(b"\0a").unwrap();
    xsub.send([&[1], &[b'l'; 20_000][..]].concat()).unwrap();
    xsub.send(vec![8; 20_000]).unwrap();
}

fn nothing_that_an_xsub_sends_before_the_connection_comes_twice(harness: &Harness) {
    let (address, xsub, xpub) = (Address::new(harness), harness.xsub(), listener(harness));
    xsub.connect(&address.endpoint).unwrap();
    send_some(&xsub);
    address.bind(&xpub);
    eventually("it is connected", || connected(&xsub) == 1);
    xsub.send(b"\0b").unwrap();
    xsub.send(b"\0b").unwrap();
    xsub.send(b"\x01mark").unwrap();
    let long = [&[1], &[b'l'; 20_000][..]].concat();
    let expected: [&[u8]; 8] =
        [b"\x01b", &long, b"first", b"second", b"\x01no topic", &[7; 20_000], &[8; 20_000], b"\0b"];
    assert!(told(&xpub, "mark") == expected);
}

fn a_subscription_that_an_xsub_sends_before_it_connects_comes_once(harness: &Harness) {
    let (xsub, xpub) = (harness.xsub(), harness.xpub());
    xpub.set_manual(true).unwrap();
    xsub.send(b"\x01a").unwrap();
    xsub.send(b"\x01b").unwrap();
    xsub.send(b"\0a").unwrap();
    harness.join(&xpub, &xsub);
    xsub.send(b"\x01c").unwrap();
    xsub.send(b"\x01mark").unwrap();
    assert_eq!(told(&xpub, "mark"), [b"\x01b", b"\x01c"]);
}

fn a_subscription_of_several_frames_is_one(harness: &Harness) {
    let (xsub, xpub) = (harness.xsub(), listener(harness));
    xsub.send_multipart(["\x01early", "and more"]).unwrap();
    harness.join(&xpub, &xsub);
    xsub.send_multipart(["\x01late", "and more"]).unwrap();
    // A cancellation of nothing is not sent, with all that belongs to it.
    xsub.send_multipart(["\0unknown", "\x01no topic"]).unwrap();
    xsub.send(b"\x01mark").unwrap();
    let told = told(&xpub, "mark");
    assert_eq!(told, [&b"\x01early"[..], b"\x01late", b"and more"]);
    assert_eq!(xsub.topics(), 3);
}

fn a_change_in_the_middle_of_a_message_follows_it(harness: &Harness) {
    let (xsub, xpub) = (harness.xsub(), listener(harness));
    harness.join(&xpub, &xsub);
    let mut beginning = Message::from("beginning");
    beginning.set_more(true);
    xsub.send(beginning).unwrap();
    xsub.subscribe("a").unwrap();
    xsub.unsubscribe("a").unwrap();
    xsub.subscribe("b").unwrap();
    xsub.send("end").unwrap();
    xsub.send(b"\x01mark").unwrap();
    let expected: [&[u8]; 5] = [b"beginning", b"end", b"\x01a", b"\0a", b"\x01b"];
    assert_eq!(told(&xpub, "mark"), expected);
}

/// What one subscriber has told, who subscribes to no topic twice: every word of it is news.
#[derive(Default)]
struct Known(BTreeSet<Vec<u8>>);

impl Known {
    fn hear(&mut self, message: &[u8]) {
        let news = match message {
            [1, topic @ ..] => self.0.insert(topic.to_vec()),
            [_, topic @ ..] => self.0.remove(topic),
            [] => false,
        };
        assert!(news, "{message:?} is no news");
    }
}

/// Changes the subscriptions until told to stop, and says what they are in the end.
fn change_until(subscriber: &Sub, stop: &AtomicBool) -> BTreeSet<Vec<u8>> {
    let mut topics = BTreeSet::new();
    for number in (0..=u8::MAX).cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let topic = topic(number % 32);
        if topics.remove(&topic[..]) {
            subscriber.unsubscribe(topic).unwrap();
        } else {
            topics.insert(topic.to_vec());
            subscriber.subscribe(topic).unwrap();
        }
        if number % 16 == 15 {
            std::thread::yield_now();
        }
    }
    topics
}

/// Makes a publisher meet a subscriber that changes its mind all the time.
fn meet(subscriber: &Sub, publisher: &XPub, connect: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| change_until(subscriber, &stop));
        connect();
        let mut known = Known::default();
        // The beginning, and some changes.
        (0..40).for_each(|_| known.hear(&publisher.recv().unwrap()));
        stop.store(true, Ordering::Relaxed);
        let topics = changing.join().unwrap();
        subscriber.subscribe("mark").unwrap();
        told(publisher, "mark").iter().for_each(|message| known.hear(message));
        assert_eq!(known.0, topics);
        subscriber.unsubscribe("mark").unwrap();
        topics.iter().for_each(|topic| subscriber.unsubscribe(topic).unwrap());
    });
}

fn changes_while_connections_come_and_go_are_told_once(harness: &Harness) {
    let (address, subscriber) = (Address::new(harness), harness.subscriber());
    subscriber.connect(&address.endpoint).unwrap();
    for _ in 0..20 {
        let publisher = listener(harness);
        meet(&subscriber, &publisher, || address.bind(&publisher));
        // It goes while the subscriber speaks.
        (0..20).for_each(|number| subscriber.subscribe(topic(number)).unwrap());
        drop(publisher);
        (0..20).for_each(|number| subscriber.unsubscribe(topic(number)).unwrap());
    }
}

fn changes_while_connections_are_accepted_are_told_once(harness: &Harness) {
    let subscriber = harness.subscriber();
    let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
    for _ in 0..40 {
        let publisher = listener(harness);
        meet(&subscriber, &publisher, || publisher.connect(&endpoint).unwrap());
    }
}
