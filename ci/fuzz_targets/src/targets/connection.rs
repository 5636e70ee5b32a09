//! A whole connection as a sequence of operations, under each mechanism and in both of its roles: bytes come in,
//! of an honest peer or of anybody, cut anywhere; the authenticator answers, whether or not it was asked; time
//! passes; messages go out.
//!
//! Input: type, mechanism, settings, a byte each; operations, each a byte and its arguments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmq_pipe::frame;
use ringmq_zmtp::{
    Action, AuthAnswer, Config, Decoded, HeartbeatConfig, SocketType, TRUST, Version,
};

use crate::common::{Event, Recorder, greeting, property, ready, short_frame};
use crate::duel::{SEEDS, read_answer};
use crate::end::{End, START};
use crate::input::{Input, counted};
use crate::memory::{FIXED, LISTED, bounded};
use crate::partner::{self, Partner};
use crate::seeds::{openings, wires};

/// Operations, by their number.
const FEED: u8 = 0;
const ANSWER: u8 = 1;
const PASS_TIME: u8 = 2;
const SEND: u8 = 3;
const SEND_APART: u8 = 4;
const DECODE: u8 = 5;
const COMMANDS: u8 = 6;
const PARTNER: u8 = 7;
const OPERATIONS: u8 = 8;

/// No handshake takes more of a partner's flights.
const ENOUGH: usize = 6;

struct Connection {
    end: End,
    /// Whoever is at the other end of the wire, and hears all that is said.
    partner: Option<Partner>,
    /// Whether nothing was done so far but what honest ends do in time.
    honest: bool,
    /// So often the partner was heard since the last answer.
    flights: usize,
    now: Instant,
    /// Events of the recorder that were dealt with.
    handled: usize,
    /// Whether the peer was silent for too long.
    expired: bool,
}

/// Panics if something that is promised of any of the operations does not hold, or more memory is taken than
/// is in proportion.
pub fn run(data: &[u8]) {
    // The partner is another end.
    let limit = 2 * (FIXED + TRUST) + LISTED * data.len();
    bounded(limit, || operations(Input::new(data)));
}

fn operations(mut input: Input<'_>) {
    let socket_type = input.choose(&SocketType::ALL);
    if socket_type == SocketType::Stream {
        // It has no frames.
        return;
    }
    let mut config = Config::new(socket_type);
    let mechanism = input.byte() % partner::MECHANISMS;
    config.mechanism = partner::mechanism(mechanism);
    let settings = input.byte();
    if settings & 1 != 0 {
        config.heartbeat = Some(HeartbeatConfig::every(Duration::from_millis(100)));
    }
    if settings & 2 != 0 {
        config.zap_domain = "global".to_owned();
    }
    let mut connection = Connection {
        partner: Partner::new(config.socket_type, mechanism),
        end: End::new(&Arc::new(config), SEEDS[0], None),
        honest: true,
        flights: 0,
        now: *START,
        handled: 0,
        expired: false,
    };
    while !input.is_over() && !connection.expired && connection.end.seen.error.is_none() {
        connection.operate(&mut input);
        connection.handle_events();
        connection.tell_partner();
    }
    connection.check_honest();
    connection.go_on_after_error();
}

impl Connection {
    fn operate(&mut self, input: &mut Input<'_>) {
        match input.byte() % OPERATIONS {
            FEED => {
                self.honest = false;
                self.end.feed(input.bytes());
            }
            ANSWER => {
                let waited = self.end.handshake.is_waiting();
                let answer = read_answer(input);
                let denies = !matches!(answer, None | Some(AuthAnswer::Allow { .. }));
                let Some(answer) = answer else { return };
                if waited {
                    self.honest &= !denies;
                    self.flights = 0;
                }
                self.end.answer(answer);
                assert!(!denies || !waited || self.end.seen.error.is_some(), "let in all the same");
                self.end.feed(&[]);
            }
            PASS_TIME => self.pass_time(Duration::from_millis(input.number().into())),
            SEND => {
                let flags = input.byte() & frame::MORE;
                let body = input.bytes();
                let before = self.end.seen.output.len();
                if self.end.send(flags, body) {
                    assert!(self.end.seen.output.len() > before + body.len(), "no header");
                }
            }
            SEND_APART => self.send_apart(input.bytes()),
            DECODE => {
                self.honest = false;
                self.decode(input.byte(), input.bytes());
            }
            COMMANDS => {
                self.honest = false;
                self.commands(input.bytes());
            }
            _ => self.hear_partner(input),
        }
    }

    /// Hears what the partner has said: as it is or with a bit of it flipped, at once or with little credit.
    fn hear_partner(&mut self, input: &mut Input<'_>) {
        let Some(partner) = &mut self.partner else { return };
        let mut said = partner.speak(input);
        self.flights += 1;
        let [credit, flips] = std::array::from_fn(|_| input.byte());
        if flips & 1 != 0 && !said.is_empty() {
            let at = usize::from(input.number()) % said.len();
            said[at] ^= flips;
            self.honest = false;
        }
        if self.end.established.is_some() && self.end.waiting.is_empty() {
            self.decode(credit, &said);
        } else {
            self.end.feed(&said);
        }
    }

    /// Two honest ends understand each other, and are ready for messages before long.
    fn check_honest(&self) {
        let End { handshake, established, seen, .. } = &self.end;
        if self.honest {
            assert!(seen.error.is_none(), "between honest ends: {:?}", seen.error);
            let is_over = established.is_some() || handshake.is_waiting();
            assert!(is_over || self.flights < ENOUGH, "a handshake without an end");
        }
    }

    /// Has the partner hear what was said.
    fn tell_partner(&mut self) {
        let said = std::mem::take(&mut self.end.seen.output);
        if let Some(partner) = &mut self.partner {
            partner.hear(&said);
        }
    }

    fn pass_time(&mut self, time: Duration) {
        self.now += time;
        let due = self.end.handshake.poll_timeout().is_some_and(|at| at <= self.now);
        let result = self.end.handshake.handle_timeout(self.now);
        assert_eq!(result.is_err(), due, "the time of the handshake");
        self.honest &= !due;
        self.end.seen.error = result.err();
        let Some(established) = &mut self.end.established else { return };
        let due = established.heartbeat.poll_timeout().is_some_and(|at| at <= self.now);
        match established.heartbeat.handle_timeout(self.now) {
            Action::None => {}
            Action::SendPing { ttl } => {
                assert!(due, "a PING before its time");
                let before = self.end.seen.output.len();
                established.encoder.ping(ttl, &mut self.end.seen.output);
                assert!(self.end.seen.output.len() > before, "no PING");
                established.heartbeat.on_ping_sent(time.is_zero(), self.now);
            }
            Action::Expired => self.expired = true,
        }
    }

    /// A body that is sent from elsewhere has the same header as one that is copied.
    fn send_apart(&mut self, body: &[u8]) {
        let Some(established) = &mut self.end.established else { return };
        if established.encoder.keeps_body(0) {
            let (mut apart, mut whole) = (Vec::new(), Vec::new());
            established.encoder.translate_header(0, body.len() as u64, &mut apart);
            established.encoder.translate(0, body, &mut whole);
            assert_eq!([&apart[..], body].concat(), whole);
        }
    }

    fn decode(&mut self, credit: u8, bytes: &[u8]) {
        let Some(established) = &mut self.end.established else { return };
        let mut rest = bytes;
        for credit in [usize::from(credit), usize::MAX] {
            match established.decoder.decode(rest, credit, &mut self.end.recorder) {
                Ok(Decoded { consumed, messages }) => {
                    assert!(messages <= credit && consumed <= rest.len());
                    rest = &rest[consumed..];
                }
                Err(error) => return self.end.seen.error = Some(error),
            }
        }
        assert!(rest.is_empty(), "with credit for all of it");
    }

    fn commands(&mut self, bytes: &[u8]) {
        let Some(established) = &mut self.end.established else { return };
        let before = self.end.recorder.messages;
        match established.decoder.decode_commands(bytes, &mut self.end.recorder) {
            Ok(taken) => {
                assert!(taken <= bytes.len());
                assert_eq!(self.end.recorder.messages, before, "a message without credit");
                self.decode(u8::MAX, &bytes[taken..]);
            }
            Err(error) => self.end.seen.error = Some(error),
        }
    }

    /// Nobody should; whoever does gets nothing for it.
    fn go_on_after_error(mut self) {
        if self.end.seen.error.is_some() && self.end.established.is_none() {
            let End { handshake, random, .. } = &mut self.end;
            let taken = handshake.input(self.now, &mut |out| random.fill(out), b"\0\0\0");
            assert_eq!(taken, Ok(0));
            assert!(!handshake.take_output(&mut Vec::new()) && !handshake.is_waiting());
            assert_eq!((handshake.poll_timeout(), handshake.poll_request()), (None, None));
        }
    }

    /// Answers PINGs as a session does.
    fn handle_events(&mut self) {
        let Some(established) = &mut self.end.established else { return };
        for event in &self.end.recorder.events[self.handled..] {
            match event {
                Event::Frame(..) => {}
                Event::Ping(ttl, context) => {
                    assert!(established.peer.version >= Version::V3_0, "a command of version 3");
                    established.heartbeat.on_input();
                    established.heartbeat.on_ping(*ttl, self.now);
                    established.encoder.pong(context, &mut self.end.seen.output);
                }
                Event::Pong(_) => established.heartbeat.on_pong(),
            }
        }
        self.handled = self.end.recorder.events.len();
        // What is kept of the past is none of the connection's memory.
        if self.end.recorder.open.is_none() {
            self.end.recorder = Recorder::default();
            self.handled = 0;
        }
    }
}

/// Whole connections of each kind of end, the bytes of libzmq after the handshake; and honest ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = honest();
    for (own, opening) in openings() {
        let settings = [own, partner::NULL, 1 + own % 2];
        let after = [ANSWER, 0, SEND, 0, 1, 0, 9];
        seeds.push([&settings[..], &feed(&opening), &after].concat());
    }
    let metadata = property("Socket-Type", b"DEALER");
    let plain = [
        greeting(3, 1, "PLAIN"),
        short_frame(frame::COMMAND, b"\x05HELLO\x01u\x01p"),
        short_frame(frame::COMMAND, &[b"\x08INITIATE", &metadata[..]].concat()),
    ];
    let plain = feed(&plain.concat());
    let settings = [router(), partner::PLAIN_SERVER, 0];
    seeds.push([&settings[..], &plain, &[ANSWER, 1, 1, 0, 65]].concat());
    let opening = |name| [greeting(3, 1, name), ready(&metadata)].concat();
    for (mechanism, name) in [(partner::CLEAR, "CLEAR"), (partner::NULL, "NULL")] {
        for wire in wires() {
            let operation = [DECODE, COMMANDS, FEED][wire.len() % 3];
            let credit = if operation == DECODE { &[1][..] } else { &[] };
            let pass = [PASS_TIME, 100, 0, PASS_TIME, 100, 0, SEND_APART, 2, 0, 1, 2];
            let begin = [&[router(), mechanism, 1][..], &feed(&opening(name))].concat();
            seeds.push([&begin[..], &[operation], credit, &counted(&wire), &pass].concat());
        }
    }
    seeds
}

fn feed(bytes: &[u8]) -> Vec<u8> {
    [&[FEED], &counted(bytes)[..]].concat()
}

/// A ROUTER's number.
fn router() -> u8 {
    let router = SocketType::ALL.iter().position(|own| *own == SocketType::Router);
    router.unwrap_or_default() as u8
}

/// What the partner says, passed on until both are ready under each mechanism, with the authenticator's answers;
/// messages and PINGs in both directions; a bit that is flipped early and late.
fn honest() -> Vec<Vec<u8>> {
    const FLIGHTS: usize = 2 * ENOUGH;
    let pass = [PARTNER, partner::NOTHING, 255, 0];
    let begin: Vec<u8> = [&pass[..], &[ANSWER, 0]].concat().repeat(FLIGHTS);
    let messages = [
        &[PARTNER, partner::SEND, 1][..],
        &counted(b"Hello"),
        &[255, 0, PARTNER, partner::SEND, 0, 0, 0, 1, 0, PARTNER, partner::PING, 9, 0, 255, 0],
        &[SEND, 0],
        &counted(b"World"),
        &[PASS_TIME, 100, 0],
        &pass,
    ]
    .concat();
    let flip = [PARTNER, partner::NOTHING, 255, 1, 70, 0];
    let late = [PARTNER, partner::PING, 9, 0, 255, 1, 12, 0];
    let mut seeds = Vec::new();
    for mechanism in 0..partner::MECHANISMS {
        for settings in 0..4 {
            let head = [&[router(), mechanism, settings][..], &begin].concat();
            seeds.push([&head[..], &messages].concat());
            seeds.push([&head[..], &messages, &late, &messages].concat());
        }
        seeds.push([&[router(), mechanism, 0][..], &pass, &flip, &begin].concat());
    }
    seeds
}
