//! Peers that were let in and send without end what is thrown away, or heeded and not kept: whoever uses the socket
//! gets out of each call, and others are heard.

use crate::harness::{Harness, PATIENCE, await_peers, eventually, over_wires};
use crate::raw::{Wire, frame, hello};
use ringmq::kind::{Kind, Receives};
use ringmq::{Interest, Poller, Socket};
use std::time::{Duration, Instant};

over_wires![
    a_publisher_sends_beside_subscriptions_without_end,
    an_xpub_that_waits_gets_out_of_duplicates_without_end,
    a_proxy_forwards_beside_duplicates_without_end,
    a_subscriber_gets_out_of_what_it_does_not_want,
    a_rep_gets_out_of_malformed_requests_without_end,
    a_req_gets_out_of_replies_that_nobody_has_asked_for,
    a_pair_gets_out_of_what_one_sends_that_has_no_say,
];

/// Peers that send at once: more than one thread takes in as fast.
const FLOODS: usize = 2;

/// Closes a socket, so that nobody goes on sending to it: also when a test fails.
struct CloseAtEnd<'a, K: Kind>(&'a Socket<K>);

impl<K: Kind> Drop for CloseAtEnd<'_, K> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Has peers of a type send `piece` to `socket` again and again while `act` goes on, which is told how many those
/// are: none where the standard library has no such connections. The socket is closed afterwards.
fn beside_floods<K: Kind>(
    socket: &Socket<K>,
    socket_type: &str,
    piece: &[u8],
    act: impl FnOnce(usize),
) {
    let endpoint = socket.last_endpoint();
    let mut wires: Vec<Wire> = (0..FLOODS).filter_map(|_| Wire::connect(&endpoint)).collect();
    for wire in &mut wires {
        wire.write(&hello(socket_type));
    }
    let count = wires.len();
    std::thread::scope(|scope| {
        let _end = CloseAtEnd(socket);
        for mut wire in wires {
            scope.spawn(move || {
                let pieces = piece.repeat(64 * 1024 / piece.len());
                while wire.try_write(&pieces) {}
            });
        }
        act(count);
    });
}

/// What comes is bounded in bytes alone: there is always more of it than is looked at.
fn without_a_mark<K: Kind>(socket: &Socket<K>) {
    socket.set_recv_hwm(0).unwrap();
    socket.set_max_waiting_bytes(Some(4 << 20)).unwrap();
}

/// Asks in each way there is, and comes back: with nothing, or with something that `is_good`.
fn asks_and_comes_back<K: Receives>(socket: &Socket<K>, is_good: impl Fn(&[u8]) -> bool) {
    let poller = Poller::new();
    poller.add(socket, Interest::READABLE);
    for round in 0..20 {
        let received = match round % 4 {
            0 => socket.try_recv(),
            1 => socket.recv_within(Duration::ZERO),
            2 => socket.recv_within(Duration::from_millis(2)),
            _ => {
                poller.wait(Some(Duration::from_millis(2))).unwrap();
                socket.try_recv()
            }
        };
        match received {
            Ok(message) => assert!(is_good(&message), "{message:?}"),
            Err(error) => assert!(error.is_would_block(), "{error}"),
        }
    }
}

/// A subscription as a peer of version 3.0 says it.
fn subscription(topic: &str) -> Vec<u8> {
    frame(0, format!("\x01{topic}").as_bytes())
}

fn a_publisher_sends_beside_subscriptions_without_end(harness: &Harness) {
    let publisher = harness.publisher();
    without_a_mark(&publisher);
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    beside_floods(&publisher, "SUB", &subscription("again"), |floods| {
        await_peers(&publisher, floods);
        eventually("they are heard", || publisher.topics() == usize::from(floods > 0));
        let subscriber = harness.subscriber();
        subscriber.subscribe("good").unwrap();
        subscriber.connect(&endpoint).unwrap();
        for _ in 0..1000 {
            publisher.send("to nobody").unwrap();
        }
        eventually("a good subscriber is heard among them", || {
            publisher.send("good").unwrap();
            subscriber.try_recv().is_ok()
        });
    });
}

fn an_xpub_that_waits_gets_out_of_duplicates_without_end(harness: &Harness) {
    let xpub = harness.xpub();
    without_a_mark(&xpub);
    let endpoint = xpub.bind(&harness.anywhere()).unwrap();
    beside_floods(&xpub, "SUB", &subscription("again"), |floods| {
        if floods > 0 {
            assert_eq!(xpub.recv().unwrap(), "\u{1}again");
        }
        asks_and_comes_back(&xpub, |_| false);
        for _ in 0..1000 {
            xpub.send("to nobody").unwrap();
        }
        let subscriber = harness.subscriber();
        subscriber.subscribe("good").unwrap();
        subscriber.connect(&endpoint).unwrap();
        assert_eq!(xpub.recv().unwrap(), "\u{1}good");
        xpub.send("good").unwrap();
        assert_eq!(subscriber.recv().unwrap(), "good");
    });
}

fn a_proxy_forwards_beside_duplicates_without_end(harness: &Harness) {
    let (xsub, xpub) = (harness.xsub(), harness.xpub());
    without_a_mark(&xpub);
    let front = xsub.bind(&harness.anywhere()).unwrap();
    let back = xpub.bind(&harness.anywhere()).unwrap();
    std::thread::scope(|scope| {
        let proxying = scope.spawn(|| ringmq::proxy(&xsub, &xpub));
        beside_floods(&xpub, "SUB", &subscription("again"), |_| {
            let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
            publisher.connect(&front).unwrap();
            subscriber.subscribe("good").unwrap();
            subscriber.connect(&back).unwrap();
            eventually("it arrives", || {
                publisher.send("good").unwrap();
                subscriber.try_recv().is_ok()
            });
        });
        proxying.join().unwrap().unwrap_err();
    });
}

fn a_subscriber_gets_out_of_what_it_does_not_want(harness: &Harness) {
    let (subscriber, publisher) = (harness.subscriber(), harness.publisher());
    without_a_mark(&subscriber);
    subscriber.subscribe("good").unwrap();
    let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
    beside_floods(&subscriber, "PUB", &frame(0, b"x"), |_| {
        asks_and_comes_back(&subscriber, |_| false);
        publisher.connect(&endpoint).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            publisher.send("good").unwrap();
            match subscriber.recv_within(Duration::from_millis(5)) {
                Ok(message) => break assert_eq!(message, "good"),
                Err(error) => assert!(error.is_would_block() && Instant::now() < until, "{error}"),
            }
        }
    });
}

fn a_rep_gets_out_of_malformed_requests_without_end(harness: &Harness) {
    let (rep, req) = (harness.rep(), harness.req());
    without_a_mark(&rep);
    let endpoint = rep.bind(&harness.anywhere()).unwrap();
    beside_floods(&rep, "REQ", &frame(0, b"no envelope"), |_| {
        asks_and_comes_back(&rep, |_| false);
        req.connect(&endpoint).unwrap();
        for _ in 0..10 {
            req.send("question").unwrap();
            assert_eq!(rep.recv().unwrap(), "question");
            rep.send("answer").unwrap();
            assert_eq!(req.recv().unwrap(), "answer");
        }
    });
}

fn a_req_gets_out_of_replies_that_nobody_has_asked_for(harness: &Harness) {
    let req = harness.req();
    without_a_mark(&req);
    req.set_relaxed(true).unwrap();
    req.set_correlate(true).unwrap();
    let endpoint = req.bind(&harness.anywhere()).unwrap();
    let unasked = [frame(1, b"not the id"), frame(1, b""), frame(0, b"reply")].concat();
    beside_floods(&req, "REP", &unasked, |floods| {
        await_peers(&req, floods);
        // It asks one after the other, and the last one answers.
        let rep = harness.rep();
        rep.connect(&endpoint).unwrap();
        await_peers(&req, floods + 1);
        std::thread::scope(|scope| {
            let answering = scope.spawn(|| {
                while rep.recv().unwrap() != "the last" {
                    rep.send("answer").unwrap();
                }
            });
            let mut answered = 0;
            let until = Instant::now() + PATIENCE;
            while answered < 3 && Instant::now() < until {
                req.send("question").unwrap();
                asks_and_comes_back_once(&req, &mut answered);
            }
            for _ in 0..=floods {
                req.send("the last").unwrap();
            }
            answering.join().unwrap();
            assert!(answered >= 3, "{answered} were answered");
        });
    });
}

/// Waits for an answer, and for a little.
fn asks_and_comes_back_once(req: &ringmq::Req, answered: &mut u32) {
    match req.recv_within(Duration::from_millis(50)) {
        Ok(reply) => {
            assert_eq!(reply, "answer");
            *answered += 1;
        }
        Err(error) => assert!(error.is_would_block(), "{error}"),
    }
}

fn a_pair_gets_out_of_what_one_sends_that_has_no_say(harness: &Harness) {
    let (pair, first) = (harness.pair(), harness.pair());
    without_a_mark(&pair);
    harness.join(&pair, &first);
    beside_floods(&pair, "PAIR", &frame(0, b"unheard"), |floods| {
        await_peers(&pair, 1 + floods);
        asks_and_comes_back(&pair, |_| false);
        for round in 0..100_u8 {
            first.send([round]).unwrap();
            assert_eq!(pair.recv().unwrap(), [round]);
            pair.send([round]).unwrap();
            assert_eq!(first.recv().unwrap(), [round]);
        }
    });
}
