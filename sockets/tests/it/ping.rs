//! Every pair of socket types that go together, either one bound: messages of all sizes arrive whole,
//! in order and unchanged.

use crate::harness::{Harness, eventually, everywhere};
use ringmq::Socket;
use ringmq::kind::{HearsSubscriptions, Receives, Sends, Subscribes};

everywhere![
    pair_to_pair,
    push_to_pull,
    pull_bound,
    req_to_rep,
    rep_bound_last,
    dealer_to_dealer,
    dealer_to_rep,
    req_to_router,
    dealer_to_router,
    router_to_router,
    pub_to_sub,
    xpub_to_sub,
    pub_to_xsub,
    xpub_to_xsub,
    sub_bound,
];

/// Sizes around every change of representation: inline, copied, referenced, several chunks.
const SIZES: [usize; 16] =
    [0, 1, 39, 40, 41, 54, 55, 62, 255, 256, 1_000, 8_191, 8_192, 65_535, 65_537, 1_000_000];

/// A body of which no two bytes in a row are the same.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// Sends messages of one frame, then of several, and takes them at the other end.
fn stream<A: Sends, B: Receives>(from: &Socket<A>, to: &Socket<B>) {
    for size in SIZES {
        from.send(body(size)).unwrap();
        let frame = to.recv().unwrap();
        assert!(frame == body(size)[..] && !frame.more(), "{size} bytes");
    }
    for size in SIZES {
        from.send_multipart([body(3), body(size), body(0)]).unwrap();
        assert_eq!(to.recv_multipart().unwrap(), [body(3), body(size), body(0)].into());
    }
    for number in 0..200u32 {
        from.send(number.to_be_bytes()).unwrap();
    }
    for number in 0..200u32 {
        assert_eq!(to.recv().unwrap(), number.to_be_bytes());
    }
}

fn pair_to_pair(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    harness.join(&a, &b);
    stream(&a, &b);
    stream(&b, &a);
}

fn push_to_pull(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&push, &pull);
    stream(&push, &pull);
}

fn pull_bound(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    stream(&push, &pull);
}

/// Requests and replies of all sizes.
fn converse<A: Sends + Receives>(client: &Socket<A>, mut serve: impl FnMut()) {
    for size in SIZES {
        client.send_multipart([body(size), body(1)]).unwrap();
        serve();
        assert_eq!(client.recv_multipart().unwrap(), [body(size), body(1)].into());
    }
}

fn req_to_rep(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    converse(&req, || rep.send_multipart(rep.recv_multipart().unwrap()).unwrap());
}

fn rep_bound_last(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&req, &rep);
    converse(&req, || rep.send_multipart(rep.recv_multipart().unwrap()).unwrap());
}

fn dealer_to_dealer(harness: &Harness) {
    let (a, b) = (harness.dealer(), harness.dealer());
    harness.join(&a, &b);
    stream(&a, &b);
    stream(&b, &a);
}

fn dealer_to_rep(harness: &Harness) {
    let (dealer, rep) = (harness.dealer(), harness.rep());
    harness.join(&rep, &dealer);
    for size in SIZES {
        dealer.send_multipart([vec![], body(size)]).unwrap();
        rep.send(rep.recv().unwrap()).unwrap();
        assert_eq!(dealer.recv_multipart().unwrap(), [vec![], body(size)].into());
    }
}

fn req_to_router(harness: &Harness) {
    let (req, router) = (harness.req(), harness.router());
    harness.join(&router, &req);
    converse(&req, || {
        let request = router.recv_multipart().unwrap();
        assert_eq!(request.len(), 4, "id, delimiter and two frames: {request:?}");
        assert!(request[1].is_empty());
        router.send_multipart(request).unwrap();
    });
}

fn dealer_to_router(harness: &Harness) {
    let (dealer, router) = (harness.dealer(), harness.router());
    harness.join(&router, &dealer);
    converse(&dealer, || router.send_multipart(router.recv_multipart().unwrap()).unwrap());
}

fn router_to_router(harness: &Harness) {
    let (a, b) = (harness.router(), harness.router());
    a.set_routing_id("a").unwrap();
    b.set_routing_id("b").unwrap();
    harness.join(&a, &b);
    for size in SIZES {
        a.send_multipart([b"b".to_vec(), body(size)]).unwrap();
        assert_eq!(b.recv_multipart().unwrap(), [b"a".to_vec(), body(size)].into());
        b.send_multipart([b"a".to_vec(), body(size)]).unwrap();
        assert_eq!(a.recv_multipart().unwrap(), [b"b".to_vec(), body(size)].into());
    }
}

fn pub_to_sub(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    eventually("the subscription arrives", || publisher.topics() == 1);
    stream(&publisher, &subscriber);
}

/// The XPUB hears of the subscription, then messages flow.
fn hear<A: HearsSubscriptions + Sends + Receives, B: Subscribes + Receives>(
    publisher: &Socket<A>,
    subscriber: &Socket<B>,
) {
    assert_eq!(publisher.recv().unwrap(), [1]);
    stream(publisher, subscriber);
}

fn xpub_to_sub(harness: &Harness) {
    let (publisher, subscriber) = (harness.xpub(), harness.subscriber());
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    hear(&publisher, &subscriber);
}

fn pub_to_xsub(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.xsub());
    harness.join(&publisher, &subscriber);
    subscriber.send([1]).unwrap();
    eventually("the subscription arrives", || publisher.topics() == 1);
    stream(&publisher, &subscriber);
}

fn xpub_to_xsub(harness: &Harness) {
    let (publisher, subscriber) = (harness.xpub(), harness.xsub());
    harness.join(&publisher, &subscriber);
    subscriber.send([1]).unwrap();
    hear(&publisher, &subscriber);
    subscriber.send("upstream").unwrap();
    assert_eq!(publisher.recv().unwrap(), "upstream");
}

fn sub_bound(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    subscriber.subscribe("").unwrap();
    harness.join(&subscriber, &publisher);
    eventually("the subscription arrives", || publisher.topics() == 1);
    stream(&publisher, &subscriber);
}
