//! Waiting when what came is thrown away, step by step and without a race: the message comes between the
//! look for one and the pipe's going to sleep.

#![allow(clippy::unwrap_used)]

use super::{Registration, Wants};
use crate::inner::Core;
use crate::kind::{Kind, Receives};
use crate::{Context, Error, Message, Socket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits on `socket`, to which something comes just before it sleeps that its pattern throws away; then
/// something comes that must wake it.
fn wakes_after<K: Receives>(socket: &Socket<K>, unwanted: impl FnOnce(), wanted: impl FnOnce()) {
    let counter = Arc::<Counter>::default();
    let _registration = Registration::new(&socket.inner, Waker::from(counter.clone()));
    let mut unwanted = Some(unwanted);
    let waited = socket.inner.attempt_then_settle(Wants::Messages, &mut |core: &mut Core| {
        let received = core.recv(&mut Message::new());
        if let Some(come) = unwanted.take() {
            assert!(matches!(received, Err(Error::WouldBlock)));
            come();
        }
        received
    });
    assert!(matches!(waited, Err(Error::WouldBlock)), "{waited:?}");
    if socket.inner.shared.mailbox.pending_for_waiter() {
        // What a waiter does then is to try again.
        let again = |core: &mut Core| core.recv(&mut Message::new());
        let waited = socket.inner.attempt_then_settle(Wants::Messages, &mut { again });
        assert!(matches!(waited, Err(Error::WouldBlock)), "{waited:?}");
    }
    let before = counter.0.load(Ordering::Relaxed);
    wanted();
    assert!(counter.0.load(Ordering::Relaxed) > before, "it sleeps on, and never hears of it");
    socket.try_recv().unwrap();
}

/// Connects two sockets within the process, and lets both know it.
fn join<A: Kind, B: Kind>(binds: &Socket<A>, connects: &Socket<B>, name: &str) {
    binds.bind(name).unwrap();
    connects.connect(name).unwrap();
    binds.stats();
    connects.stats();
}

#[test]
fn a_rep_that_got_a_malformed_request_hears_of_the_next() {
    let context = Context::new();
    let (rep, dealer) = (context.rep().unwrap(), context.dealer().unwrap());
    join(&rep, &dealer, "inproc://wait-rep");
    // The pipe is awake from here on.
    dealer.send_multipart(["", "request"]).unwrap();
    rep.recv().unwrap();
    rep.send("reply").unwrap();
    wakes_after(
        &rep,
        || dealer.send("no envelope").unwrap(),
        || dealer.send_multipart(["", "request"]).unwrap(),
    );
}

#[test]
fn a_req_that_got_a_late_reply_hears_of_the_right_one() {
    let context = Context::new();
    let (router, req) = (context.router().unwrap(), context.req().unwrap());
    req.set_relaxed(true).unwrap();
    req.set_correlate(true).unwrap();
    join(&router, &req, "inproc://wait-req");
    req.send("first").unwrap();
    let late = router.recv_multipart().unwrap();
    req.send("second").unwrap();
    let right = router.recv_multipart().unwrap();
    wakes_after(
        &req,
        || router.send_multipart(late).unwrap(),
        || router.send_multipart(right).unwrap(),
    );
}

#[test]
fn a_sub_that_got_what_it_does_not_want_hears_of_what_it_does() {
    let context = Context::new();
    let (xpub, sub) = (context.xpub().unwrap(), context.subscriber().unwrap());
    join(&xpub, &sub, "inproc://wait-sub");
    sub.subscribe("b").unwrap();
    // The publisher does not know yet that the first is wanted no more.
    sub.subscribe("a").unwrap();
    assert_eq!((xpub.recv().unwrap(), xpub.recv().unwrap()), ("\u{1}b".into(), "\u{1}a".into()));
    sub.unsubscribe("a").unwrap();
    let send = |body: &str| {
        // Past the pattern, which would look at what has been taken back.
        let mut core = xpub.inner.lock().unwrap();
        let (_, pipe) = core.pipes.iter_mut().next().unwrap();
        pipe.end.tx.write_body(0, body.as_bytes()).unwrap();
    };
    wakes_after(&sub, || send("a"), || send("b"));
}

#[test]
fn an_xpub_that_got_a_duplicate_subscription_hears_of_a_new_one() {
    let context = Context::new();
    let (xpub, xsub) = (context.xpub().unwrap(), context.xsub().unwrap());
    join(&xpub, &xsub, "inproc://wait-xpub");
    xsub.send("\u{1}a").unwrap();
    assert_eq!(xpub.recv().unwrap(), "\u{1}a");
    wakes_after(&xpub, || xsub.send("\u{1}a").unwrap(), || xsub.send("\u{1}b").unwrap());
}
