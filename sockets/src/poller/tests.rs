//! A wait sleeps while nothing can be done, and ends when something can, whoever makes it so.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::wait::fetch;
use crate::{BackendChoice, Context, Pull, Rep, Req, Router};
use std::cell::Cell;

thread_local! {
    /// How often this thread has prepared to wait for a socket.
    pub(crate) static ROUNDS: Cell<u32> = const { Cell::new(0) };
}

/// How long to look at something that is not to happen.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);
/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// More rounds than this, in a wait that nothing ends, are a thread that turns in circles.
pub(crate) const FEW_ROUNDS: u32 = 20;

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a test within the process and over tcp on each backend that there is.
pub(crate) fn everywhere(promise: fn(&Context, &str)) {
    promise(&Context::new(), "inproc://here");
    for backend in [BackendChoice::Mio, BackendChoice::Uring] {
        if let Ok(context) = Context::builder().backend(backend).build() {
            promise(&context, "tcp://127.0.0.1:*");
        }
    }
}

/// Waits until something is there to be read, whether or not it may be received.
fn await_arrival<K: Kind>(socket: &Socket<K>) {
    eventually(|| {
        fetch(&socket.inner);
        let mut core = socket.inner.lock().unwrap();
        core.enter().unwrap();
        core.pipes.iter_mut().any(|(_, pipe)| pipe.end.rx.ready())
    });
}

/// A wait that is to be in vain, and asleep.
fn wait_in_vain<K: Kind>(socket: &Socket<K>, interest: Interest) {
    let poller = Poller::new();
    poller.add(socket, interest);
    ROUNDS.set(0);
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), []);
    assert!(ROUNDS.get() < FEW_ROUNDS, "{} rounds", ROUNDS.get());
}

/// A wait that another thread's `step` ends, after it has been found to be in vain.
fn wait_for_step<K: Kind>(socket: &Socket<K>, interest: Interest, step: impl FnOnce()) {
    let times = || socket.inner.lock().unwrap().times_turned_away;
    // Room is looked for once before the thread is registered as a waiter, and once after.
    let registered = times() + if interest.writable { 2 } else { 1 };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let poller = Poller::new();
            let key = poller.add(socket, interest);
            let start = Instant::now();
            let ready = poller.wait(Some(2 * PATIENCE)).unwrap();
            assert!(start.elapsed() < PATIENCE, "nobody woke it");
            let Interest { readable, writable } = interest;
            assert_eq!(ready, [Ready { key, readable, writable, ..Ready::default() }]);
        });
        eventually(|| times() >= registered);
        step();
        waiting.join().unwrap();
    });
}

/// A REP and two REQs, both of which have asked; the first request is received.
fn asked_twice(context: &Context, endpoint: &str) -> (Rep, [Req; 2]) {
    let rep = context.rep().unwrap();
    let endpoint = rep.bind(endpoint).unwrap();
    let reqs = [(); 2].map(|()| {
        let req = context.req().unwrap();
        req.connect(&endpoint).unwrap();
        req
    });
    reqs[0].send("one").unwrap();
    assert_eq!(rep.recv().unwrap(), "one");
    reqs[1].send("two").unwrap();
    await_arrival(&rep);
    (rep, reqs)
}

#[test]
fn a_request_that_waits_while_a_reply_is_due_keeps_nobody_awake() {
    everywhere(|context, endpoint| {
        let (rep, _reqs) = asked_twice(context, endpoint);
        wait_in_vain(&rep, Interest::READABLE);
        wait_for_step(&rep, Interest::READABLE, || rep.send("reply").unwrap());
        assert_eq!(rep.try_recv().unwrap(), "two");
    });
}

#[test]
fn a_rep_is_writable_as_soon_as_another_thread_has_received() {
    everywhere(|context, endpoint| {
        let (rep, _reqs) = asked_twice(context, endpoint);
        rep.send("reply").unwrap();
        wait_in_vain(&rep, Interest::WRITABLE);
        wait_for_step(&rep, Interest::WRITABLE, || assert_eq!(rep.recv().unwrap(), "two"));
    });
}

/// A REQ that nobody has been asked by, and that somebody has told something.
fn told_unasked(context: &Context, endpoint: &str) -> (Req, Router) {
    let (req, router) = (context.req().unwrap(), context.router().unwrap());
    let endpoint = router.bind(endpoint).unwrap();
    router.set_mandatory(true).unwrap();
    req.set_routing_id("req").unwrap();
    req.connect(&endpoint).unwrap();
    eventually(|| router.send_multipart(["req", "", "unasked"]).is_ok());
    await_arrival(&req);
    (req, router)
}

#[test]
fn a_message_to_a_req_that_has_not_asked_keeps_nobody_awake() {
    everywhere(|context, endpoint| {
        let (req, router) = told_unasked(context, endpoint);
        wait_in_vain(&req, Interest::READABLE);
        wait_for_step(&req, Interest::READABLE, || {
            req.send("question").unwrap();
            let request = router.recv_multipart().unwrap();
            assert_eq!(request, ["req", "", "question"].into());
            router.send_multipart(["req", "", "answer"]).unwrap();
        });
        assert_eq!(req.try_recv().unwrap(), "answer");
    });
}

#[test]
fn a_req_is_writable_as_soon_as_another_thread_has_received() {
    everywhere(|context, endpoint| {
        let (req, router) = told_unasked(context, endpoint);
        req.send("question").unwrap();
        router.send_multipart(["req", "", "answer"]).unwrap();
        wait_in_vain(&req, Interest::WRITABLE);
        wait_for_step(&req, Interest::WRITABLE, || assert_eq!(req.recv().unwrap(), "answer"));
    });
}

#[test]
fn a_req_is_writable_as_soon_as_it_is_relaxed() {
    everywhere(|context, endpoint| {
        let (req, _router) = told_unasked(context, endpoint);
        req.send("question").unwrap();
        wait_for_step(&req, Interest::WRITABLE, || req.set_relaxed(true).unwrap());
    });
}

/// A poller that waits beside one who reads the socket himself leaves that to him.
fn wait_beside(context: &Context, endpoint: &str, reads: impl FnOnce(&Pull) + Send) {
    let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
    push.connect(&pull.bind(endpoint).unwrap()).unwrap();
    push.send("they know each other").unwrap();
    pull.recv().unwrap();
    let poller = Poller::new();
    poller.add(&pull, Interest::READABLE);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| reads(&pull));
        // If he is not there yet, there is less to be seen.
        std::thread::sleep(GLANCE);
        ROUNDS.set(0);
        let ready = poller.wait(Some(GLANCE)).unwrap();
        push.send("for either of them").unwrap();
        reading.join().unwrap();
        assert_eq!(ready, []);
        assert!(ROUNDS.get() < FEW_ROUNDS, "{} rounds", ROUNDS.get());
    });
}

#[test]
fn a_poller_sleeps_beside_a_thread_that_waits_for_the_same_socket() {
    everywhere(|context, endpoint| {
        wait_beside(context, endpoint, |pull| {
            assert_eq!(pull.recv().unwrap(), "for either of them")
        })
    });
}

#[test]
fn nobody_sleeps_for_sockets_that_another_thread_was_told_to_be_closed() {
    everywhere(|context, _| {
        let pull = context.pull().unwrap();
        let poller = Poller::new();
        poller.add(&pull, Interest::READABLE);
        pull.close();
        assert!(poller.wait(None).unwrap()[0].closed);
        // Whoever had begun to wait before that comes here only now, and nothing will ever wake him.
        let turn = poller.reading.turn();
        assert!(matches!(poller.set().settle(&turn), Err(Error::Closed)));
    });
}

#[cfg(all(unix, feature = "tokio"))]
#[test]
fn a_poller_sleeps_beside_a_task_that_waits_for_the_same_socket() {
    everywhere(|context, endpoint| {
        wait_beside(context, endpoint, |pull| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let received = runtime.unwrap().block_on(pull.recv_async()).unwrap();
            assert_eq!(received, "for either of them");
        });
    });
}
