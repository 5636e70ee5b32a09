//! The handshake of PLAIN, in both roles.
//!
//! Input: settings, lengths of name and password, cut, a byte each; the
//! [answer](crate::duel::read_answer); what is done to each flight (`duel.rs`).

use std::sync::Arc;

use ringmq_zmtp::{AuthAnswer, Config, MechanismConfig, PlainClient, PlainServer, SocketType};

use crate::common::greeting;
use crate::duel::{self, Duel, read_answer};
use crate::input::{Input, counted};
use crate::seeds::vector;

/// Panics if two honest ends do not understand each other, or as [`Duel::end`].
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let [settings, name, password, seed] = std::array::from_fn(|_| input.byte());
    let username = "u".repeat(name.into());
    let Ok(client) = PlainClient::new(&username, vec![b'p'; password.into()]) else {
        panic!("as long as a byte can tell")
    };
    let mut configs = [SocketType::Dealer, SocketType::Router].map(Config::new);
    configs[0].mechanism = MechanismConfig::Other(Arc::new(client));
    configs[1].mechanism = MechanismConfig::Other(Arc::new(PlainServer));
    if settings & 1 != 0 {
        configs[1].zap_domain = "global".to_owned();
    }
    assert_eq!(configs[1].set_routing_id(b"srv"), Ok(()));
    let answer = read_answer(&mut input);
    let allowed = matches!(answer, Some(AuthAnswer::Allow { .. }));
    let mut duel = Duel::new(configs, answer, None);
    duel.fight(&mut input);
    if !duel.altered {
        assert_eq!(duel.is_won(), allowed, "an honest handshake");
        duel.check_messages();
    }
    duel.end(seed);
}

/// Honest handshakes with each answer, and libzmq's half of one to either end.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = (0..6).map(|answer| vec![0, 5, 6, 1, answer]).collect();
    let told = |names: &[&str]| {
        let commands = names.iter().flat_map(|name| vector("plain", name));
        [greeting(3, 1, "PLAIN"), commands.collect()].concat()
    };
    let refused = ["denied_400", "denied_500", "error_rfc", "null_denied_400"];
    let hello = counted(&told(&["hello", "initiate"]));
    seeds.push([&[0, 5, 6, 0, 0, duel::REPLACE], &hello[..]].concat());
    let mut answers = vec![counted(&told(&["welcome", "ready"]))];
    answers.extend(refused.iter().map(|name| counted(&told(&[name]))));
    for answer in answers {
        seeds.push([&[0, 5, 6, 0, 0, duel::PASS, duel::REPLACE], &answer[..]].concat());
    }
    seeds
}
