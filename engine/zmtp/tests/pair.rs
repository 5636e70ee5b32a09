//! Two ends, a network between them and a clock, all of them virtual: no sockets, no sleeps.
//!
//! One end is always ours. The other is ours as well, or an older version, which is played from
//! the specification's point of view: it opens with fixed bytes and then exchanges frames.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    Action, Config, Decoder, Encoder, Established, Handshake, Heartbeat, HeartbeatConfig,
    ProtocolError, SocketType, Version, parse_subscription, subscribe_frame,
};

const LATENCY: Duration = Duration::from_millis(3);

/// One end of a connection, as an engine would drive it.
struct End {
    phase: Phase,
    peer: Option<ringmq_zmtp::Peer>,
    recorder: Recorder,
    /// Frames to send as soon as that is possible, in the form of a log.
    log: Vec<u8>,
    output: Vec<u8>,
    /// What has been sent by this end and is still on its way, and when it arrives.
    wire: Vec<(Instant, Vec<u8>)>,
    pings: usize,
    closed: Option<Closed>,
}

enum Phase {
    Handshake(Handshake),
    Traffic(Traffic),
    /// An older version has sent its opening and skips that many bytes, then a frame of ours.
    Old {
        skip: usize,
        decoder: Decoder,
        encoder: Encoder,
    },
}

struct Traffic {
    decoder: Decoder,
    encoder: Encoder,
    heartbeat: Heartbeat,
}

#[derive(Debug, PartialEq, Eq)]
enum Closed {
    Error(ProtocolError),
    Silence,
}

/// What an older version sends first, how many bytes of greeting it gets, and what it speaks.
#[derive(Clone, Copy, Debug)]
enum Old {
    V3_0,
    V2_0,
    Revision0,
    V1_0,
}

impl Old {
    const ALL: [Old; 4] = [Old::V3_0, Old::V2_0, Old::Revision0, Old::V1_0];

    fn opening(self, socket_type: SocketType) -> (Vec<u8>, usize, Version) {
        let greeting = |revision| {
            [b"\xFF\0\0\0\0\0\0\0\x01\x7F".as_slice(), &[revision, socket_type.code()]].concat()
        };
        match self {
            Old::V3_0 => (opening(0, socket_type), 64, Version::V3_0),
            Old::V2_0 => ([greeting(1), b"\0\0".to_vec()].concat(), 12, Version::V2_0),
            Old::Revision0 => ([greeting(0), b"\x01\0".to_vec()].concat(), 12, Version::V1_0),
            Old::V1_0 => (b"\x01\0".to_vec(), 0, Version::V1_0),
        }
    }
}

impl End {
    fn new(phase: Phase) -> Self {
        End {
            phase,
            peer: None,
            recorder: Recorder::default(),
            log: Vec::new(),
            output: Vec::new(),
            wire: Vec::new(),
            pings: 0,
            closed: None,
        }
    }

    fn ours(config: Config, now: Instant) -> Self {
        End::new(Phase::Handshake(Handshake::new(Arc::new(config), now)))
    }

    fn old(old: Old, socket_type: SocketType) -> Self {
        let (opening, skip, version) = old.opening(socket_type);
        let decoder = Decoder::new(version, None, 8192);
        let mut end = End::new(Phase::Old { skip, decoder, encoder: Encoder::new(version) });
        end.output = opening;
        end
    }

    /// Makes an old end skip the READY that a socket of that type with the id `me` sends.
    fn expect_ready(&mut self, socket_type: SocketType) {
        let mut metadata = property("Socket-Type", socket_type.name().as_bytes());
        use SocketType::{Dealer, Req, Router};
        if matches!(socket_type, Req | Dealer | Router) {
            metadata.extend(property("Identity", b"me"));
        }
        if let Phase::Old { skip, .. } = &mut self.phase {
            *skip += ready(&metadata).len();
        }
    }

    fn send(&mut self, flags: u8, body: &[u8]) {
        Encoder::new(Version::V3_1).translate(flags, body, &mut self.log);
    }

    /// Takes what has arrived, as engine or old peer.
    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if self.closed.is_some() {
            return;
        }
        if let Err(error) = self.try_receive(now, bytes) {
            self.closed = Some(Closed::Error(error));
        }
    }

    fn try_receive(&mut self, now: Instant, mut bytes: &[u8]) -> Result<(), ProtocolError> {
        if let Phase::Handshake(handshake) = &mut self.phase {
            bytes = &bytes[handshake.input(now, &mut no_random, bytes)?..];
            handshake.take_output(&mut self.output);
            if let Some(established) = handshake.established() {
                let Established { peer, mut decoder, encoder, heartbeat, .. } = established;
                self.peer = Some(peer);
                decoder.decode(b"", usize::MAX, &mut self.recorder)?;
                self.phase = Phase::Traffic(Traffic { decoder, encoder, heartbeat });
            }
        }
        match &mut self.phase {
            Phase::Handshake(_) => {}
            Phase::Old { skip, decoder, .. } => {
                let skipped = bytes.len().min(*skip);
                *skip -= skipped;
                decoder.decode(&bytes[skipped..], usize::MAX, &mut self.recorder)?;
            }
            Phase::Traffic(Traffic { decoder, heartbeat, .. }) if !bytes.is_empty() => {
                heartbeat.on_input();
                let before = self.recorder.events.len();
                decoder.decode(bytes, usize::MAX, &mut self.recorder)?;
                for event in &self.recorder.events[before..] {
                    match event {
                        Event::Ping(ttl, _) => heartbeat.on_ping(*ttl, now),
                        Event::Pong(_) => heartbeat.on_pong(),
                        _ => {}
                    }
                }
                self.answer_pings(before);
            }
            Phase::Traffic(_) => {}
        }
        Ok(())
    }

    fn answer_pings(&mut self, since: usize) {
        let Phase::Traffic(Traffic { encoder, .. }) = &mut self.phase else {
            return;
        };
        for event in &self.recorder.events[since..] {
            if let Event::Ping(_, context) = event {
                encoder.pong(context, &mut self.output);
            }
        }
    }

    /// Puts out what can be sent now.
    fn flush(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Handshake(handshake) => {
                handshake.take_output(&mut self.output);
            }
            Phase::Traffic(Traffic { encoder, .. }) | Phase::Old { encoder, .. } => {
                if encoder.is_verbatim() {
                    self.output.append(&mut self.log);
                }
                let mut rest = self.log.as_slice();
                while let Some(header) = frame::parse(rest) {
                    let (body, next) = rest[header.size..].split_at(header.body as usize);
                    encoder.translate(header.flags, body, &mut self.output);
                    rest = next;
                }
                self.log.clear();
            }
        }
        if !self.output.is_empty() && self.closed.is_none() {
            self.wire.push((now + LATENCY, std::mem::take(&mut self.output)));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            _ if self.closed.is_some() => None,
            Phase::Handshake(handshake) => handshake.poll_timeout(),
            Phase::Traffic(traffic) => traffic.heartbeat.poll_timeout(),
            Phase::Old { .. } => None,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            _ if self.closed.is_some() => {}
            Phase::Handshake(handshake) => {
                if let Err(error) = handshake.handle_timeout(now) {
                    self.closed = Some(Closed::Error(error));
                }
            }
            Phase::Traffic(Traffic { encoder, heartbeat, .. }) => {
                match heartbeat.handle_timeout(now) {
                    Action::None => {}
                    Action::SendPing { ttl } => {
                        self.pings += 1;
                        encoder.ping(ttl, &mut self.output);
                        heartbeat.on_ping_sent(false, now);
                    }
                    Action::Expired => self.closed = Some(Closed::Silence),
                }
            }
            Phase::Old { .. } => {}
        }
    }

    fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        let frame = |event: &Event| match event {
            Event::Frame(flags, body) => Some((*flags, body.clone())),
            _ => None,
        };
        self.recorder.events.iter().filter_map(frame).collect()
    }
}

/// Two ends with a network between them.
struct Pair {
    now: Instant,
    ends: [End; 2],
    /// Bytes delivered at a time.
    piece: usize,
    /// Whether the network loses everything from now on.
    cut: bool,
}

impl Pair {
    fn new(a: End, b: End, now: Instant, piece: usize) -> Self {
        Pair { now, ends: [a, b], piece, cut: false }
    }

    /// Lets time pass, from one thing that happens to the next.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            for end in &mut self.ends {
                end.flush(self.now);
                if self.cut {
                    end.wire.clear();
                }
            }
            let arrivals = self.ends.iter().flat_map(|end| end.wire.iter().map(|(at, _)| *at));
            let timers = self.ends.iter().filter_map(End::poll_timeout);
            let Some(next) = arrivals.chain(timers).min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.deliver();
            self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        for from in 0..2 {
            let arrived = self.ends[from].wire.extract_if(.., |(at, _)| *at <= self.now);
            let bytes: Vec<u8> = arrived.flat_map(|(_, bytes)| bytes).collect();
            for piece in bytes.chunks(self.piece) {
                self.ends[1 - from].receive(self.now, piece);
            }
        }
    }
}

const TYPES: [SocketType; 11] = {
    use SocketType::*;
    [Pair, Pub, Sub, Req, Rep, Dealer, Router, Pull, Push, XPub, XSub]
};
const PIECES: [usize; 4] = [1, 7, 64, 1 << 20];
const SECOND: Duration = Duration::from_secs(1);

/// Two messages, one of them of two frames and too long for a short header.
fn traffic() -> Vec<(u8, Vec<u8>)> {
    vec![(0, b"hello".to_vec()), (1, Vec::new()), (0, vec![0xAB; 300])]
}

#[test]
fn two_of_our_ends_talk_in_3_1() {
    for own in TYPES {
        for other in TYPES.into_iter().filter(|other| own.compatible(*other)) {
            for piece in PIECES {
                let now = Instant::now();
                let mut config = Config::new(own);
                config.set_routing_id(b"me").unwrap();
                let (a, b) = (End::ours(config, now), End::ours(Config::new(other), now));
                let mut pair = Pair::new(a, b, now, piece);
                for end in &mut pair.ends {
                    for (flags, body) in traffic() {
                        end.send(flags, &body);
                    }
                }
                pair.run_for(SECOND);
                for (end, peer_type) in pair.ends.iter().zip([other, own]) {
                    assert_eq!(end.closed, None);
                    let peer = end.peer.as_ref().unwrap();
                    assert_eq!(peer.version, Version::V3_1);
                    assert_eq!(peer.socket_type, Some(peer_type));
                    assert_eq!(end.frames(), traffic());
                }
                let told = pair.ends[1].peer.as_ref().unwrap().routing_id == b"me";
                use SocketType::{Dealer, Req, Router};
                assert_eq!(told, matches!(own, Req | Dealer | Router));
            }
        }
    }
}

#[test]
fn older_versions_are_met_where_they_are() {
    for old in Old::ALL {
        for own in TYPES {
            for piece in PIECES {
                let now = Instant::now();
                let mut config = Config::new(own);
                config.set_routing_id(b"me").unwrap();
                let other = End::old(old, partner(own));
                let mut pair = Pair::new(End::ours(config, now), other, now, piece);
                // An old end hears our routing id, or READY, before anything else: see below.
                if matches!(old, Old::V3_0) {
                    pair.ends[1].expect_ready(own);
                }
                for end in &mut pair.ends {
                    for (flags, body) in traffic() {
                        end.send(flags, &body);
                    }
                }
                pair.run_for(SECOND);
                let [ours, theirs] = &pair.ends;
                assert_eq!((&ours.closed, &theirs.closed), (&None, &None), "{old:?} {own}");
                assert_eq!(ours.peer.as_ref().unwrap().version, old.opening(own).2);

                let mut heard = ours.frames();
                let implicit_subscribe_all =
                    matches!(old, Old::V1_0) && matches!(own, SocketType::Pub | SocketType::XPub);
                if implicit_subscribe_all {
                    let (flags, body) = heard.remove(0);
                    assert!(parse_subscription(flags, &body).unwrap().topic.is_empty());
                }
                assert_eq!(heard, traffic(), "{old:?} {own}");

                let mut heard = theirs.frames();
                if !matches!(old, Old::V3_0) {
                    let (flags, routing_id) = heard.remove(0);
                    assert_eq!(routing_id, b"me", "{old:?} {own}");
                    // The 7F of the signature is the flags byte of that frame in 1.0.
                    assert_eq!(flags, u8::from(matches!(old, Old::V1_0)));
                }
                assert_eq!(heard, traffic(), "{old:?} {own}");
            }
        }
    }
}

#[test]
fn subscriptions_arrive_in_the_form_that_each_version_knows() {
    for old in [None, Some(Old::V3_0), Some(Old::V2_0), Some(Old::Revision0), Some(Old::V1_0)] {
        let now = Instant::now();
        let publisher = match old {
            None => End::ours(Config::new(SocketType::XPub), now),
            Some(old) => End::old(old, SocketType::Pub),
        };
        let ours = End::ours(Config::new(SocketType::Sub), now);
        let mut pair = Pair::new(ours, publisher, now, 5);
        if matches!(old, Some(Old::V3_0)) {
            pair.ends[1].expect_ready(SocketType::Sub);
        }
        subscribe_frame(b"news", &mut pair.ends[0].log);
        pair.run_for(SECOND);
        let frames = pair.ends[1].frames();
        let (flags, body) = frames.last().unwrap();
        let subscription = parse_subscription(*flags, body).unwrap();
        assert!(subscription.subscribe && subscription.topic == b"news");
        assert_eq!(*flags & frame::COMMAND != 0, old.is_none());
    }
}

#[test]
fn heartbeats_keep_a_connection_and_find_out_when_it_is_gone() {
    let now = Instant::now();
    let beat = Duration::from_millis(100);
    let mut config = Config::new(SocketType::Push);
    let heartbeat =
        HeartbeatConfig { timeout: beat * 3, ttl: SECOND, ..HeartbeatConfig::every(beat) };
    config.heartbeat = Some(heartbeat);
    let (a, b) = (End::ours(config, now), End::ours(Config::new(SocketType::Pull), now));
    let mut pair = Pair::new(a, b, now, 64);
    pair.run_for(SECOND * 10);
    assert_eq!((&pair.ends[0].closed, &pair.ends[1].closed), (&None, &None));
    let pongs = pair.ends[0].recorder.events.iter().filter(|e| matches!(e, Event::Pong(_))).count();
    let pings = pair.ends[1].recorder.events.iter().filter(|e| **e == Event::Ping(10, vec![]));
    assert_eq!(pair.ends[0].pings, 99, "one a beat, the first a beat after the handshake");
    assert_eq!((pongs, pings.count()), (99, 99));

    pair.cut = true;
    // The pusher gives up three beats after the first PING that gets no answer ...
    pair.run_for(beat * 3);
    assert_eq!(pair.ends[0].closed, None);
    pair.run_for(beat);
    assert_eq!(pair.ends[0].closed, Some(Closed::Silence));
    // ... and the other end when the time-to-live of the last PING it got is over.
    assert_eq!(pair.ends[1].closed, None);
    pair.run_for(SECOND);
    assert_eq!(pair.ends[1].closed, Some(Closed::Silence));
}

#[test]
fn peers_without_heartbeats_get_none() {
    for (old, expected) in [(Old::V3_0, 9), (Old::V2_0, 0), (Old::V1_0, 0)] {
        let now = Instant::now();
        let mut config = Config::new(SocketType::Push);
        let never = Duration::ZERO;
        config.heartbeat =
            Some(HeartbeatConfig { timeout: never, ..HeartbeatConfig::every(SECOND) });
        let theirs = End::old(old, SocketType::Pull);
        let mut pair = Pair::new(End::ours(config, now), theirs, now, 64);
        if matches!(old, Old::V3_0) {
            pair.ends[1].expect_ready(SocketType::Push);
        }
        pair.run_for(SECOND * 10);
        assert_eq!(pair.ends[0].pings, expected, "{old:?}");
        let heard = pair.ends[1].recorder.events.iter().filter(|e| matches!(e, Event::Ping(..)));
        assert_eq!(heard.count(), expected);
    }
}

#[test]
fn a_handshake_over_a_dead_network_ends_in_time() {
    let now = Instant::now();
    let (a, b) = (Config::new(SocketType::Push), Config::new(SocketType::Pull));
    let mut pair = Pair::new(End::ours(a, now), End::ours(b, now), now, 64);
    pair.cut = true;
    pair.run_for(SECOND * 29);
    assert_eq!(pair.ends[0].closed, None);
    pair.run_for(SECOND);
    for end in &pair.ends {
        assert_eq!(end.closed, Some(Closed::Error(ProtocolError::HandshakeTimeout)));
    }
}

#[test]
fn both_ends_notice_that_they_do_not_go_together() {
    for own in TYPES {
        for other in TYPES.into_iter().filter(|other| !own.compatible(*other)) {
            let now = Instant::now();
            let (a, b) = (Config::new(own), Config::new(other));
            let mut pair = Pair::new(End::ours(a, now), End::ours(b, now), now, 64);
            pair.run_for(SECOND);
            for (end, (own, peer)) in pair.ends.iter().zip([(own, other), (other, own)]) {
                let peer = peer.name().to_owned();
                let error = ProtocolError::IncompatibleSocketType { own, peer };
                assert!(error.is_protocol_violation() && error.code().is_none());
                assert_eq!(end.closed, Some(Closed::Error(error)));
            }
        }
    }
}
