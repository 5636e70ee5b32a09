//! A stream from its first byte on, to an end of any type and mechanism: greetings of all versions, none at
//! all, and what follows them.
//!
//! Input: type, mechanism, routing id's length, cut, a byte each; the stream.

use std::sync::Arc;

use ringmq_zmtp::{
    AuthAnswer, Config, CurveClient, CurveServer, MechanismConfig, PlainServer, SocketType,
};

use crate::boxes::Keys;
use crate::cuts::cut;
use crate::duel::SEEDS;
use crate::end::listen;
use crate::input::Input;
use crate::memory::{FIXED, LISTED, bounded};
use crate::seeds::{OPENINGS, openings};

/// Panics if the stream leads to something else in pieces, or takes more memory than is in proportion.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let socket_type = input.choose(&SocketType::ALL);
    if socket_type == SocketType::Stream {
        // It says nothing, and whatever comes is bytes.
        return;
    }
    let mut config = Config::new(socket_type);
    let other = |factory| MechanismConfig::Other(factory);
    match input.byte() % 8 {
        0 => config.require_mechanism = true,
        1 => config.zap_domain = "global".to_owned(),
        2 => config.mechanism = other(Arc::new(PlainServer)),
        3 => {
            let keys = Keys::of(SEEDS[0], SEEDS[1]);
            let client = CurveClient::new(keys.server.public, keys.client);
            config.mechanism = other(Arc::new(client));
        }
        4 => {
            let server = CurveServer::new(Keys::of(SEEDS[0], SEEDS[1]).server.secret);
            config.mechanism = other(Arc::new(server));
        }
        5 => config.max_body = Some(64),
        _ => {}
    }
    let id = vec![b'i'; input.byte().into()];
    assert_eq!(config.set_routing_id(&id), Ok(()));
    let (seed, config) = (input.byte(), Arc::new(config));
    let stream = input.rest();
    let answer = AuthAnswer::Allow { user_id: b"user".to_vec(), properties: Vec::new() };
    let limit = FIXED + LISTED * stream.len();
    let whole = bounded(limit, || listen(&config, SEEDS[0], Some(&answer), &[stream]));
    let again = listen(&config, SEEDS[0], Some(&answer), &cut(stream, seed));
    assert_eq!(again, whole, "in pieces");
}

/// What peers of all versions and types begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = openings()
        .into_iter()
        .map(|(socket_type, stream)| [&[socket_type, 7, 0, 1], stream.as_slice()].concat())
        .collect();
    for mechanism in 0..6 {
        seeds.push([&[0, mechanism, 5, 0], OPENINGS[0]].concat());
    }
    seeds
}
