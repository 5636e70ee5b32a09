//! The handshake of NULL, with and without an authenticator, between ends of any two types that belong
//! together and in versions that somebody on the wire has a hand in.
//!
//! Input: type, settings, cut, a byte each; the [answer](crate::duel::read_answer); what is done to each
//! flight (`duel.rs`).

use ringmq_zmtp::{Config, SocketType};

use crate::common::partner;
use crate::duel::{self, Duel, read_answer};
use crate::input::{Input, counted};
use crate::seeds::openings;

/// Panics if two honest ends do not understand each other, or as [`Duel::end`].
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let own = input.choose(&SocketType::ALL);
    if own == SocketType::Stream {
        // It talks to no ZeroMQ socket.
        return;
    }
    let (settings, seed) = (input.byte(), input.byte());
    let configs = [own, partner(own)].map(|socket_type| {
        let mut config = Config::new(socket_type);
        if settings & 1 != 0 {
            config.zap_domain = "global".to_owned();
        }
        if settings & 2 != 0 {
            config.max_body = Some(200);
        }
        if settings & 4 != 0 {
            assert_eq!(config.set_property("X-name", b"value"), Ok(()));
        }
        config
    });
    let answer = read_answer(&mut input);
    let asks = settings & 1 != 0;
    let allowed = !asks || matches!(answer, Some(ringmq_zmtp::AuthAnswer::Allow { .. }));
    let mut duel = Duel::new(configs, answer, None);
    duel.fight(&mut input);
    if !duel.altered && settings & 2 == 0 {
        assert_eq!(duel.is_won(), allowed, "an honest handshake");
        duel.check_messages();
    }
    duel.end(seed);
}

/// Honest handshakes of each type, and openings of old peers in the place of the first flight.
pub fn seeds() -> Vec<Vec<u8>> {
    let types = SocketType::ALL.len() as u8;
    let mut seeds: Vec<_> = (0..types).map(|own| vec![own, own % 8, 1, own % 6]).collect();
    let message = [&[duel::SEND, 1], &counted(b"Hello")[..], &[duel::SEND, 0, 0, 0]].concat();
    seeds.push([&[0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], &message[..]].concat());
    for (own, stream) in openings() {
        seeds.push([&[own, 0, 0, 0, duel::REPLACE], &counted(&stream)[..]].concat());
    }
    seeds
}
