//! Two ends that shake hands and send messages, and somebody between them who alters what goes over the
//! wire: bytes of a fuzzer that get as far as the protocol lets anybody.

use std::sync::Arc;

use ringmq_pipe::frame;
use ringmq_zmtp::{AuthAnswer, Config, Denial, TRUST};

use crate::boxes::Keys;
use crate::common::Seen;
use crate::cuts::cut;
use crate::end::{End, listen};
use crate::input::Input;
use crate::memory::{FIXED, LISTED, bounded};

/// What the random bytes of the client and of the server follow from.
pub(crate) const SEEDS: [u64; 2] = [1, 2];
/// So often a flight is passed on after the bytes of the fuzzer are over; no handshake takes more.
const LAST: usize = 8;

/// What is done to a flight: its number, as a fuzzer has it.
pub(crate) const PASS: u8 = 0;
pub(crate) const FLIP: u8 = 1;
pub(crate) const CUT: u8 = 2;
pub(crate) const INSERT: u8 = 3;
pub(crate) const REPLACE: u8 = 4;
pub(crate) const AGAIN: u8 = 5;
pub(crate) const SEND: u8 = 6;
pub(crate) const EDIT: u8 = 7;
const OPERATIONS: u8 = 8;

/// Two ends, client and server where there is a difference, and what is between them.
pub(crate) struct Duel<'a> {
    configs: [Arc<Config>; 2],
    answer: Option<AuthAnswer>,
    keys: Option<&'a Keys>,
    ends: [End; 2],
    /// How much of what each has put out is on its way.
    taken: [usize; 2],
    /// All that each was given.
    heard: [Vec<u8>; 2],
    /// The messages that each was asked to send.
    sent: [Vec<(u8, Vec<u8>)>; 2],
    earlier: Vec<Vec<u8>>,
    /// Whether a flight was altered, and whether by somebody who has the keys.
    pub(crate) altered: bool,
    pub(crate) betrayed: bool,
}

impl<'a> Duel<'a> {
    pub(crate) fn new(
        configs: [Config; 2],
        answer: Option<AuthAnswer>,
        keys: Option<&'a Keys>,
    ) -> Self {
        let configs = configs.map(Arc::new);
        let end = |which: usize| End::new(&configs[which], SEEDS[which], answer.clone());
        Duel {
            ends: [end(0), end(1)],
            configs,
            answer,
            keys,
            taken: [0; 2],
            heard: Default::default(),
            sent: Default::default(),
            earlier: Vec::new(),
            altered: false,
            betrayed: false,
        }
    }

    /// Has them talk for as long as the input has something to say, and then until they have nothing left.
    /// Whatever was said, each leads to the same if it hears that again in pieces.
    pub(crate) fn fight(&mut self, input: &mut Input<'_>) {
        let mut from = 0;
        while !input.is_over() {
            self.flight(from, input);
            from = 1 - from;
        }
        for _ in 0..LAST {
            self.flight(from, &mut Input::new(&[]));
            from = 1 - from;
        }
    }

    fn flight(&mut self, from: usize, input: &mut Input<'_>) {
        let operation = input.byte() % OPERATIONS;
        if operation == SEND {
            let more = input.byte() & frame::MORE;
            let body = input.bytes();
            if self.ends[from].send(more, body) {
                self.sent[from].push((more, body.to_vec()));
            }
        }
        let honest = self.ends[from].seen.output[self.taken[from]..].to_vec();
        self.taken[from] += honest.len();
        let mut flight = honest.clone();
        let place = |at: u16| usize::from(at) % (honest.len() + 1);
        match operation {
            FLIP => {
                let (at, mask) = (place(input.number()), input.byte());
                flight.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask);
            }
            CUT => flight.truncate(place(input.number())),
            INSERT => {
                let at = place(input.number());
                flight.splice(at..at, input.bytes().iter().copied());
            }
            REPLACE => flight = input.bytes().to_vec(),
            AGAIN => {
                let number = usize::from(input.byte());
                flight.extend(self.earlier.iter().rev().nth(number).into_iter().flatten());
            }
            EDIT => {
                let (at, kept, new) = (input.number(), input.byte(), input.bytes());
                let edit = |content: &mut Vec<u8>| {
                    let at = usize::from(at).min(content.len());
                    let end = content.len().min(at + usize::from(kept));
                    content.splice(at..end, new.iter().copied());
                };
                if let Some(keys) = self.keys {
                    keys.edit(&mut flight, from == 0, edit);
                    self.betrayed |= flight != honest;
                }
            }
            _ => {}
        }
        self.altered |= flight != honest;
        self.earlier.push(honest);
        self.heard[1 - from].extend_from_slice(&flight);
        self.ends[1 - from].feed(&flight);
    }

    /// The end of the fight: what each has seen. Each has to see the same in pieces, and takes no more memory
    /// than is in proportion.
    pub(crate) fn end(self, seed: u8) -> [Seen; 2] {
        let Duel { ends, configs, answer, heard, .. } = self;
        let mut which = 0;
        ends.map(|end| {
            let own = which;
            which += 1;
            let sent = self.sent[own].len();
            let seen = end.into_seen();
            if sent > 0 {
                // Its own messages were sent between others' bytes.
                return seen;
            }
            let pieces = cut(&heard[own], seed);
            let limit = FIXED + TRUST + LISTED * heard[own].len();
            let again =
                bounded(limit, || listen(&configs[own], SEEDS[own], answer.as_ref(), &pieces));
            assert_eq!(again, seen, "in pieces");
            seen
        })
    }

    /// Whether both ends are ready for messages.
    pub(crate) fn is_won(&self) -> bool {
        self.ends.iter().all(|end| end.established.is_some() && end.seen.error.is_none())
    }

    /// What must hold for whoever was let through: it has heard the beginning of what the other was asked to
    /// send, and nothing else; all of it, if nobody came between.
    pub(crate) fn check_messages(&self) {
        for own in [0, 1] {
            let sent = &self.sent[1 - own];
            let heard: Vec<_> = self.ends[own].frames().collect();
            let expected: Vec<_> =
                sent.iter().map(|(flags, body)| (*flags, body.as_slice())).collect();
            assert!(expected.starts_with(&heard), "messages that nobody has sent");
            assert!(self.altered || heard.len() == expected.len(), "messages are lost");
        }
    }

    /// What must hold for whoever is let in by keys: it is who it says. For types that tell
    /// their routing ids.
    pub(crate) fn check_names(&self) {
        for own in [0, 1] {
            if let Some(peer) = &self.ends[own].seen.peer {
                let partner = &self.configs[1 - own];
                assert_eq!(peer.socket_type, Some(partner.socket_type));
                assert_eq!(peer.routing_id, partner.routing_id());
            }
        }
    }
}

/// What the authenticators of both ends answer; `None` if they never do.
pub(crate) fn read_answer(input: &mut Input<'_>) -> Option<AuthAnswer> {
    let allow = |user_id: &[u8]| AuthAnswer::Allow {
        user_id: user_id.to_vec(),
        properties: vec![("X-known".to_owned(), b"1".to_vec())],
    };
    Some(match input.byte() % 6 {
        0 => allow(b""),
        1 => allow(input.bytes()),
        2 => AuthAnswer::Deny(Denial::Temporary),
        3 => AuthAnswer::Deny(Denial::Credentials),
        4 => {
            let frames = [&b""[..], b"1.0", b"1", b"200", b"", input.bytes(), input.bytes()];
            AuthAnswer::from_zap(&frames).1
        }
        _ => return None,
    })
}
