//! The frames of a ZAP handler's reply.
//!
//! Input: frames, each after its length in two bytes.

use std::sync::Arc;

use ringmq_pipe::frame;
use ringmq_zmtp::{AuthAnswer, Config, MechanismConfig, PlainServer, SocketType};

use crate::common::{greeting, property, short_frame};
use crate::duel::SEEDS;
use crate::end::End;
use crate::input::{Input, counted};
use crate::memory::{FIXED, LISTED, bounded};

/// Panics if what is read of the metadata, written again, is read as something else; or if a peer is let in, or
/// kept out, against what the handler has said.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut frames = Vec::new();
    while !input.is_over() {
        frames.push(input.bytes());
    }
    bounded(FIXED + LISTED * data.len(), || {
        let (id, answer) = AuthAnswer::from_zap(&frames);
        assert_eq!(id, frames.get(2).copied());
        if let AuthAnswer::Allow { properties, .. } = &answer {
            let written: Vec<u8> =
                properties.iter().flat_map(|(name, value)| property(name, value)).collect();
            let mut again = frames.clone();
            again[6] = &written;
            assert_eq!(AuthAnswer::from_zap(&again), (id, answer.clone()), "once more");
        }
        shake_hands(answer);
    });
}

/// Has a peer come in on that answer.
fn shake_hands(answer: AuthAnswer) {
    let mut config = Config::new(SocketType::Router);
    config.mechanism = MechanismConfig::Other(Arc::new(PlainServer));
    let mut end = End::new(&Arc::new(config), SEEDS[1], Some(answer.clone()));
    let claims =
        [property("Socket-Type", b"DEALER"), property("User-Id", b"root"), property("X-a", b"own")];
    end.feed(&greeting(3, 1, "PLAIN"));
    end.feed(&short_frame(frame::COMMAND, b"\x05HELLO\x01u\x01p"));
    end.feed(&short_frame(frame::COMMAND, &[b"\x08INITIATE", &claims.concat()[..]].concat()));
    assert_eq!(end.asked.len(), 1);
    assert_eq!(end.asked[0].zap_frames("1", "").last(), Some(&&b"p"[..]));
    let AuthAnswer::Allow { user_id, properties } = answer else {
        return assert!(end.established.is_none() && end.seen.error.is_some(), "let in");
    };
    let Some(peer) = end.seen.peer else { panic!("{:?}", end.seen.error) };
    let named = |name: &str| {
        let mut found = peer.metadata.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.clone());
        (first, found.next().is_none() || name == "User-Id")
    };
    let told = properties.iter().find(|(known, _)| known.eq_ignore_ascii_case("User-Id"));
    let user =
        if user_id.is_empty() { told.map(|(_, value)| value.clone()) } else { Some(user_id) };
    assert_eq!(named("User-Id"), (user, true), "only the handler says who it is");
    for (name, value) in &properties {
        if !name.eq_ignore_ascii_case("User-Id") {
            assert_eq!(named(name), (Some(value.clone()), true), "the handler knows better");
        }
    }
}

/// Replies of each status, and some that are wrong.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let metadata = [property("X-role", b"admin"), property("user-id", b"x")].concat();
    for status in [&b"200"[..], b"300", b"400", b"500", b"600"] {
        for metadata in [&metadata[..], b"", b"\x01"] {
            let frames = [&b""[..], b"1.0", b"1", status, b"OK", b"bob", metadata];
            seeds.push(frames.iter().flat_map(|frame| counted(frame)).collect());
        }
    }
    seeds.push(counted(b"1.0"));
    seeds
}
