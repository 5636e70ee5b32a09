//! The resolver's promises, with a lookup that the test holds by the hand.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::endpoint::Endpoint;

/// A resolver whose lookups report that they began and then hang until told to go on.
struct Held {
    resolver: Resolver,
    began: Receiver<()>,
    go_on: Sender<()>,
}

impl Held {
    fn new() -> Self {
        let (begin, began) = channel();
        let (go_on, wait) = channel();
        let wait = Mutex::new(wait);
        let resolver = Resolver::with_lookup(Box::new(move |_, _| {
            begin.send(()).unwrap();
            // An error means that the test is over.
            let _ = wait.lock().unwrap().recv();
            Ok(vec![([127, 0, 0, 1], 1).into()])
        }));
        Self { resolver, began, go_on }
    }
}

fn peer() -> TcpEndpoint {
    match Endpoint::parse_connect("tcp://name:1").unwrap() {
        Endpoint::Tcp(peer) => peer,
        other => panic!("{other} is not tcp"),
    }
}

/// A callback that passes the outcome on, and where to.
fn pass_on() -> (Done, Receiver<Resolved>) {
    let (sender, receiver) = channel();
    (Box::new(move |outcome| sender.send(outcome).unwrap()), receiver)
}

#[test]
fn drop_answers_the_hung_lookup_and_those_behind_it_without_waiting() {
    let Held { resolver, began, go_on } = Held::new();
    let (current, current_outcome) = pass_on();
    let (waiting, waiting_outcome) = pass_on();
    resolver.resolve(peer(), false, current).unwrap();
    began.recv().unwrap();
    resolver.resolve(peer(), false, waiting).unwrap();
    drop(resolver);
    for outcome in [current_outcome, waiting_outcome] {
        assert!(matches!(outcome.try_recv(), Ok(Err(ResolveError::ShutDown))));
        // The callback is gone, so it cannot run twice; the lookup's late answer is thrown away.
        assert!(outcome.recv().is_err());
    }
    go_on.send(()).unwrap();
    // The worker ends, and with it the lookup's end of this channel.
    assert!(began.recv().is_err());
}

#[test]
fn a_full_queue_refuses_and_drops_the_callback() {
    let Held { resolver, began, go_on: _go_on } = Held::new();
    resolver.resolve(peer(), false, Box::new(|_| ())).unwrap();
    began.recv().unwrap();
    for _ in 0..RESOLVE_QUEUE {
        resolver.resolve(peer(), false, Box::new(|_| ())).unwrap();
    }
    let (done, outcome) = pass_on();
    let refused = resolver.resolve(peer(), false, done);
    assert!(matches!(refused, Err(ResolveError::QueueFull(RESOLVE_QUEUE))));
    assert!(outcome.recv().is_err(), "refused, so never called");
}

#[test]
fn a_callback_that_panics_does_not_end_the_worker_or_the_drop() {
    let Held { resolver, began, go_on } = Held::new();
    let (done, outcome) = pass_on();
    // Silent: `resume_unwind` does not run the panic hook.
    let panics = || -> Done { Box::new(|_| std::panic::resume_unwind(Box::new("on purpose"))) };
    resolver.resolve(peer(), false, panics()).unwrap();
    resolver.resolve(peer(), false, done).unwrap();
    go_on.send(()).unwrap();
    go_on.send(()).unwrap();
    assert!(outcome.recv().unwrap().is_ok());
    began.recv().unwrap();
    began.recv().unwrap();
    resolver.resolve(peer(), false, panics()).unwrap();
    began.recv().unwrap();
    drop(resolver);
}

#[test]
fn lookups_end_in_the_order_asked_for() {
    let Held { resolver, began: _began, go_on } = Held::new();
    let (sender, outcomes) = channel();
    for n in 0..10 {
        let sender = sender.clone();
        resolver.resolve(peer(), false, Box::new(move |_| sender.send(n).unwrap())).unwrap();
        go_on.send(()).unwrap();
    }
    drop(sender);
    assert_eq!(outcomes.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn no_thread_before_the_first_lookup() {
    let resolver = Resolver::new();
    assert!(!resolver.shared.lock().started);
    // Nobody else holds the state: no worker was spawned.
    assert_eq!(Arc::strong_count(&resolver.shared), 1);
}
