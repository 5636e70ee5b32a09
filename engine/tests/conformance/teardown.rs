//! Closing tokens and dropping backends with everything under way.
#![allow(clippy::unwrap_used)]

use crate::common::{on_each_backend, on_each_backend_alone, stream_pair};
use crate::connect::full_listener;
use crate::harness::{
    Given, Harness, What, batch, client, listener, open_descriptors, pair, pattern, tcp,
};
use ringmq_engine::backend::{Event, Receive};
use ringmq_engine::{BackendKind, Stream, Token};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// One token of each kind of operation, none of which can complete.
struct Busy {
    accepting: Token,
    connecting: Token,
    receiving: Token,
    sending: Token,
    /// The other ends.
    _others: Vec<Box<dyn std::any::Any>>,
}

impl Busy {
    fn new(harness: &mut Harness) -> Self {
        let [accepting, connecting, receiving, sending] = [(); 4].map(|()| Token::unique());
        let (listener, _) = listener(1);
        harness.backend.accept(accepting, &listener);
        let (full, address, fill) = full_listener();
        harness.backend.connect(connecting, &tcp(), &address);
        let (near, silent) = pair();
        harness.backend.receive(receiving, &near, Receive::Stream);
        let (near, deaf) = pair();
        harness.backend.receive(sending, &near, Receive::Once);
        // Far more than a socket buffers; what does fit is sent, on one backend or the other.
        let mut left = batch((0..64).map(|_| pattern(1 << 20)));
        harness.backend.send(sending, &near, left);
        while let Some(event) = harness.raw(Duration::from_millis(50)) {
            let Event::Sent(token, batch, result) = event else {
                panic!("only the send can go on");
            };
            left = batch;
            left.advance(result.unwrap());
            harness.backend.send(token, &near, left);
        }
        let others: Vec<Box<dyn std::any::Any>> =
            vec![Box::new(full), Box::new(fill), Box::new(silent), Box::new(deaf)];
        Self { accepting, connecting, receiving, sending, _others: others }
    }

    fn tokens(&self) -> [Token; 4] {
        [self.accepting, self.connecting, self.receiving, self.sending]
    }
}

fn closing_ends_everything_and_gives_the_batch_back(kind: BackendKind) {
    let before = open_descriptors();
    let mut harness = Harness::new(kind);
    let busy = Busy::new(&mut harness);
    for token in busy.tokens() {
        harness.backend.close(token);
    }
    let What::Sent(Given(batch), _) = harness.next_of(busy.sending) else {
        panic!("only the send is answered");
    };
    assert!(!batch.is_empty());
    harness.silence();
    drop((busy, harness));
    assert_eq!(open_descriptors(), before);
}

fn dropping_the_backend_leaks_nothing(kind: BackendKind) {
    let before = open_descriptors();
    for round in 0..3 {
        let mut harness = Harness::new(kind);
        let busy: Vec<_> = (0..5).map(|_| Busy::new(&mut harness)).collect();
        if round == 1 {
            // Closed, and not waited for.
            busy.iter().flat_map(Busy::tokens).for_each(|token| harness.backend.close(token));
        }
        if round == 2 {
            // The other ends go first.
            drop(busy);
            drop(harness);
        } else {
            drop(harness);
            drop(busy);
        }
        assert_eq!(open_descriptors(), before, "round {round}");
    }
}

fn unsubmitted_operations_are_dropped_with_the_backend(kind: BackendKind) {
    let before = open_descriptors();
    let mut harness = Harness::new(kind);
    let (near, mut far) = stream_pair();
    near.set_nonblocking(true).unwrap();
    let socket = Arc::new(near);
    let near = Stream::from(socket.clone());
    far.write_all(b"unheard").unwrap();
    harness.backend.receive(Token::unique(), &near, Receive::Stream);
    harness.backend.send(Token::unique(), &near, batch([pattern(100)]));
    assert_eq!(Arc::strong_count(&socket), 4);
    drop(harness);
    assert_eq!(Arc::strong_count(&socket), 2);
    drop((near, socket, far));
    assert_eq!(open_descriptors(), before);
}

/// A connection that comes in as its listener is closed is nobody's, and is closed.
fn connections_that_come_too_late_are_closed(kind: BackendKind) {
    let before = open_descriptors();
    let mut harness = Harness::new(kind);
    let (listener, address) = listener(16);
    let token = Token::unique();
    harness.backend.accept(token, &listener);
    harness.silence();
    let mut clients: Vec<_> = (0..16).map(|_| client(&address)).collect();
    harness.backend.close(token);
    harness.silence();
    drop((harness, listener));
    for client in &mut clients {
        let mut bytes = [0];
        assert!(matches!(client.read(&mut bytes), Ok(0) | Err(_)));
    }
    drop(clients);
    assert_eq!(open_descriptors(), before);
}

/// What the last `Sent` says is what the peer gets: the next connection begins there.
fn the_last_answer_tells_how_much_was_sent(kind: BackendKind) {
    for polls in 0..4 {
        let mut harness = Harness::new(kind);
        let token = Token::unique();
        let (near, mut far) = pair();
        let sent = pattern(8 << 20);
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            far.read_to_end(&mut got).unwrap();
            got
        });
        harness.backend.send(token, &near, batch([sent.clone()]));
        // The batch may come back before, sent in part.
        let early = (0..polls).find_map(|_| harness.raw(Duration::ZERO));
        harness.backend.close(token);
        let told = match early {
            Some(Event::Sent(_, _, result)) => result.unwrap(),
            Some(_) => panic!("nothing but a send is under way"),
            None => match harness.next_of(token) {
                What::Sent(_, result) => result.unwrap_or(0),
                other => panic!("{other:?}"),
            },
        };
        harness.silence();
        drop((harness, near));
        let got = reader.join().unwrap();
        assert_eq!(got.len(), told);
        assert!(got == sent[..told]);
    }
}

on_each_backend!(the_last_answer_tells_how_much_was_sent);
on_each_backend_alone!(
    closing_ends_everything_and_gives_the_batch_back,
    dropping_the_backend_leaks_nothing,
    unsubmitted_operations_are_dropped_with_the_backend,
    connections_that_come_too_late_are_closed,
);
