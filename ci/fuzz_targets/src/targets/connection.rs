//! A whole connection as a sequence of operations: bytes come in, of an honest peer or of anybody, cut
//! anywhere; the authenticator answers, whether or not it was asked; time passes; messages go out.
//!
//! Input: type and mechanism, a byte each; operations, each a byte and its arguments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmq_pipe::frame;
use ringmq_zmtp::{
    Action, AuthAnswer, Config, Decoded, HeartbeatConfig, MechanismConfig, PlainServer, SocketType,
    TRUST, Version,
};

use crate::clear::Clear;
use crate::common::{Event, Recorder, greeting, property, ready, short_frame};
use crate::duel::{SEEDS, read_answer};
use crate::end::{End, START};
use crate::input::{Input, counted};
use crate::memory::{FIXED, LISTED, bounded};
use crate::seeds::{openings, wires};

/// Operations, by their number.
const FEED: u8 = 0;
const ANSWER: u8 = 1;
const PASS_TIME: u8 = 2;
const SEND: u8 = 3;
const SEND_APART: u8 = 4;
const DECODE: u8 = 5;
const COMMANDS: u8 = 6;
const OPERATIONS: u8 = 7;

struct Connection {
    end: End,
    now: Instant,
    /// Events of the recorder that were dealt with.
    handled: usize,
    /// Whether the peer was silent for too long.
    expired: bool,
}

/// Panics if something that is promised of any of the operations does not hold, or more memory is taken than
/// is in proportion.
pub fn run(data: &[u8]) {
    let limit = FIXED + TRUST + LISTED * data.len();
    bounded(limit, || operations(Input::new(data)));
}

fn operations(mut input: Input<'_>) {
    let mut config = Config::new(input.choose(&SocketType::ALL));
    match input.byte() % 4 {
        0 => config.heartbeat = Some(HeartbeatConfig::every(Duration::from_millis(100))),
        1 => config.zap_domain = "global".to_owned(),
        2 => config.mechanism = MechanismConfig::Other(Arc::new(PlainServer)),
        _ => config.mechanism = MechanismConfig::Other(Arc::new(Clear)),
    }
    let mut connection = Connection {
        end: End::new(&Arc::new(config), SEEDS[0], None),
        now: *START,
        handled: 0,
        expired: false,
    };
    while !input.is_over() && !connection.expired && connection.end.seen.error.is_none() {
        connection.operate(&mut input);
        connection.handle_events();
    }
    connection.go_on_after_error();
}

impl Connection {
    fn operate(&mut self, input: &mut Input<'_>) {
        match input.byte() % OPERATIONS {
            FEED => self.end.feed(input.bytes()),
            ANSWER => {
                let waited = self.end.handshake.is_waiting();
                let answer = read_answer(input);
                let denies = !matches!(answer, None | Some(AuthAnswer::Allow { .. }));
                let Some(answer) = answer else { return };
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
            DECODE => self.decode(input.byte(), input.bytes()),
            _ => self.commands(input.bytes()),
        }
    }

    fn pass_time(&mut self, time: Duration) {
        self.now += time;
        let due = self.end.handshake.poll_timeout().is_some_and(|at| at <= self.now);
        let result = self.end.handshake.handle_timeout(self.now);
        assert_eq!(result.is_err(), due, "the time of the handshake");
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
        self.end.seen.output.clear();
        if self.end.recorder.open.is_none() {
            self.end.recorder = Recorder::default();
            self.handled = 0;
        }
    }
}

/// Whole connections of each kind of end, the bytes of libzmq after the handshake.
pub fn seeds() -> Vec<Vec<u8>> {
    let feed = |bytes: &[u8]| [&[FEED], &counted(bytes)[..]].concat();
    let mut seeds = Vec::new();
    for (own, opening) in openings() {
        seeds.push([&[own, own % 2], &feed(&opening)[..], &[ANSWER, 0, SEND, 0, 1, 0, 9]].concat());
    }
    let metadata = property("Socket-Type", b"DEALER");
    let plain = [
        greeting(3, 1, "PLAIN"),
        short_frame(frame::COMMAND, b"\x05HELLO\x01u\x01p"),
        short_frame(frame::COMMAND, &[b"\x08INITIATE", &metadata[..]].concat()),
    ];
    let router = SocketType::ALL.iter().position(|own| *own == SocketType::Router);
    let router = router.unwrap_or_default() as u8;
    seeds.push([&[router, 2], &feed(&plain.concat())[..], &[ANSWER, 1, 1, 0, 65]].concat());
    let clear = [greeting(3, 1, "CLEAR"), ready(&metadata)].concat();
    for (mechanism, opening) in
        [(3, clear), (0, [greeting(3, 1, "NULL"), ready(&metadata)].concat())]
    {
        for wire in wires() {
            let operation = [DECODE, COMMANDS, FEED][wire.len() % 3];
            let credit = if operation == DECODE { &[1][..] } else { &[] };
            let pass = [PASS_TIME, 100, 0, PASS_TIME, 100, 0, SEND_APART, 2, 0, 1, 2];
            let head = [&[router, mechanism][..], &feed(&opening), &[operation], credit].concat();
            seeds.push([&head[..], &counted(&wire), &pass].concat());
        }
    }
    seeds
}
