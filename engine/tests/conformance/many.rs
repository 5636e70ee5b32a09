//! A thousand connections on one backend.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend_alone;
use crate::harness::{Given, Harness, What, batch, open_descriptors, pair};
use ringmq_engine::backend::{Ended, Receive};
use ringmq_engine::{BackendKind, Token};
use std::collections::HashMap;
use std::io::{Read, Write};

const COUNT: usize = 1000;
const ROUNDS: u32 = 3;

#[cfg(unix)]
fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

fn a_thousand_connections_echo_and_end(kind: BackendKind) {
    #[cfg(unix)]
    raise_limit();
    let before = open_descriptors();
    let mut harness = Harness::new(kind);
    let mut near = HashMap::new();
    let mut far = Vec::new();
    for _ in 0..COUNT {
        let (token, (stream, other)) = (Token::unique(), pair());
        harness.backend.receive(token, &stream, Receive::Stream);
        near.insert(token, stream);
        far.push(other);
    }
    for round in 0..ROUNDS {
        for (number, other) in far.iter_mut().enumerate() {
            other.write_all(&(number as u32 ^ round << 16).to_be_bytes()).unwrap();
        }
        let mut sent = 0;
        while sent < COUNT {
            match harness.next() {
                (token, What::Received(bytes)) => {
                    assert_eq!(bytes.len(), 4);
                    harness.backend.send(token, &near[&token], batch([bytes]));
                }
                (_, What::Sent(Given(mut batch), result)) => {
                    batch.advance(result.unwrap());
                    assert!(batch.is_empty());
                    sent += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        for (number, other) in far.iter_mut().enumerate() {
            let mut bytes = [0; 4];
            other.read_exact(&mut bytes).unwrap();
            assert_eq!(u32::from_be_bytes(bytes), number as u32 ^ round << 16);
        }
    }
    drop(far);
    for _ in 0..COUNT {
        let (token, what) = harness.next();
        assert!(matches!(what, What::Ended(Ended::Eof)));
        harness.backend.close(token);
    }
    drop((harness, near));
    assert_eq!(open_descriptors(), before);
}

on_each_backend_alone!(a_thousand_connections_echo_and_end);
