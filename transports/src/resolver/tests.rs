//! The resolver's promises, with a lookup that the test holds by the hand.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::endpoint::Endpoint;

/// A resolver whose lookups report the host that they began with. Those of a host whose name begins with
/// `silent` hang until told to go on.
struct Held {
    resolver: Resolver,
    began: Receiver<String>,
    go_on: Sender<()>,
}

impl Held {
    fn new() -> Self {
        let (begin, began) = channel();
        let (go_on, wait) = channel();
        let wait = Mutex::new(wait);
        let resolver = Resolver::with_lookup(Box::new(move |endpoint, _| {
            let host = endpoint.address().host.to_string();
            // An error means that the test is over.
            let _ = begin.send(host.clone());
            if host.starts_with("silent") {
                let _ = wait.lock().unwrap().recv();
            }
            Ok(vec![([127, 0, 0, 1], endpoint.address().port).into()])
        }));
        Self { resolver, began, go_on }
    }

    /// Asks for the addresses of `host`; gives where they come, and what gives them up.
    fn ask(&self, host: &str, port: u16) -> (PendingLookup, Receiver<Resolved>) {
        let (done, outcome) = pass_on();
        (self.resolver.resolve(peer(host, port), false, done).unwrap(), outcome)
    }

    /// So many lookups that hang, of different names.
    fn hang(&self, count: usize) -> Vec<(PendingLookup, Receiver<Resolved>)> {
        (0..count).map(|number| self.ask(&format!("silent-{number}"), 1)).collect()
    }

    fn threads(&self) -> usize {
        self.resolver.shared.lock().threads
    }
}

fn peer(host: &str, port: u16) -> TcpEndpoint {
    match Endpoint::parse_connect(&format!("tcp://{host}:{port}")).unwrap() {
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
fn names_that_hang_do_not_hold_up_another() {
    let held = Held::new();
    let _hanging = held.hang(4);
    let (_pending, outcome) = held.ask("good", 7);
    assert_eq!(outcome.recv().unwrap().unwrap(), [([127, 0, 0, 1], 7).into()]);
}

#[test]
fn there_are_no_more_threads_than_may_be() {
    let held = Held::new();
    let hanging = held.hang(RESOLVE_THREADS);
    let (_pending, outcome) = held.ask("one-too-many", 7);
    let began: Vec<_> = (0..RESOLVE_THREADS).map(|_| held.began.recv().unwrap()).collect();
    assert!(began.iter().all(|host| host.starts_with("silent")), "{began:?}");
    assert_eq!(held.threads(), RESOLVE_THREADS);
    // The first that has done with its name takes the one that waits.
    held.go_on.send(()).unwrap();
    assert!(outcome.recv().unwrap().is_ok());
    drop((hanging, held.go_on));
    // All of them end but for one.
    let shared = &held.resolver.shared;
    while shared.lock().threads > 1 || shared.lock().idle == 0 {
        std::thread::yield_now();
    }
    assert!(shared.lock().names.is_empty());
}

#[test]
fn one_lookup_answers_all_who_ask_for_a_name() {
    let held = Held::new();
    let asked: Vec<_> = (1..=50).map(|port| held.ask("silent", port)).collect();
    assert_eq!(held.began.recv().unwrap(), "silent");
    // Those who come while it is under way, too.
    let late = held.ask("silent", 99);
    assert_eq!(held.threads(), 1);
    held.go_on.send(()).unwrap();
    for (port, (_, outcome)) in (1..=50).zip(&asked) {
        assert_eq!(outcome.recv().unwrap().unwrap(), [([127, 0, 0, 1], port).into()]);
    }
    assert_eq!(late.1.recv().unwrap().unwrap(), [([127, 0, 0, 1], 99).into()]);
    assert!(held.began.try_recv().is_err(), "looked up once");
    // What was answered is asked anew.
    let _again = held.ask("silent", 1);
    assert_eq!(held.began.recv().unwrap(), "silent");
}

#[test]
fn an_error_is_told_to_all_who_ask_for_a_name() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let resolver = Resolver::with_lookup(Box::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        let source = Arc::new(std::io::ErrorKind::NotFound.into());
        Err(ResolveError::UnknownHost { host: "name".to_owned(), source })
    }));
    let asked = [1, 2].map(|port| {
        let (done, outcome) = pass_on();
        (resolver.resolve(peer("name", port), false, done).unwrap(), outcome)
    });
    go_on.send(()).unwrap();
    for (_, outcome) in &asked {
        assert!(matches!(outcome.recv().unwrap(), Err(ResolveError::UnknownHost { .. })));
    }
}

#[test]
fn a_lookup_that_is_given_up_is_not_answered() {
    let held = Held::new();
    let hanging = held.hang(RESOLVE_THREADS);
    let mut began: Vec<_> = (0..RESOLVE_THREADS).map(|_| held.began.recv().unwrap()).collect();
    let (waiting, waiting_outcome) = held.ask("waiting", 1);
    let (other, other_outcome) = held.ask("other", 1);
    let (shares, shares_outcome) = held.ask("silent-0", 2);
    // One that has not begun is not made at all.
    drop(waiting);
    assert!(waiting_outcome.recv().is_err(), "the callback is gone, so it cannot run");
    // One that is under way is made for whoever is left.
    let mut hanging = hanging.into_iter();
    let (first, first_outcome) = hanging.next().unwrap();
    drop(first);
    assert!(first_outcome.recv().is_err());
    for _ in 0..RESOLVE_THREADS {
        held.go_on.send(()).unwrap();
    }
    assert!(shares_outcome.recv().unwrap().is_ok());
    assert!(other_outcome.recv().unwrap().is_ok());
    for (_pending, outcome) in hanging {
        assert!(outcome.recv().unwrap().is_ok());
    }
    // Given up when it is answered already: nothing.
    drop((shares, other));
    began.extend(held.began.try_iter());
    assert_eq!(began.len(), RESOLVE_THREADS + 1, "{began:?}");
    assert!(!began.contains(&"waiting".to_owned()));
}

#[test]
fn drop_answers_the_hung_lookup_and_those_behind_it_without_waiting() {
    let held = Held::new();
    let all = held.hang(RESOLVE_THREADS + 2);
    (0..RESOLVE_THREADS).for_each(|_| drop(held.began.recv().unwrap()));
    let Held { resolver, began, go_on } = held;
    drop(resolver);
    for (_pending, outcome) in all {
        assert!(matches!(outcome.try_recv(), Ok(Err(ResolveError::ShutDown))));
        // The callback is gone, so it cannot run twice; the lookup's late answer is thrown away.
        assert!(outcome.recv().is_err());
    }
    drop(go_on);
    // The threads end, and with them the lookup's end of this channel.
    assert!(began.recv().is_err());
}

#[test]
fn a_full_queue_refuses_and_drops_the_callback() {
    let held = Held::new();
    let mut kept = held.hang(RESOLVE_THREADS);
    (0..RESOLVE_THREADS).for_each(|_| drop(held.began.recv().unwrap()));
    kept.extend((0..RESOLVE_QUEUE).map(|number| held.ask(&format!("name-{number}"), 1)));
    let (done, outcome) = pass_on();
    let refused = held.resolver.resolve(peer("one-too-many", 1), false, done);
    assert!(matches!(refused, Err(ResolveError::QueueFull(RESOLVE_QUEUE))));
    assert!(outcome.recv().is_err(), "refused, so never called");
    // A name that waits already takes no room.
    kept.push(held.ask("name-0", 2));
    // Nor does one that is given up.
    kept.truncate(RESOLVE_THREADS + 1);
    kept.push(held.ask("there-is-room", 1));
}

#[test]
fn a_callback_that_panics_does_not_end_the_thread_or_the_drop() {
    let held = Held::new();
    // Silent: `resume_unwind` does not run the panic hook.
    let panics = || -> Done { Box::new(|_| std::panic::resume_unwind(Box::new("on purpose"))) };
    let first = held.resolver.resolve(peer("silent", 1), false, panics()).unwrap();
    let (_second, outcome) = held.ask("silent", 1);
    held.go_on.send(()).unwrap();
    assert!(outcome.recv().unwrap().is_ok());
    held.began.recv().unwrap();
    let third = held.resolver.resolve(peer("silent", 1), false, panics()).unwrap();
    held.began.recv().unwrap();
    drop(held.resolver);
    drop((first, third));
}

#[test]
fn no_thread_before_the_first_lookup() {
    let resolver = Resolver::new();
    assert_eq!(resolver.shared.lock().threads, 0);
    // Nobody else holds the state: no thread was spawned.
    assert_eq!(Arc::strong_count(&resolver.shared), 1);
}
