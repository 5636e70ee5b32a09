//! The handshake of CURVE in both roles, and the sealed messages after it: between two honest ends is
//! somebody without keys, and now and then somebody who has them all and puts other things into the boxes.
//!
//! Input: settings and cut, a byte each; the [answer](crate::duel::read_answer); what is done to each
//! flight (`duel.rs`).

use std::sync::Arc;

use ringmq_zmtp::{AuthAnswer, Config, CurveClient, CurveServer, MechanismConfig, SocketType};

use crate::boxes::Keys;
use crate::duel::{self, Duel, SEEDS, read_answer};
use crate::input::{Input, counted};

/// Panics if two honest ends do not understand each other; if somebody without the keys makes an end
/// believe something; or as [`Duel::end`].
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (settings, seed) = (input.byte(), input.byte());
    let keys = Keys::of(SEEDS[0], SEEDS[1]);
    let client = CurveClient::new(keys.server.public, keys.client.clone());
    let server = CurveServer::new(keys.server.secret.clone());
    let mut configs = [SocketType::Dealer, SocketType::Router].map(Config::new);
    configs[0].mechanism = MechanismConfig::Other(Arc::new(client));
    configs[1].mechanism = MechanismConfig::Other(Arc::new(server));
    let name = if settings & 1 != 0 { &b"c"[..] } else { b"" };
    assert_eq!(configs[0].set_routing_id(name), Ok(()));
    assert_eq!(configs[1].set_routing_id(b"srv"), Ok(()));
    let answer = read_answer(&mut input);
    let allowed = matches!(answer, Some(AuthAnswer::Allow { .. }));
    let mut duel = Duel::new(configs, answer, Some(&keys));
    duel.fight(&mut input);
    if !duel.altered {
        assert_eq!(duel.is_won(), allowed, "an honest handshake");
    }
    if !duel.betrayed {
        duel.check_names();
        duel.check_messages();
    }
    duel.end(seed);
}

/// Honest handshakes, with messages after them; each flight altered in each way, from within and from
/// without.
pub fn seeds() -> Vec<Vec<u8>> {
    const FLIGHTS: usize = 10;
    let mut seeds: Vec<_> = (0..6).map(|answer| vec![answer, 1, answer]).collect();
    let honest = |flights| [&[1, 1, 0][..], &vec![duel::PASS; flights]].concat();
    let message = [&[duel::SEND, 1], &counted(b"Hello")[..], &[duel::SEND, 0, 0, 0]].concat();
    seeds.push([honest(FLIGHTS), message.clone(), message.clone()].concat());
    for flights in 0..FLIGHTS {
        let flip = [duel::FLIP, 70, 0, 1];
        seeds.push([&honest(flights)[..], &flip, &message].concat());
        let edit = [&[duel::EDIT, 128, 0, 9], &counted(b"\x01a\0\0\0\x01")[..]].concat();
        seeds.push([&honest(flights)[..], &edit, &message].concat());
        seeds.push([&honest(flights)[..], &[duel::AGAIN, 1], &message].concat());
    }
    let edit = [&[duel::EDIT, 0, 0, 1], &counted(b"\x02\x04PING\0\x01")[..]].concat();
    seeds.push([&honest(FLIGHTS)[..], &message[..message.len() - 4], &edit].concat());
    seeds
}
