//! The resolver with the system's name service.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::mpsc::channel;

use common::tcp_connect;
use ringmq_transports::error::ResolveError;
use ringmq_transports::resolver::Resolver;

#[test]
fn names_are_looked_up_on_a_named_thread() {
    let resolver = Resolver::new();
    let ask = |text| {
        let (sender, outcome) = channel();
        let done = move |outcome| {
            let thread = std::thread::current().name().map(str::to_owned);
            sender.send((outcome, thread)).unwrap();
        };
        (resolver.resolve(tcp_connect(text), false, Box::new(done)).unwrap(), outcome)
    };
    let texts = ["tcp://localhost:7", "tcp://no-such-host.invalid:7", "tcp://127.0.0.1:8"];
    let [localhost, unknown, numeric] = texts.map(ask);
    let (localhost, thread) = localhost.1.recv().unwrap();
    assert_eq!(thread.as_deref(), Some("ringmq-resolve"));
    assert!(localhost.unwrap().iter().all(|found| found.ip().is_loopback()));
    let (unknown, _) = unknown.1.recv().unwrap();
    assert!(matches!(
        unknown,
        Err(ResolveError::UnknownHost { host, .. }) if host == "no-such-host.invalid"
    ));
    let (numeric, _) = numeric.1.recv().unwrap();
    assert_eq!(numeric.unwrap(), ["127.0.0.1:8".parse().unwrap()]);
}

#[test]
fn drop_while_busy_answers_every_lookup_once() {
    let (sender, outcomes) = channel();
    let resolver = Resolver::new();
    let pending: Vec<_> = (0..20)
        .map(|number| {
            let sender = sender.clone();
            let done = move |outcome: Result<_, _>| sender.send(outcome.is_ok()).unwrap();
            let peer = tcp_connect(&format!("tcp://no-such-host-{}.invalid:7", number % 10));
            resolver.resolve(peer, false, Box::new(done)).unwrap()
        })
        .collect();
    drop((resolver, sender));
    let answers: Vec<bool> = outcomes.iter().collect();
    assert_eq!(answers, [false; 20]);
    drop(pending);
}
