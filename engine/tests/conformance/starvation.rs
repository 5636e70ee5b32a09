//! More connections with something to say than there are receive buffers.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{Harness, What, pair};
use ringmq_engine::backend::{Buffer, Ended, Event, Receive};
use ringmq_engine::{BackendKind, Stream, Token};
use socket2::Socket;
use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

/// More than there are buffers.
const CONNECTIONS: u32 = 100;

struct ManyConnections {
    harness: Harness,
    members: HashMap<Token, (u32, Stream, Socket)>,
    received: usize,
    /// Buffers that are kept.
    held: Vec<(Token, Buffer)>,
}

impl ManyConnections {
    /// Everybody has said something, and all buffers are held.
    fn new(kind: BackendKind, how: Receive) -> Self {
        let mut harness = Harness::new(kind);
        let mut members = HashMap::new();
        for number in 0..CONNECTIONS {
            let (token, (near, mut far)) = (Token::unique(), pair());
            far.write_all(&number.to_be_bytes()).unwrap();
            harness.backend.receive(token, &near, how);
            members.insert(token, (number, near, far));
        }
        let mut held = Vec::new();
        while let Some(event) = harness.raw(Duration::from_millis(50)) {
            match event {
                Event::Received(token, buffer) => held.push((token, buffer)),
                Event::ReceiveEnded(_, Ended::Stopped) => {}
                _ => panic!("nothing else is under way"),
            }
        }
        assert!(!held.is_empty() && held.len() < CONNECTIONS as usize, "{} buffers", held.len());
        Self { harness, members, received: 0, held }
    }

    fn take(&mut self, token: Token, buffer: Buffer) {
        let bytes = self.harness.take(buffer);
        assert_eq!(bytes, self.members[&token].0.to_be_bytes());
        self.received += 1;
    }
}

fn who_found_no_buffer_is_heard_when_there_is_one(kind: BackendKind) {
    for how in [Receive::Once, Receive::Stream] {
        let mut many = ManyConnections::new(kind, how);
        // Nobody is heard by asking harder, and asking takes its time.
        many.harness.silence();
        for (token, buffer) in std::mem::take(&mut many.held) {
            many.take(token, buffer);
        }
        while many.received < CONNECTIONS as usize {
            match many.harness.raw(crate::common::DEADLINE).unwrap() {
                Event::Received(token, buffer) => many.take(token, buffer),
                Event::ReceiveEnded(_, Ended::Stopped) => {}
                _ => panic!("nothing else is under way"),
            }
        }
    }
}

fn who_waits_for_a_buffer_can_be_paused_or_closed(kind: BackendKind) {
    let mut many = ManyConnections::new(kind, Receive::Stream);
    let heard: Vec<Token> = many.held.iter().map(|(token, _)| *token).collect();
    let waiting: Vec<Token> =
        many.members.keys().copied().filter(|token| !heard.contains(token)).collect();
    let (closed, paused) = waiting.split_at(waiting.len() / 2);
    for token in closed {
        many.harness.backend.close(*token);
    }
    for token in paused {
        many.harness.backend.pause(*token);
    }
    for _ in paused {
        let (token, what) = many.harness.next();
        assert!(paused.contains(&token));
        assert!(matches!(what, What::Ended(Ended::Stopped)));
    }
    many.harness.silence();
    for (token, buffer) in std::mem::take(&mut many.held) {
        many.take(token, buffer);
    }
    many.harness.silence();
    for token in paused {
        let near = many.members[token].1.clone();
        let bytes = many.harness.receive_once(*token, &near);
        assert_eq!(bytes, many.members[token].0.to_be_bytes());
    }
}

on_each_backend!(
    who_found_no_buffer_is_heard_when_there_is_one,
    who_waits_for_a_buffer_can_be_paused_or_closed,
);
